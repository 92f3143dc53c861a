//! Submission, Transfer and LMTP sessions and their policy stages.
//!
//! One [`Session`] serves the three profiles: it answers the questions of the SMTP server machine
//! by running the [`stages`], gathers the body, and hands the whole to `delivery`, whose commit is
//! what a 250 means. Where a refusal comes from is seen in [`stages::STAGES`].

mod gather;
mod header;
mod house;
mod profile;
mod protocol;
mod repeat;
mod reserve;
mod session;
pub mod stages;

pub use house::{Intake, Limits, Parts};
pub use profile::{Door, Doors};
pub use session::Session;
