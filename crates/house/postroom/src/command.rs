//! The commands, one file each.

mod account;
mod alias;
mod answer;
mod config;
mod domain;
mod mailbox;
mod queue;
mod quickstart;
mod reload;
pub(crate) mod sendmail;
mod serve;
mod sessions;
mod since;
mod trace;

use crate::report::Failure;

/// What the program is asked to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Accounts: add, import, list, change, remove
    #[command(subcommand)]
    Account(account::Action),
    /// Addresses that stand for others
    #[command(subcommand)]
    Alias(alias::Action),
    #[command(hide = true)]
    Answer,
    /// The configuration: check it, show it, read its manual
    #[command(subcommand)]
    Config(config::Action),
    /// Domains that mail is taken for
    #[command(subcommand)]
    Domain(domain::Action),
    /// Mailboxes of an account
    #[command(subcommand)]
    Mailbox(mailbox::Action),
    /// What waits: list it, show it, try it, keep it back, give it up
    #[command(subcommand)]
    Queue(queue::Action),
    /// A whole server on this machine: made, tested, served
    Quickstart(quickstart::Arguments),
    /// Have the running server take the configuration and certificates as they are now
    Reload(reload::Arguments),
    /// Take a message from a program of this machine, as sendmail does
    #[command(disable_help_flag = true)]
    Sendmail(sendmail::Arguments),
    /// Serve what the configuration says
    Serve(serve::Arguments),
    /// Who is connected now, and ending a session
    Sessions(sessions::Arguments),
    /// What became of a message, from connect to mailbox or next hop
    Trace(trace::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Account(action) => action.run(),
            Self::Alias(action) => action.run(),
            Self::Answer => answer::run(),
            Self::Config(action) => action.run(),
            Self::Domain(action) => action.run(),
            Self::Mailbox(action) => action.run(),
            Self::Queue(action) => action.run(),
            Self::Quickstart(arguments) => arguments.run(),
            Self::Reload(arguments) => arguments.run(),
            Self::Sendmail(arguments) => arguments.run(),
            Self::Serve(arguments) => arguments.run(),
            Self::Sessions(arguments) => arguments.run(),
            Self::Trace(arguments) => arguments.run(),
        }
    }
}
