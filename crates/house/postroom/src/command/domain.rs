//! `postroom domain`.

use postroom_admin::answer;
use postroom_admin::request::Request;

use crate::operator::Operator;
use crate::report::{self, Failure};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Take mail for a domain
    Add {
        /// The domain, as example.org
        domain: String,
        /// An address that takes what no account and no alias does
        #[arg(long, value_name = "ADDRESS", conflicts_with = "alias_of")]
        catch_all: Option<String>,
        /// Make its addresses those of another domain
        #[arg(long, value_name = "DOMAIN")]
        alias_of: Option<String>,
        /// Take its mail from anyone and pass it on to the servers of the domain
        #[arg(long, conflicts_with_all = ["catch_all", "alias_of"])]
        relay: bool,
        /// Change a domain that is there already
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        operator: Operator,
    },
    /// All domains
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// No longer take mail for a domain
    Remove {
        /// The domain
        domain: String,
        #[command(flatten)]
        operator: Operator,
    },
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Add {
                domain,
                catch_all,
                alias_of,
                relay,
                replace,
                operator,
            } => operator.tell(&Request::DomainAdd {
                domain,
                catch_all,
                alias_of,
                relay,
                replace,
            }),
            Self::List { operator } => {
                operator.list(&Request::DomainList {}, |domains: &[answer::Domain]| {
                    let rows = domains.iter().map(row).collect::<Vec<_>>();
                    report::table(["DOMAIN", "KIND", "UNKNOWN ADDRESSES GO TO"], &rows)
                })
            }
            Self::Remove { domain, operator } => operator.tell(&Request::DomainRemove { domain }),
        }
    }
}

fn row(domain: &answer::Domain) -> [String; 3] {
    let target = domain.alias_of.as_ref().or(domain.catch_all.as_ref());
    [
        domain.name.clone(),
        domain.kind.clone(),
        target.cloned().unwrap_or_else(|| "-".to_owned()),
    ]
}
