//! Responses about mailboxes (RFC 9051 §7.3).

use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::modified_utf7;
use postroom_mail::uid_set::UidSet;
use postroom_wire::output::Output;

use super::Context;
use super::text::{put_astring, put_mailbox, put_number, put_string};
use crate::command::Numbering;
use crate::parse::Names;
use crate::response::mailbox::{
    ChildInfo, Esearch, FlagList, Listed, MailboxStatus, Namespace, Namespaces, Vanished,
};
use crate::response::quota::{Quota, QuotaRoots};

/// Words in parentheses, with a space between them.
pub(super) struct Words {
    is_first: bool,
}

impl Words {
    /// Opens the parenthesis.
    pub(super) fn open(out: &mut Output) -> Self {
        out.put(b"(");
        Self { is_first: true }
    }

    /// The space before the next word, unless it is the first.
    pub(super) fn next(&mut self, out: &mut Output) {
        if !self.is_first {
            out.put(b" ");
        }
        self.is_first = false;
    }

    /// One word.
    pub(super) fn put(&mut self, out: &mut Output, word: &str) {
        self.next(out);
        out.put(word.as_bytes());
    }
}

/// System flags and keywords, between parentheses that the caller closes.
pub(super) fn put_flags<'k>(
    out: &mut Output,
    system: SystemFlags,
    keywords: impl Iterator<Item = &'k Keyword>,
) -> Words {
    let mut words = Words::open(out);
    for (flag, name) in SystemFlags::ALL {
        if system.contains(flag) {
            words.put(out, name);
        }
    }
    for keyword in keywords {
        words.put(out, keyword.as_str());
    }
    words
}

/// `"(" [flag-perm *(SP flag-perm)] ")"`.
pub(super) fn put_flag_list(out: &mut Output, flags: &FlagList) {
    let mut words = put_flags(out, flags.system, flags.keywords.iter());
    if flags.is_open {
        words.put(out, "\\*");
    }
    out.put(b")");
}

/// `sequence-set` of numbers.
pub(super) fn put_set(out: &mut Output, set: &UidSet) {
    for (place, range) in set.ranges().iter().enumerate() {
        if place > 0 {
            out.put(b",");
        }
        put_number(out, (*range.start()).into());
        if range.start() != range.end() {
            out.put(b":");
            put_number(out, (*range.end()).into());
        }
    }
}

/// `LIST` or `LSUB` (RFC 9051 §7.3.1, RFC 5258 §6).
pub(super) fn put_listed(out: &mut Output, word: &[u8], listed: &Listed, names: Names) {
    out.put(word);
    out.put(b" ");
    let mut words = Words::open(out);
    for attribute in &listed.attributes {
        words.put(out, attribute.name());
    }
    out.put(b") ");
    put_separator(out, listed.separator);
    out.put(b" ");
    put_mailbox(out, &listed.name, names);
    if let Some(old_name) = &listed.old_name {
        out.put(b" (\"OLDNAME\" (");
        put_mailbox(out, old_name, names);
        out.put(b"))");
    }
    if !listed.child_info.is_empty() {
        out.put(b" (\"CHILDINFO\" ");
        let mut words = Words::open(out);
        for info in &listed.child_info {
            words.put(
                out,
                match info {
                    ChildInfo::Subscribed => "\"SUBSCRIBED\"",
                    ChildInfo::SpecialUse => "\"SPECIAL-USE\"",
                },
            );
        }
        out.put(b"))");
    }
}

fn put_separator(out: &mut Output, separator: Option<char>) {
    match separator {
        Some(separator) => put_string(out, separator.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.put(b"NIL"),
    }
}

/// `STATUS` (RFC 9051 §7.3.5).
pub(super) fn put_mailbox_status(out: &mut Output, status: &MailboxStatus, names: Names) {
    out.put(b"STATUS ");
    put_mailbox(out, &status.name, names);
    out.put(b" ");
    let mut words = Words::open(out);
    for (item, value) in &status.values {
        words.put(out, item.name());
        out.put(b" ");
        put_number(out, *value);
    }
    out.put(b")");
}

/// `NAMESPACE` (RFC 9051 §7.3.3).
pub(super) fn put_namespaces(out: &mut Output, namespaces: &Namespaces, names: Names) {
    out.put(b"NAMESPACE");
    for kind in [&namespaces.personal, &namespaces.others, &namespaces.shared] {
        out.put(b" ");
        if kind.is_empty() {
            out.put(b"NIL");
            continue;
        }
        out.put(b"(");
        for Namespace { prefix, separator } in kind {
            out.put(b"(");
            // Here a name is a string, never an atom.
            match names {
                Names::ModifiedUtf7 => {
                    put_string(out, modified_utf7::encode(prefix).as_bytes());
                }
                Names::Utf8 => put_string(out, prefix.as_bytes()),
            }
            out.put(b" ");
            put_separator(out, *separator);
            out.put(b")");
        }
        out.put(b")");
    }
}

/// `ESEARCH` (RFC 9051 §7.3.4), but for the numbers of ALL.
pub(super) fn put_esearch(out: &mut Output, esearch: &Esearch, context: Context<'_>) {
    out.put(b"ESEARCH (TAG ");
    put_string(out, context.tag.as_bytes());
    out.put(b")");
    if esearch.by == Numbering::Uid {
        out.put(b" UID");
    }
    let numbers = [
        ("MIN", esearch.min.map(u64::from)),
        ("MAX", esearch.max.map(u64::from)),
        ("COUNT", esearch.count),
        ("MODSEQ", esearch.modseq.map(|modseq| modseq.0)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            out.put(b" ");
            out.put(name.as_bytes());
            out.put(b" ");
            put_number(out, number);
        }
    }
}

/// `QUOTA` (RFC 9208 §4.2.1).
pub(super) fn put_quota(out: &mut Output, quota: &Quota) {
    out.put(b"QUOTA ");
    put_astring(out, quota.root.as_bytes());
    out.put(b" ");
    let mut words = Words::open(out);
    for resource in &quota.resources {
        words.put(out, resource.kind.name());
        for number in [resource.usage, resource.limit] {
            out.put(b" ");
            put_number(out, number);
        }
    }
    out.put(b")");
}

/// `QUOTAROOT` (RFC 9208 §4.2.2).
pub(super) fn put_quota_roots(out: &mut Output, roots: &QuotaRoots, names: Names) {
    out.put(b"QUOTAROOT ");
    put_mailbox(out, &roots.mailbox, names);
    for root in &roots.roots {
        out.put(b" ");
        put_astring(out, root.as_bytes());
    }
}

/// `VANISHED` (RFC 7162 §3.2.10).
pub(super) fn put_vanished(out: &mut Output, vanished: &Vanished) {
    out.put(b"VANISHED ");
    if vanished.is_earlier {
        out.put(b"(EARLIER) ");
    }
    put_set(out, &vanished.uids);
}
