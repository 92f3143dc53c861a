//! `postroom sessions`.

use postroom_admin::answer;
use postroom_admin::request::Request;

use crate::operator::Operator;
use crate::report::{self, Failure};

/// Options of `sessions`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    operator: Operator,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Who is connected now
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// End one session: its command in hand is finished, then it is told 421 or BYE
    End {
        /// Its number, as `list` shows it
        id: String,
        #[command(flatten)]
        operator: Operator,
    },
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            None => list(self.operator),
            Some(Action::List { operator }) => list(operator),
            Some(Action::End { id, operator }) => operator.tell(&Request::SessionEnd { id }),
        }
    }
}

fn list(operator: Operator) -> Result<(), Failure> {
    operator.list(
        &Request::SessionList {},
        |sessions: &[answer::Session]| {
            report::table(
                [
                    "SESSION", "ROLE", "PEER", "ACCOUNT", "SECONDS", "COMMAND", "IN", "OUT", "TLS",
                ],
                &sessions.iter().map(row).collect::<Vec<_>>(),
            )
        },
    )
}

fn row(session: &answer::Session) -> [String; 9] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        session.id.clone(),
        session.role.clone(),
        session.peer.clone(),
        or_none(&session.account),
        session.seconds.to_string(),
        session.command.clone(),
        session.octets_in.to_string(),
        session.octets_out.to_string(),
        or_none(&session.tls),
    ]
}
