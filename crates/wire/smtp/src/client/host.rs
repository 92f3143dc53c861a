//! What the machine asks its host, and what it may be told.

use postroom_mail::envelope::Envelope;
use postroom_wire::machine::Tls;

use super::extension::Extensions;
use super::outcome::Outcome;

/// Put to the host with [`postroom_wire::machine::Next::Ask`]. To each the host answers what is
/// sent next.
#[derive(Debug)]
pub enum Question {
    /// The peer is ready for a first transaction.
    Ready(Greeted),
    /// A transaction is over; its fates are to be committed before the answer.
    Ended(Outcome),
}

/// The host's answer to the one question that is out.
#[derive(Debug)]
pub enum Answer {
    /// One more message; its octets are asked for by [`postroom_wire::machine::Next::Send`]. After
    /// an [`Outcome`] that [is the last](Outcome::is_last) it comes back unsent.
    Send(Transaction),
    /// Nothing more.
    Quit,
}

/// What the machine may be told unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The house closes: the transaction in hand is finished, no other begun.
    Drain,
}

/// Who the peer is and what it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// The first word of the greeting; may be empty.
    pub greeting_name: Box<str>,
    /// The first word of the reply to EHLO, HELO or LHLO; may be empty.
    pub hello_name: Box<str>,
    /// What the peer offers now, after STARTTLS and AUTH.
    pub extensions: Extensions,
    /// The encryption of this session.
    pub tls: Option<Tls>,
}

/// One message for one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Sender, recipients, and their wishes. DSN wishes are passed on where the peer offers DSN;
    /// `BODY=8BITMIME` is said when `body` needs it, `SMTPUTF8` when `smtputf8` is set.
    pub envelope: Envelope,
    /// Octets of the message as the host will give them to [`super::Source::pass`].
    pub octets: u64,
}
