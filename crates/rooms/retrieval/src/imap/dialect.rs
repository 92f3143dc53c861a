//! Which IMAP a session speaks.

use postroom_imap::capability::Extension;

use super::work::Work;
use super::{ImapHost, reply};
use crate::authenticator::Authenticator;

/// What ENABLE made of the session; IMAP4rev1 without it. It never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// IMAP4rev2 (RFC 9051 Appendix E): ESEARCH in place of SEARCH, nothing of `\Recent`, LIST in
    /// answer to SELECT, UID in every untagged FETCH.
    pub(crate) is_rev2: bool,
    /// UTF8=ACCEPT: no SEARCH names a charset (RFC 6855 §3).
    pub(crate) accepts_utf8: bool,
}

impl<A: Authenticator> ImapHost<A> {
    /// ENABLE (RFC 9051 §6.3.1). The machine knows by itself how names are spelled from now on.
    pub(super) fn enable(&mut self, extensions: &[Extension]) -> Work {
        self.dialect.is_rev2 |= extensions.contains(&Extension::Imap4Rev2);
        self.dialect.accepts_utf8 |= extensions.contains(&Extension::Utf8Accept);
        if let Some(selected) = &mut self.selected {
            selected.dialect = self.dialect;
        }
        Work::ended(reply::DONE)
    }
}
