//! Labels: closed sets of words.

use super::instrument::Label;

/// Declares a label with its values.
macro_rules! label {
    (
        $(#[doc = $doc:literal])+
        $name:ident, $key:literal { $( $(#[doc = $value_doc:literal])+ $value:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[doc = $value_doc])+ $value, )+
        }

        impl $name {
            /// The value as logs and scrapers see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$value => $word, )+
                }
            }
        }

        impl Label for $name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$( Self::$value, )+];

            fn index(self) -> usize {
                self as usize
            }

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

label! {
    /// What a connection came in for.
    Role, "role" {
        /// Mail from other servers.
        Smtp = "smtp",
        /// Mail from users' programs, TLS by STARTTLS.
        Submission = "submission",
        /// Mail from users' programs within TLS.
        Submissions = "submissions",
        /// Mail from a server in front of this one.
        Lmtp = "lmtp",
        /// Mail from programs of this machine, by `sendmail`.
        Local = "local",
        /// Reading, TLS by STARTTLS.
        Imap = "imap",
        /// Reading within TLS.
        Imaps = "imaps",
        /// Health and metrics.
        Http = "http",
        /// Connections of ours to other servers.
        Relay = "relay",
    }
}

label! {
    /// Why a connection was turned away before it became a session.
    Refusal, "reason" {
        /// `limits.session.sessions_max` was reached.
        Sessions = "sessions",
        /// `limits.session.sessions_per_address_max` was.
        Address = "address",
    }
}

label! {
    /// How a TLS handshake ended.
    Handshake, "outcome" {
        /// The connection is secure.
        Done = "done",
        /// One side refused.
        Failed = "failed",
        /// It took longer than `limits.session.handshake`.
        Slow = "slow",
    }
}

label! {
    /// Which way octets went.
    Direction, "direction" {
        /// From the peer.
        In = "in",
        /// To the peer.
        Out = "out",
    }
}

label! {
    /// How an SMTP transaction ended.
    TransactionOutcome, "outcome" {
        /// With 250 after the data.
        Accepted = "accepted",
        /// With 250, as one that was accepted before and unheard.
        Repeated = "repeated",
        /// With a 5xx after the data.
        Refused = "refused",
        /// With a 4xx after the data.
        Deferred = "deferred",
        /// By RSET, a new greeting or QUIT.
        Abandoned = "abandoned",
        /// With the connection.
        Lost = "lost",
    }
}

label! {
    /// What a recipient was told at RCPT.
    RecipientVerdict, "verdict" {
        /// 2xx.
        Accepted = "accepted",
        /// 5xx.
        Refused = "refused",
        /// 4xx.
        Deferred = "deferred",
    }
}

label! {
    /// The stage or part that refused.
    Stage, "stage" {
        /// `lmtp-peer`.
        LmtpPeer = "lmtp-peer",
        /// `early-talker`.
        EarlyTalker = "early-talker",
        /// `sender-is-own`.
        SenderIsOwn = "sender-is-own",
        /// `relay-denied`.
        RelayDenied = "relay-denied",
        /// `recipient-exists`.
        RecipientExists = "recipient-exists",
        /// `header-size`.
        HeaderSize = "header-size",
        /// `hops`.
        Hops = "hops",
        /// `from-is-own`.
        FromIsOwn = "from-is-own",
        /// A mailbox without room.
        Quota = "quota",
        /// The store takes nothing now.
        Store = "store",
        /// The body could not be kept.
        Body = "body",
        /// No memory for looking at the body.
        Inspection = "inspection",
        /// Judging took too long.
        VerdictTime = "verdict-time",
        /// Every recipient refuses.
        Recipients = "recipients",
        /// The store did not take the commit.
        Commit = "commit",
        /// Any other.
        Other = "other",
    }
}

impl Stage {
    /// The stage of a name.
    pub fn named(name: &str) -> Self {
        let named = Self::ALL.iter().find(|stage| stage.as_str() == name);
        named.copied().unwrap_or(Self::Other)
    }
}

label! {
    /// What became of a recipient of an accepted message.
    Fate, "fate" {
        /// In a mailbox.
        Delivered = "delivered",
        /// In the queue.
        Queued = "queued",
        /// Failed, with or without a report to the sender.
        Failed = "failed",
    }
}

label! {
    /// How a login ended.
    LoginOutcome, "outcome" {
        /// Signed in.
        Granted = "granted",
        /// Name or password is wrong.
        Refused = "refused",
        /// Not looked at: this address failed too often.
        Unheard = "unheard",
        /// The directory could not tell.
        Unavailable = "unavailable",
    }
}

label! {
    /// Where an entry of the queue stands.
    EntryState, "state" {
        /// Its time has come.
        Due = "due",
        /// It waits for its time.
        Waiting = "waiting",
        /// The operator holds it.
        Held = "held",
    }
}

label! {
    /// How an attempt to send an entry on ended.
    Attempt, "outcome" {
        /// The next hop has it.
        Transferred = "transferred",
        /// It will be tried again.
        Deferred = "deferred",
        /// It failed for good.
        Failed = "failed",
        /// It waits for the operator.
        Held = "held",
    }
}

label! {
    /// A command of IMAP.
    ImapCommand, "command" {
        /// APPEND.
        Append = "APPEND",
        /// CLOSE and UNSELECT.
        Close = "CLOSE",
        /// COPY.
        Copy = "COPY",
        /// EXPUNGE.
        Expunge = "EXPUNGE",
        /// FETCH.
        Fetch = "FETCH",
        /// CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.
        Folder = "folder",
        /// IDLE: each time that changes are looked for.
        Idle = "IDLE",
        /// LIST and LSUB.
        List = "LIST",
        /// MOVE.
        Move = "MOVE",
        /// NOOP and CHECK.
        Noop = "NOOP",
        /// SEARCH and what is like it.
        Search = "SEARCH",
        /// SELECT and EXAMINE.
        Select = "SELECT",
        /// STATUS.
        Status = "STATUS",
        /// STORE.
        Store = "STORE",
        /// Any other.
        Other = "other",
    }
}

label! {
    /// What was asked for by HTTP.
    HttpPage, "page" {
        /// `/healthz`.
        Health = "healthz",
        /// `/readyz`.
        Ready = "readyz",
        /// `/metrics`.
        Metrics = "metrics",
        /// Anything else.
        Other = "other",
    }
}

label! {
    /// What HTTP answered.
    HttpStatus, "status" {
        /// OK.
        Ok = "200",
        /// Forbidden.
        Forbidden = "403",
        /// Not Found.
        NotFound = "404",
        /// Method Not Allowed.
        MethodNotAllowed = "405",
        /// Service Unavailable.
        Unavailable = "503",
    }
}

impl HttpStatus {
    /// The number of the status line (RFC 9110 §15).
    pub fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Unavailable => 503,
        }
    }
}
