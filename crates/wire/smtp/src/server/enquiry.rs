//! Commands that change nothing: VRFY and QUIT (RFC 5321 §4.1.1.6, §4.1.1.10).

use postroom_mail::reply;

use super::Server;
use super::outcome::Outcome;
use super::state::Phase;

impl Server {
    /// The same answer for every name, so that nothing can be harvested (RFC 5321 §7.3).
    pub(super) fn vrfy(name: &str, phase: Phase) -> Outcome {
        if name.is_empty() {
            return Outcome::Refuse(reply::BAD_ARGUMENTS, phase);
        }
        Outcome::Reply(reply::CANNOT_VERIFY, phase)
    }

    pub(super) fn quit(arguments: &str, phase: Phase) -> Outcome {
        if !arguments.is_empty() {
            return Outcome::Refuse(reply::BAD_ARGUMENTS, phase);
        }
        Outcome::End(reply::BYE)
    }
}
