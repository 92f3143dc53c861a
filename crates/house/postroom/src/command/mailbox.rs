//! `postroom mailbox`.

use postroom_admin::answer;
use postroom_admin::request::Request;

use crate::operator::Operator;
use crate::report::{self, Failure};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Make a mailbox
    Create {
        /// Whose
        address: String,
        /// Its name, as Projects/2026
        name: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// The mailboxes of an account
    List {
        /// Whose
        address: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Remove a mailbox with its mail
    Remove {
        /// Whose
        address: String,
        /// Its name
        name: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Rename a mailbox and all below it
    Rename {
        /// Whose
        address: String,
        /// Its name
        name: String,
        /// Its new name
        to: String,
        #[command(flatten)]
        operator: Operator,
    },
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create {
                address,
                name,
                operator,
            } => operator.tell(&Request::MailboxCreate { address, name }),
            Self::List { address, operator } => operator.list(
                &Request::MailboxList { address },
                |mailboxes: &[answer::Mailbox]| {
                    let rows = mailboxes.iter().map(row).collect::<Vec<_>>();
                    report::table(["MAILBOX", "MESSAGES", "UNSEEN", "OCTETS", "FOR"], &rows)
                },
            ),
            Self::Remove {
                address,
                name,
                operator,
            } => operator.tell(&Request::MailboxRemove { address, name }),
            Self::Rename {
                address,
                name,
                to,
                operator,
            } => operator.tell(&Request::MailboxRename { address, name, to }),
        }
    }
}

fn row(mailbox: &answer::Mailbox) -> [String; 5] {
    [
        mailbox.name.clone(),
        mailbox.messages.to_string(),
        mailbox.unseen.to_string(),
        mailbox.octets.to_string(),
        mailbox.special_use.clone().unwrap_or_default(),
    ]
}
