//! What stands above a message in a mailbox, and the rendering of the whole.

use postroom_mail::address::Address;
use postroom_mail::header;
use postroom_store::operation::{Piece, Rendering};

use crate::case::Case;

/// The block above the kept octets in one account: Return-Path (RFC 5321 §4.4), Delivered-To with
/// the address that led there, and the fields that all copies share.
pub(crate) fn account_head(case: &Case<'_>, delivered_to: &Address) -> Vec<u8> {
    let mut head = Vec::with_capacity(case.trace.len() + 160);
    head.extend_from_slice(header::return_path(&case.envelope.reverse_path).as_bytes());
    head.extend_from_slice(header::delivered_to(delivered_to).as_bytes());
    head.extend_from_slice(case.trace);
    head
}

/// `head`, then the pieces.
pub(crate) fn rendering(head: Vec<u8>, pieces: &[Piece]) -> Rendering {
    let mut all = Vec::with_capacity(pieces.len() + 1);
    if !head.is_empty() {
        all.push(Piece::Block(head.into()));
    }
    all.extend_from_slice(pieces);
    Rendering { pieces: all }
}
