//! Status responses (RFC 9051 §7.1).

use postroom_wire::output::Output;

use super::Context;
use super::mailbox::put_flag_list;
use super::text::put_number;
use crate::response::status::{Code, Completion};

/// The end of a command.
pub(crate) fn tagged(out: &mut Output, completion: &Completion, context: Context<'_>) {
    out.put(context.tag.as_bytes());
    rest(out, completion, context);
}

/// A status that ends no command.
pub(crate) fn untagged(out: &mut Output, completion: &Completion, context: Context<'_>) {
    out.put(b"*");
    rest(out, completion, context);
}

fn rest(out: &mut Output, completion: &Completion, context: Context<'_>) {
    out.put(b" ");
    out.put(completion.status.name().as_bytes());
    out.put(b" ");
    if let Some(code) = &completion.code {
        out.put(b"[");
        put_code(out, code, context);
        out.put(b"] ");
    }
    out.put(completion.text.as_bytes());
    out.put(b"\r\n");
}

/// `resp-text-code`.
fn put_code(out: &mut Output, code: &Code, context: Context<'_>) {
    if matches!(code, Code::Capability) {
        context.offer.print(out);
        return;
    }
    out.put(code.name().as_bytes());
    match code {
        Code::AppendUid(data) => {
            put_argument(out, data.validity.number());
            put_display(out, &data.uids);
        }
        Code::BadCharset => out.put(b" (US-ASCII UTF-8)"),
        Code::CopyUid(data) => {
            put_argument(out, data.validity.number());
            put_display(out, &data.from);
            put_display(out, &data.to);
        }
        Code::HighestModSeq(modseq) => put_argument(out, modseq.0),
        Code::Modified(set) => put_display(out, set),
        Code::PermanentFlags(flags) => {
            out.put(b" ");
            put_flag_list(out, flags);
        }
        Code::UidNext(uid) => put_argument(out, uid.number()),
        Code::UidValidity(validity) => put_argument(out, validity.number()),
        Code::Unseen(sequence) => put_argument(out, *sequence),
        _ => {}
    }
}

fn put_argument(out: &mut Output, number: impl Into<u64>) {
    out.put(b" ");
    put_number(out, number.into());
}

fn put_display(out: &mut Output, set: &postroom_mail::uid_set::UidSet) {
    out.put(b" ");
    super::mailbox::put_set(out, set);
}
