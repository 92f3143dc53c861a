//! From a [`Response`](crate::response::Response) to octets (RFC 9051 §7, §9).
//!
//! Nothing is allocated for an item; what is large is printed piece by piece, so that output
//! stays near its mark.

mod envelope;
mod fetch;
mod mailbox;
mod number;
mod pages;
mod status;
mod structure;
pub(crate) mod text;

pub(crate) use pages::{Pages, Printed};
pub(crate) use status::{tagged, untagged};

use crate::capability::Offer;
use crate::parse::Names;

/// What printing depends on besides the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The tag of the command in hand.
    pub(crate) tag: &'a str,
    /// How mailbox names are spelled.
    pub(crate) names: Names,
    /// What CAPABILITY says now.
    pub(crate) offer: Offer,
}
