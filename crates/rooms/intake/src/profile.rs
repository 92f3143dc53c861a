//! What each listener is for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postroom_config::tree::{self, Role};
use postroom_config::value::{ClearText, StartTls, SubmissionStartTls};
use postroom_smtp::server::{AuthPolicy, Dialect, Limits, Profile, StartTlsPolicy, Timeouts};

/// What a commit may take after the verdict; a peer waits 10 minutes (RFC 5321 §4.5.3.2.6).
const COMMIT_MAX: Duration = Duration::from_mins(4);

/// One listener of this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// LMTP, from servers in front of this one.
    Lmtp,
    /// Submission by users of this machine, on a socket in the file system.
    Local,
    /// Submission with STARTTLS.
    Submission,
    /// Submission within TLS.
    Submissions,
    /// Transfer, from other servers.
    Transfer,
}

impl Door {
    /// The door of a role; `None` for roles of other rooms.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Smtp => Some(Self::Transfer),
            Role::Submission => Some(Self::Submission),
            Role::Submissions => Some(Self::Submissions),
            Role::Lmtp => Some(Self::Lmtp),
            Role::Imap | Role::Imaps | Role::Http => None,
        }
    }
}

/// The profiles of one door, by how far its peers may go in clear text.
#[derive(Debug, Clone)]
pub struct Doors {
    near: Arc<Profile>,
    far: Arc<Profile>,
}

impl Doors {
    /// From the settings.
    pub fn new(
        door: Door,
        hostname: &str,
        limits: &tree::Limits,
        auth: &tree::Auth,
        listen: &tree::Listen,
    ) -> Self {
        let with = |may_be_clear: bool| {
            Arc::new(Profile {
                hostname: hostname.into(),
                dialect: dialect(door),
                starttls: starttls(door, listen),
                auth: auth_policy(door, listen, may_be_clear),
                login_required: matches!(door, Door::Submission | Door::Submissions),
                limits: machine_limits(limits, auth),
                timeouts: timeouts(limits),
            })
        };
        Self {
            near: with(auth.cleartext != ClearText::Never),
            far: with(auth.cleartext == ClearText::Always),
        }
    }

    /// The profile for a peer.
    pub fn profile(&self, peer: IpAddr) -> Arc<Profile> {
        if peer.to_canonical().is_loopback() {
            Arc::clone(&self.near)
        } else {
            Arc::clone(&self.far)
        }
    }
}

fn dialect(door: Door) -> Dialect {
    match door {
        Door::Lmtp => Dialect::Lmtp,
        Door::Local | Door::Submission | Door::Submissions => Dialect::Submission,
        Door::Transfer => Dialect::Transfer,
    }
}

fn starttls(door: Door, listen: &tree::Listen) -> StartTlsPolicy {
    match door {
        Door::Lmtp => StartTlsPolicy::Offer,
        Door::Local | Door::Submissions => StartTlsPolicy::Off,
        Door::Submission => match listen.submission_starttls {
            SubmissionStartTls::Offer => StartTlsPolicy::Offer,
            SubmissionStartTls::Require => StartTlsPolicy::Require,
        },
        Door::Transfer => match listen.smtp_starttls {
            StartTls::Offer => StartTlsPolicy::Offer,
            StartTls::Off => StartTlsPolicy::Off,
            StartTls::Require => StartTlsPolicy::Require,
        },
    }
}

fn auth_policy(door: Door, listen: &tree::Listen, may_be_clear: bool) -> AuthPolicy {
    let is_offered = match door {
        Door::Lmtp | Door::Local => false,
        Door::Submission | Door::Submissions => true,
        Door::Transfer => listen.smtp_submission,
    };
    match (is_offered, may_be_clear) {
        (false, _) => AuthPolicy::Off,
        (true, true) => AuthPolicy::Always,
        (true, false) => AuthPolicy::AfterTls,
    }
}

fn machine_limits(limits: &tree::Limits, auth: &tree::Auth) -> Limits {
    Limits {
        size_octets_max: limits.message.size_max.bytes(),
        recipients_max: limits.smtp.recipients_max,
        transactions_max: limits.smtp.transactions_max,
        commands_max: limits.smtp.commands_max,
        bad_commands_max: limits.smtp.bad_commands_max,
        bad_logins_max: auth.bad_logins_max,
        line_octets_max: limits.smtp.line_max.as_usize(),
    }
}

fn timeouts(limits: &tree::Limits) -> Timeouts {
    Timeouts {
        command: limits.smtp.command,
        body_block: limits.smtp.data_block,
        body_total: limits.smtp.data,
        login: limits.smtp.login,
        // The commit is never cut short: this only tells the peer that something is wrong.
        answer: limits.smtp.verdict.saturating_add(COMMIT_MAX),
        handshake: limits.session.handshake,
    }
}
