//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2, §9 `body`).

use postroom_mail::message::{Content, Disposition, MediaType, Parameter, Part};
use postroom_wire::output::Output;

use super::envelope::put_envelope;
use super::text::{put_nstring, put_number, put_string};

/// Which of the two items is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// BODY: without extension data.
    Basic,
    /// BODYSTRUCTURE.
    Extended,
}

/// `body`. Goes as deep as the message view does.
pub(super) fn put_body(out: &mut Output, part: &Part, form: Form) {
    out.put(b"(");
    if let Content::Multipart(parts) = &part.content {
        for part in parts {
            put_body(out, part, form);
        }
        out.put(b" ");
        put_string(out, part.media_type.subtype.as_bytes());
        if form == Form::Extended {
            out.put(b" ");
            put_parameters(out, &part.media_type.parameters);
            put_extension(out, part);
        }
    } else {
        put_single(out, part, form);
    }
    out.put(b")");
}

/// `body-type-1part`.
fn put_single(out: &mut Output, part: &Part, form: Form) {
    put_media_type(out, part);
    for text in [part.id.as_deref(), part.description.as_deref()] {
        out.put(b" ");
        put_nstring(out, text);
    }
    out.put(b" ");
    put_string(out, part.encoding.as_str().as_bytes());
    out.put(b" ");
    put_number(out, part.body.len() as u64);
    match &part.content {
        Content::Basic | Content::Multipart(_) => {}
        Content::Text { lines } => put_lines(out, *lines),
        Content::Message {
            lines,
            envelope,
            root,
        } => {
            out.put(b" ");
            put_envelope(out, envelope);
            out.put(b" ");
            put_body(out, root, form);
            put_lines(out, *lines);
        }
    }
    if form == Form::Extended {
        out.put(b" ");
        put_nstring(out, part.md5.as_deref());
        put_extension(out, part);
    }
}

fn put_lines(out: &mut Output, lines: usize) {
    out.put(b" ");
    put_number(out, lines as u64);
}

/// Type, subtype and parameters. What clients would expect more of than is there (a multipart or
/// message that was not taken apart) is `application/octet-stream`.
fn put_media_type(out: &mut Output, part: &Part) {
    let MediaType {
        kind,
        subtype,
        parameters,
    } = &part.media_type;
    let promises = match &**kind {
        "multipart" | "text" => true,
        "message" => matches!(&**subtype, "rfc822" | "global"),
        _ => false,
    };
    if promises && matches!(part.content, Content::Basic) {
        out.put(b"\"application\" \"octet-stream\" NIL");
        return;
    }
    put_string(out, kind.as_bytes());
    out.put(b" ");
    put_string(out, subtype.as_bytes());
    out.put(b" ");
    put_parameters(out, parameters);
}

/// `body-fld-param`.
fn put_parameters(out: &mut Output, parameters: &[Parameter]) {
    if parameters.is_empty() {
        out.put(b"NIL");
        return;
    }
    let mut mark: &[u8] = b"(";
    for parameter in parameters {
        out.put(mark);
        mark = b" ";
        if parameter.is_extended {
            // Names are tokens: nothing in them needs a backslash.
            out.put(b"\"");
            out.put(parameter.name.as_bytes());
            out.put(b"*\"");
        } else {
            put_string(out, parameter.name.as_bytes());
        }
        out.put(b" ");
        put_string(out, &parameter.value);
    }
    out.put(b")");
}

/// What both kinds of extension data end in: disposition, languages, location.
fn put_extension(out: &mut Output, part: &Part) {
    out.put(b" ");
    match &part.disposition {
        Some(Disposition { kind, parameters }) => {
            out.put(b"(");
            put_string(out, kind.as_bytes());
            out.put(b" ");
            put_parameters(out, parameters);
            out.put(b")");
        }
        None => out.put(b"NIL"),
    }
    out.put(b" ");
    match part.languages.as_slice() {
        [] => out.put(b"NIL"),
        [only] => put_string(out, only.as_bytes()),
        several => {
            let mut mark: &[u8] = b"(";
            for language in several {
                out.put(mark);
                mark = b" ";
                put_string(out, language.as_bytes());
            }
            out.put(b")");
        }
    }
    out.put(b" ");
    put_nstring(out, part.location.as_deref());
}
