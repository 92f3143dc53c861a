//! Questions to the domain name system, answered from a cache.
//!
//! [`Dns`] is what rooms hold: typed questions over any [`Resolver`], with a bounded cache and
//! bounded answers. [`system`] asks the real world, [`zone`] answers from a few lines of text.
//! "There is no such thing" and "nobody could say" are different errors everywhere: only the first
//! may ever decide the fate of a message.

mod cache;
mod dns;
mod resolver;
pub mod system;
pub mod zone;

pub use dns::{Dns, Family, Limits, RECORDS_MAX};
pub use resolver::{Answer, Data, Kind, Looking, LookupError, Mx, Negative, Resolver, Trouble};
