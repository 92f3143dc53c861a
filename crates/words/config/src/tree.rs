//! The tree: every key, once.
//!
//! Only the house and `admin` name [`Config`]; a room is given its branch.

mod keep;
mod limits;
mod listen;
mod relay;
mod room;

use std::path::PathBuf;

use crate::branch::branch;
use crate::value::{Hostname, User};

pub use keep::{Journal, Privacy, Store};
pub use limits::{ImapLimits, Limits, MessageLimits, SessionLimits, SmtpLimits};
pub use listen::{Auth, Listen, Role, Tls};
pub use relay::{Dns, Relay};
pub use room::{Delivery, Directory, Imap, Log, Shutdown};

branch! {
    /// What the server is called and where its data are.
    pub struct Config {
        /// The name of this server: in greetings, in Received fields and in reports that it writes.
        /// It should be the name that MX records point to and that the address resolves back to.
        restart since "0.1" hostname: Hostname = Hostname::localhost();
        /// The folder that holds everything the server keeps. One server at a time uses it.
        restart since "0.1" data_dir: PathBuf = PathBuf::from("/var/lib/postroom");
        /// Whom the server becomes when it is started as root: a name of /etc/passwd, or
        /// `"UID:GID"`. The data directory must be that user's; one that is not there is made, an
        /// empty one given to the user. Low ports, and keys and certificates that only root may
        /// read, go on being opened, by a small process that stays behind. Unset: the owner of the
        /// data directory. A server that is not started as root keeps its user.
        restart since "0.1" user: Option<User> = None;
    }
    with {
        listen: Listen,
        tls: Tls,
        auth: Auth,
        directory: Directory,
        delivery: Delivery,
        dns: Dns,
        relay: Relay,
        imap: Imap,
        store: Store,
        journal: Journal,
        privacy: Privacy,
        log: Log,
        shutdown: Shutdown,
        limits: Limits,
    }
}

impl Config {
    /// The files and folders of certificates: `tls.certificates`, or the one made at first start.
    pub fn certificates(&self) -> Vec<PathBuf> {
        if self.tls.certificates.is_empty() {
            vec![self.data_dir.join("tls/server.pem")]
        } else {
            self.tls.certificates.clone()
        }
    }

    /// What is named here and may be root's alone: files, and folders whose files are meant.
    pub fn secrets(&self) -> Vec<PathBuf> {
        self.tls
            .certificates
            .iter()
            .chain(&self.tls.keys)
            .chain(&self.relay.smarthost_password_file)
            .cloned()
            .collect()
    }
}
