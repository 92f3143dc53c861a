//! mailbench: a load rig for mail servers. See README.md.

mod args;
mod cmd;
mod imap;
mod message;
mod pop3;
mod procs;
mod report;
mod rng;
mod smtp;
mod wire;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deliver mail from outside: SMTP or LMTP, no login.
    SmtpIn(cmd::smtp::Load),
    /// Submit mail as the accounts: AUTH PLAIN, implicit TLS unless told otherwise.
    SmtpSubmit(cmd::smtp::Submit),
    /// Submit mail for remote domains and time its arrival at a built-in sink.
    Relay(cmd::relay::Relay),
    /// Run only the sink: an SMTP server that accepts and discards everything.
    Sink(cmd::relay::SinkOnly),
    /// Fill a mailbox to a given number of messages by APPEND.
    Fill(cmd::fetch::Fill),
    /// Read a whole mailbox by IMAP.
    ImapFetch(cmd::fetch::Fetch),
    /// Let many clients do what mail clients do.
    ImapMixed(cmd::mixed::Mixed),
    /// Hold many idle connections; time notifications.
    ImapIdle(cmd::idle::Idle),
    /// Read whole mailboxes by POP3.
    Pop3(cmd::pop3::Retrieve),
    /// Search a large mailbox by IMAP.
    Search(cmd::search::Search),
    /// Time from starting a command to its first banner on each port.
    ColdStart(cmd::server::ColdStart),
    /// Memory and CPU time of process trees.
    Usage(cmd::server::Usage),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::SmtpIn(load) => cmd::smtp::incoming(load).await,
        Command::SmtpSubmit(submit) => cmd::smtp::submit(submit).await,
        Command::Relay(relay) => relay.run().await,
        Command::Sink(sink) => sink.run().await,
        Command::Fill(fill) => fill.run().await,
        Command::ImapFetch(fetch) => fetch.run().await,
        Command::ImapMixed(mixed) => mixed.run().await,
        Command::ImapIdle(idle) => idle.run().await,
        Command::Pop3(retrieve) => retrieve.run().await,
        Command::Search(search) => search.run().await,
        Command::ColdStart(start) => start.run().await,
        Command::Usage(usage) => usage.run(),
    }
}
