//! What the house stands on: clock, randomness, tasks, blocking work, disks, secrets, counts and
//! settings that change.

pub mod clock;
pub mod disk;
pub mod group;
pub mod pool;
pub mod random;
pub mod secret;
pub mod telemetry;
pub mod user;
pub mod watched;
