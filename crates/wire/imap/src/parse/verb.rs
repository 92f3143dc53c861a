//! The words that commands begin with.

use super::cursor::Cursor;
use super::{ParseError, append, fetch, list, mailbox, message, quota, search, session, sort};
use crate::command::{Command, Numbering, Request};

/// In which states a command may be given (RFC 9051 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In any.
    Any,
    /// Before login.
    Early,
    /// After login.
    Authenticated,
    /// With a mailbox selected.
    Selected,
}

/// A command's word and how the rest of it is read.
#[derive(Debug)]
pub struct Verb {
    /// The word, in upper case.
    pub name: &'static str,
    /// When it may be given.
    pub when: When,
    pub(super) parse: fn(&mut Cursor<'_>) -> Result<Command, ParseError>,
}

macro_rules! verbs {
    ($($name:literal $when:ident $parse:expr;)*) => {
        &[$(Verb { name: $name, when: When::$when, parse: $parse }),*]
    };
}

/// Every command of RFC 9051, RFC 3501 and the extensions spoken here.
pub const VERBS: &[Verb] = verbs! {
    "APPEND" Authenticated append::append;
    "AUTHENTICATE" Early session::authenticate;
    "CAPABILITY" Any |_| Ok(Command::Capability);
    "CHECK" Selected |_| Ok(Command::Request(Request::Check));
    "CLOSE" Selected |_| Ok(Command::Request(Request::Close));
    "COPY" Selected |c| message::copy(c, Numbering::Sequence);
    "CREATE" Authenticated mailbox::create;
    "DELETE" Authenticated |c| mailbox::one(c, Request::Delete);
    "ENABLE" Authenticated session::enable;
    "EXAMINE" Authenticated mailbox::examine;
    "EXPUNGE" Selected |_| Ok(Command::Request(Request::Expunge(None)));
    "FETCH" Selected |c| fetch::fetch(c, Numbering::Sequence);
    "GETQUOTA" Authenticated quota::get_quota;
    "GETQUOTAROOT" Authenticated |c| mailbox::one(c, Request::GetQuotaRoot);
    "ID" Any session::id;
    "IDLE" Authenticated |_| Ok(Command::Idle);
    "LIST" Authenticated list::list;
    "LOGIN" Early session::login;
    "LOGOUT" Any |_| Ok(Command::Logout);
    "LSUB" Authenticated list::lsub;
    "MOVE" Selected |c| message::r#move(c, Numbering::Sequence);
    "NAMESPACE" Authenticated |_| Ok(Command::Request(Request::Namespace));
    "NOOP" Any |_| Ok(Command::Request(Request::Noop));
    "RENAME" Authenticated mailbox::rename;
    "SEARCH" Selected |c| search::search(c, Numbering::Sequence);
    "SELECT" Authenticated mailbox::select;
    "SORT" Selected |c| sort::sort(c, Numbering::Sequence);
    "STARTTLS" Early |_| Ok(Command::StartTls);
    "STATUS" Authenticated list::status;
    "STORE" Selected |c| message::store(c, Numbering::Sequence);
    "SUBSCRIBE" Authenticated |c| mailbox::one(c, Request::Subscribe);
    "THREAD" Selected |c| sort::thread(c, Numbering::Sequence);
    "UID" Selected uid;
    "UNSELECT" Selected |_| Ok(Command::Request(Request::Unselect));
    "UNSUBSCRIBE" Authenticated |c| mailbox::one(c, Request::Unsubscribe);
};

/// The commands that may stand after UID (RFC 9051 §6.4.9).
pub const UID_VERBS: &[Verb] = verbs! {
    "COPY" Selected |c| message::copy(c, Numbering::Uid);
    "EXPUNGE" Selected message::uid_expunge;
    "FETCH" Selected |c| fetch::fetch(c, Numbering::Uid);
    "MOVE" Selected |c| message::r#move(c, Numbering::Uid);
    "SEARCH" Selected |c| search::search(c, Numbering::Uid);
    "SORT" Selected |c| sort::sort(c, Numbering::Uid);
    "STORE" Selected |c| message::store(c, Numbering::Uid);
    "THREAD" Selected |c| sort::thread(c, Numbering::Uid);
};

/// The verb of this name, in any case of letters.
pub(super) fn find(verbs: &'static [Verb], name: &str) -> Option<&'static Verb> {
    verbs
        .iter()
        .find(|verb| verb.name.eq_ignore_ascii_case(name))
}

fn uid(cursor: &mut Cursor<'_>) -> Result<Command, ParseError> {
    cursor.space()?;
    let verb = find(UID_VERBS, cursor.word()).ok_or(ParseError::Verb)?;
    (verb.parse)(cursor)
}
