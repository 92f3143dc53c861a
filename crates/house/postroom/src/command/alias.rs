//! `postroom alias`.

use postroom_admin::answer;
use postroom_admin::request::Request;

use crate::operator::Operator;
use crate::report::{self, Failure};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Make an address stand for others
    Add {
        /// The address
        address: String,
        /// Those it stands for
        #[arg(required = true)]
        members: Vec<String>,
        /// Replace those it stands for already
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        operator: Operator,
    },
    /// All aliases
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// Remove an alias
    Remove {
        /// The address
        address: String,
        #[command(flatten)]
        operator: Operator,
    },
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Add {
                address,
                members,
                replace,
                operator,
            } => operator.tell(&Request::AliasAdd {
                address,
                members,
                replace,
            }),
            Self::List { operator } => {
                operator.list(&Request::AliasList {}, |aliases: &[answer::Alias]| {
                    let row =
                        |alias: &answer::Alias| [alias.address.clone(), alias.members.join(" ")];
                    report::table(
                        ["ADDRESS", "STANDS FOR"],
                        &aliases.iter().map(row).collect::<Vec<_>>(),
                    )
                })
            }
            Self::Remove { address, operator } => operator.tell(&Request::AliasRemove { address }),
        }
    }
}
