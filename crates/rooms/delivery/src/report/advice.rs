//! What a code means to somebody who has never heard of codes.

use postroom_mail::reply::EnhancedCode;

/// One sentence on what went wrong and what helps (RFC 3463 §3); `None` where nothing is to be
/// said that the other texts do not say.
pub(crate) fn of(status: EnhancedCode) -> Option<&'static str> {
    Some(match (status.1, status.2) {
        (1, 0..=1 | 3 | 6) => "There is no such address. Please check how it is spelled.",
        (1, 2) | (4, 4) => "There is no such domain. Please check what stands after the @.",
        (1, 10) => "That domain takes no mail at all.",
        (1, 7 | 8) => "The other server does not like your own address.",
        (2, 1) => "The mailbox is closed.",
        (2, 2) => "The mailbox is full. Perhaps the recipient can be reached in another way.",
        (2, 3) | (3, 4) => "The message is too big. Try it without attachments, or as a link.",
        (4, 1..=2) => "The other server cannot be reached.",
        (4, 6) => "Mail for this address goes round in circles. Its postmaster has to mend that.",
        (4, 7) => "It was tried for a long time without success.",
        (6, 1..=3) => "The other server cannot take messages of this kind.",
        (6, 7) => "The other server cannot take addresses with letters like these.",
        (7, _) => "The rules of the other server do not let the message in.",
        _ => return None,
    })
}
