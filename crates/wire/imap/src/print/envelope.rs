//! ENVELOPE (RFC 9051 §7.5.2).

use postroom_mail::message::{ListMember, MessageEnvelope, NamedMailbox};
use postroom_wire::output::Output;

use super::text::{put_nstring, put_string};

/// `envelope`.
pub(super) fn put_envelope(out: &mut Output, envelope: &MessageEnvelope) {
    out.put(b"(");
    put_nstring(out, envelope.date.as_deref());
    out.put(b" ");
    put_nstring(out, envelope.subject.as_deref());
    for members in [
        &envelope.from,
        envelope.sender_or_from(),
        envelope.reply_to_or_from(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.put(b" ");
        put_members(out, members);
    }
    out.put(b" ");
    put_nstring(out, envelope.in_reply_to.as_deref());
    out.put(b" ");
    put_nstring(out, envelope.message_id.as_deref());
    out.put(b")");
}

/// `"(" 1*address ")" / nil`.
fn put_members(out: &mut Output, members: &[ListMember]) {
    if members.is_empty() {
        out.put(b"NIL");
        return;
    }
    out.put(b"(");
    for member in members {
        match member {
            ListMember::Mailbox(mailbox) => put_address(out, mailbox),
            ListMember::GroupStart(name) => {
                out.put(b"(NIL NIL ");
                put_string(out, name);
                out.put(b" NIL)");
            }
            ListMember::GroupEnd => out.put(b"(NIL NIL NIL NIL)"),
        }
    }
    out.put(b")");
}

/// `address`. A domain that is missing is an empty string, as NIL would begin a group.
fn put_address(out: &mut Output, mailbox: &NamedMailbox) {
    out.put(b"(");
    put_nstring(out, mailbox.name.as_deref());
    out.put(b" ");
    put_nstring(out, mailbox.route.as_deref());
    out.put(b" ");
    put_string(out, &mailbox.local);
    out.put(b" ");
    put_string(out, &mailbox.domain);
    out.put(b")");
}
