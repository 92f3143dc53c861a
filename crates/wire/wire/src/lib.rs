//! What all wire protocols share: the machine's contract, its output, lines, SASL, and the
//! transcripts that prove them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod lines;
pub mod machine;
pub mod output;
pub mod sasl;
pub mod transcript;
