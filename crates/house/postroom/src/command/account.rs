//! `postroom account`.

use std::fs;
use std::io::{self, Read};

use postroom_admin::answer;
use postroom_admin::request::{NewAccount, Request};
use postroom_config::value::ByteCount;

use crate::operator::Operator;
use crate::report::{self, Failure};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Add an account
    Add {
        /// Its address
        address: String,
        #[command(flatten)]
        password: Password,
        /// What it may hold, as "2 GiB"; no limit unless given
        #[arg(long, value_name = "SIZE")]
        quota: Option<ByteCount>,
        #[command(flatten)]
        operator: Operator,
    },
    /// Let an account no longer sign in or receive
    Disable {
        /// Its address
        address: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Let an account sign in and receive again
    Enable {
        /// Its address
        address: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Add accounts from a file with "ADDRESS PASSWORD" on each line: all of them or none
    Import {
        /// The file, or - for standard input
        file: String,
        /// What each may hold, as "2 GiB"; no limit unless given
        #[arg(long, value_name = "SIZE")]
        quota: Option<ByteCount>,
        #[command(flatten)]
        operator: Operator,
    },
    /// All accounts
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// Change the password of an account
    Password {
        /// Its address
        address: String,
        #[command(flatten)]
        password: Password,
        #[command(flatten)]
        operator: Operator,
    },
    /// Change what an account may hold
    Quota {
        /// Its address
        address: String,
        /// As "2 GiB"; no limit unless given
        size: Option<ByteCount>,
        #[command(flatten)]
        operator: Operator,
    },
    /// Remove an account with all its mail
    Remove {
        /// Its address
        address: String,
        #[command(flatten)]
        operator: Operator,
    },
}

/// Where a password comes from.
#[derive(clap::Args)]
pub(crate) struct Password {
    /// A file whose first line is the password or a hash with its scheme, or - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: String,
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Add {
                address,
                password,
                quota,
                operator,
            } => {
                let accounts = vec![password.read(address)?];
                operator.tell(&Request::AccountAdd {
                    accounts,
                    quota: quota.map(ByteCount::bytes),
                })
            }
            Self::Disable { address, operator } => operator.tell(&Request::AccountEnable {
                address,
                is_enabled: false,
            }),
            Self::Enable { address, operator } => operator.tell(&Request::AccountEnable {
                address,
                is_enabled: true,
            }),
            Self::Import {
                file,
                quota,
                operator,
            } => {
                let accounts = read_accounts(&read(&file)?)?;
                operator.tell(&Request::AccountAdd {
                    accounts,
                    quota: quota.map(ByteCount::bytes),
                })
            }
            Self::List { operator } => operator.list(
                &Request::AccountList {},
                |accounts: &[answer::Account]| {
                    let rows = accounts.iter().map(row).collect::<Vec<_>>();
                    report::table(["ADDRESS", "MESSAGES", "OCTETS", "QUOTA", ""], &rows)
                },
            ),
            Self::Password {
                address,
                password,
                operator,
            } => operator.tell(&Request::AccountPassword {
                account: password.read(address)?,
            }),
            Self::Quota {
                address,
                size,
                operator,
            } => operator.tell(&Request::AccountQuota {
                address,
                quota: size.map(ByteCount::bytes),
            }),
            Self::Remove { address, operator } => {
                operator.tell(&Request::AccountRemove { address })
            }
        }
    }
}

impl Password {
    fn read(self, address: String) -> Result<NewAccount, Failure> {
        let text = read(&self.password_file)?;
        let password = text.lines().next().unwrap_or("").to_owned();
        Ok(with_password(address, password))
    }
}

/// Lines of `address password`; empty ones and those that begin with `#` are passed over.
fn read_accounts(text: &str) -> Result<Vec<NewAccount>, Failure> {
    let mut accounts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((address, password)) = line.split_once(char::is_whitespace) else {
            let what = format!("line {} has no password", index + 1);
            return Err(Failure::new(what, "write each line as: ADDRESS PASSWORD"));
        };
        accounts.push(with_password(
            address.to_owned(),
            password.trim_start().to_owned(),
        ));
    }
    Ok(accounts)
}

/// A text with a scheme in front is a hash: `{SHA512-CRYPT}…` or `$argon2id$…`.
fn with_password(address: String, text: String) -> NewAccount {
    let is_hash = (text.starts_with('{') && text.contains('}')) || text.starts_with("$argon2id$");
    let (password, hash) = if is_hash {
        (None, Some(text))
    } else {
        (Some(text), None)
    };
    NewAccount {
        address,
        password,
        hash,
    }
}

fn read(file: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let result = match file {
        "-" => io::stdin().read_to_string(&mut text).map(drop),
        path => fs::read_to_string(path).map(|read| text = read),
    };
    result.map_err(|error| Failure::because(format_args!("{file} cannot be read"), &error))?;
    Ok(text)
}

fn row(account: &answer::Account) -> [String; 5] {
    [
        account.address.clone(),
        account.messages.to_string(),
        account.used.to_string(),
        account
            .quota
            .map_or_else(|| "none".to_owned(), |quota| quota.to_string()),
        if account.is_enabled {
            String::new()
        } else {
            "disabled".to_owned()
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_a_line_each() {
        let read =
            read_accounts("# all\na@example.org  one two\n\nb@example.org {SSHA}abc\n").unwrap();
        assert_eq!(read[0].address, "a@example.org");
        assert_eq!(read[0].password.as_deref(), Some("one two"));
        assert_eq!(read[1].hash.as_deref(), Some("{SSHA}abc"));
        assert!(read_accounts("a@example.org\n").is_err());
    }
}
