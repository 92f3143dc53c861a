//! What all wire protocols share: the machine's contract, its output, lines and SASL.

pub mod machine;
pub mod output;
pub mod sasl;
