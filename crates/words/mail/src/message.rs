//! The message view: where in untouched bytes the fields and parts of a message lie.
//!
//! [`parse`] reads a message once, in time linear in its length, and never fails: what breaks the
//! rules is read as well as it can be, the same way by every caller. Bounds have names that end
//! in `_MAX`; each says what becomes of the rest.

pub use charset::{Charset, to_utf8};
pub use codec::DecodeError;
pub use envelope::{ENVELOPE_TEXT_OCTETS_MAX, MessageEnvelope, message_ids, normalized_ids};
pub use field::{Field, Fields, count_fields, first_field, header_length};
pub use mailbox_list::{
    ADDRESS_TEXT_OCTETS_MAX, ADDRESSES_MAX, ListMember, NamedMailbox, parse_address_list,
};
pub use media::{
    CONTENT_TEXT_OCTETS_MAX, Disposition, LANGUAGES_MAX, MEDIA_FIELD_OCTETS_MAX,
    MEDIA_NAME_OCTETS_MAX, MediaType,
};
pub use parameter::{
    PARAMETER_NAME_OCTETS_MAX, PARAMETER_VALUE_OCTETS_MAX, PARAMETERS_MAX, Parameter,
    find_parameter,
};
pub use scan::BOUNDARY_OCTETS_MAX;
pub use structure::{Content, DEPTH_MAX, PARTS_MAX, Part, SectionText, Structure};
pub use text::{ENCODED_WORD_OCTETS_MAX, decode_text, unfold};
pub use transfer::{TransferDecoder, TransferEncoding};

mod charset;
mod codec;
mod envelope;
mod field;
mod mailbox_list;
mod media;
mod parameter;
mod scan;
mod structure;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod transfer;

/// What [`parse`] finds out about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// For ENVELOPE.
    pub envelope: MessageEnvelope,
    /// For BODYSTRUCTURE and BODY[…].
    pub structure: Structure,
}

/// Reads a whole message.
///
/// Cost: linear; headers are read, bodies only searched for delimiters and line ends. Memory only for what is returned, which the bounds of this module limit.
///
/// ```
/// use postroom_mail::message::{SectionText, parse};
///
/// let message = b"Subject: Tea\r\n\r\nAt five.\r\n";
/// let parsed = parse(message);
/// assert_eq!(parsed.envelope.subject.as_deref(), Some(&b"Tea"[..]));
/// let text = parsed.structure.section(&[1], SectionText::Content).expect("there is a part 1");
/// assert_eq!(&message[text], b"At five.\r\n");
/// ```
pub fn parse(message: &[u8]) -> Parsed {
    let (envelope, root) = scan::scan(message);
    Parsed {
        envelope,
        structure: Structure { root },
    }
}
