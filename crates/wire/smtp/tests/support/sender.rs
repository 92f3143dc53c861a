//! A host for the client in tests: sends what was laid ready, then quits, and keeps what it is told.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient, Ret};
use postroom_mail::reply::Reply;
use postroom_runtime::secret::Secret;
use postroom_smtp::client::{
    Answer, Client, Dialect, Extension, Fate, Greeted, Login, News, Outcome, Profile, Question,
    Source, SourceError, StartTls, Transaction,
};
use postroom_wire::transcript::{Host, Part, Scripted};

/// Answers the machine.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) profile: Profile,
    /// Laid ready: transactions with their messages.
    pub(crate) waiting: VecDeque<(Transaction, Vec<u8>)>,
    /// Leaves the next question out.
    pub(crate) hold: bool,
    pub(crate) greeted: Option<Greeted>,
    pub(crate) outcomes: Vec<Outcome>,
    /// The message of the transaction under way.
    message: Vec<u8>,
    /// Why it did not leave.
    pub(crate) unsent: Option<SourceError>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            profile: Profile::transfer("mail.example.org"),
            waiting: VecDeque::new(),
            hold: false,
            greeted: None,
            outcomes: Vec::new(),
            message: Vec::new(),
            unsent: None,
        }
    }
}

/// What is sent where a test does not care.
const MESSAGE: &[u8] = b"Subject: Hi\r\n\r\nHello\r\n";

/// A transaction from `sender` (`<>` for the null path) to `recipients`.
pub(crate) fn transaction(sender: &str, recipients: &[&str]) -> Transaction {
    let address =
        |text: &str| Address::parse(text, NonAscii::Allowed).expect("tests write addresses");
    Transaction {
        envelope: Envelope {
            reverse_path: match sender {
                "<>" => ReversePath::Null,
                sender => ReversePath::Address(address(sender)),
            },
            recipients: recipients
                .iter()
                .map(|text| Recipient {
                    address: address(text),
                    notify: None,
                    orcpt: None,
                })
                .collect(),
            body: BodyType::SevenBit,
            smtputf8: false,
            ret: None,
            envid: None,
        },
        octets: MESSAGE.len() as u64,
    }
}

impl Sender {
    /// Lays a transaction ready.
    pub(crate) fn send(&mut self, sender: &str, recipients: &[&str]) {
        let laid = (transaction(sender, recipients), MESSAGE.to_vec());
        self.waiting.push_back(laid);
    }

    /// The answer that would be given now.
    pub(crate) fn next(&mut self) -> Answer {
        match self.waiting.pop_front() {
            Some((transaction, message)) => {
                self.message = message;
                Answer::Send(transaction)
            }
            None => Answer::Quit,
        }
    }

    fn last(&mut self) -> Result<&mut (Transaction, Vec<u8>), String> {
        self.waiting
            .back_mut()
            .ok_or_else(|| "nothing is laid ready".to_owned())
    }
}

impl Host for Sender {
    type Machine = Client;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        match question {
            Question::Ready(greeted) => self.greeted = Some(greeted),
            Question::Ended(outcome) => self.outcomes.push(outcome),
        }
        (!std::mem::take(&mut self.hold)).then(|| self.next())
    }

    fn body(&mut self, _: &[u8]) {
        panic!("a client hears no bodies");
    }

    fn stream(&mut self, mut source: Source, out: &mut Vec<u8>) {
        let mut pass = || {
            for piece in self.message.chunks(7) {
                source.pass(piece, out)?;
            }
            source.finish(out)
        };
        self.unsent = pass().err();
    }
}

impl Scripted for Sender {
    const PART: Part = Part::Client;

    fn machine(&self, now: Instant) -> Client {
        Client::new(Arc::new(self.profile.clone()), now)
    }

    fn event(&mut self, text: &str) -> Result<Option<News>, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest) {
            ("drain", "") => return Ok(Some(News::Drain)),
            ("lmtp", "") => self.profile.dialect = Dialect::Lmtp,
            ("starttls", "never") => self.profile.starttls = StartTls::Never,
            ("starttls", "require") => self.profile.starttls = StartTls::Require,
            ("login", "") => self.profile.login = Some(login(false)),
            ("login", "clear") => self.profile.login = Some(login(true)),
            ("password", password) => {
                let login = self.profile.login.as_mut().ok_or("no login")?;
                login.password = Secret::new(password.repeat(40));
            }
            ("limits", _) => self.limits(rest)?,
            ("send", paths) => {
                let mut paths = paths.split(' ');
                let sender = paths.next().unwrap_or_default();
                self.send(sender, &paths.collect::<Vec<_>>());
            }
            ("message", octets) => {
                let octets = octets.replace("\\r\\n", "\r\n").into_bytes();
                let last = self.last()?;
                last.0.octets = octets.len() as u64;
                last.1 = octets;
            }
            ("octets", count) => {
                self.last()?.0.octets = count.parse().map_err(|_| "not a number")?;
            }
            ("needs", "8bit") => self.last()?.0.envelope.body = BodyType::EightBitMime,
            ("needs", "smtputf8") => self.last()?.0.envelope.smtputf8 = true,
            ("wishes", wishes) => self.wishes(wishes)?,
            ("greeted", expected) => {
                let found = self.greeted.as_ref().map(describe);
                expect(expected, &found.unwrap_or_default())?;
            }
            ("fates", expected) => {
                let found = self.outcomes.last().map(fates).unwrap_or_default();
                expect(expected, &found)?;
            }
            ("outcomes", count) => expect(count, &self.outcomes.len().to_string())?,
            _ => return Err(format!("unknown event: {text}")),
        }
        Ok(None)
    }
}

impl Sender {
    fn limits(&mut self, settings: &str) -> Result<(), String> {
        let limits = &mut self.profile.limits;
        let (key, value) = settings.split_once('=').unwrap_or_default();
        let number: usize = value.parse().map_err(|_| "not a number")?;
        match key {
            "line_octets_max" => limits.line_octets_max = number,
            "reply_lines_max" => limits.reply_lines_max = number,
            "pipelined_max" => limits.pipelined_max = number,
            "eager_octets_max" => limits.eager_octets_max = number as u64,
            _ => return Err(format!("unknown limit: {key}")),
        }
        Ok(())
    }

    /// DSN wishes of the last transaction and its last recipient.
    fn wishes(&mut self, wishes: &str) -> Result<(), String> {
        let envelope = &mut self.last()?.0.envelope;
        for wish in wishes.split(' ') {
            let (key, value) = wish.split_once('=').unwrap_or_default();
            let to = envelope.recipients.last_mut();
            match (key, to) {
                ("ret", _) if value == "full" => envelope.ret = Some(Ret::Full),
                ("ret", _) => envelope.ret = Some(Ret::Headers),
                ("envid", _) => envelope.envid = Some(value.into()),
                ("notify", Some(to)) => {
                    to.notify = Some(Notify(value.parse().map_err(|_| "not a number")?));
                }
                ("orcpt", Some(to)) => to.orcpt = Some(value.into()),
                _ => return Err(format!("unknown wish: {wish}")),
            }
        }
        Ok(())
    }
}

fn login(may_be_clear: bool) -> Login {
    Login {
        name: "anna".into(),
        password: Secret::new("secret"),
        may_be_clear,
    }
}

fn expect(expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("it was: {found}"))
    }
}

/// `mx.example.net clear PIPELINING SIZE=100`.
fn describe(greeted: &Greeted) -> String {
    let mut text = format!("{} {}", greeted.greeting_name, greeted.hello_name);
    text.push_str(if greeted.tls.is_some() {
        " tls"
    } else {
        " clear"
    });
    let all = [
        Extension::Pipelining,
        Extension::EightBitMime,
        Extension::SmtpUtf8,
        Extension::Dsn,
        Extension::Chunking,
        Extension::StartTls,
    ];
    for extension in all {
        if greeted.extensions.offers(extension) {
            let _ = write!(text, " {}", extension.keyword());
        }
    }
    let numbers = [
        ("SIZE", greeted.extensions.size_octets_max),
        ("RCPTMAX", greeted.extensions.recipients_max.map(u64::from)),
        (
            "MAILMAX",
            greeted.extensions.transactions_max.map(u64::from),
        ),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            let _ = write!(text, " {name}={number}");
        }
    }
    text
}

/// `accepted 250 | refused at RCPT TO 550 5.1.1 No such user | unsent: …`, `last` at the end.
fn fates(outcome: &Outcome) -> String {
    let mut list: Vec<String> = outcome.fates.iter().map(fate).collect();
    if outcome.has_dsn {
        list.push("dsn".to_owned());
    }
    if outcome.is_last {
        list.push("last".to_owned());
    }
    list.join(" | ")
}

/// One fate as transcripts write it.
pub(crate) fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Accepted(reply) => format!("accepted {}", words(reply)),
        Fate::Refused { stage, reply } => format!("refused at {}: {}", stage.name(), words(reply)),
        Fate::Unsent(why) => format!("unsent: {why}"),
    }
}

fn words(reply: &Reply) -> String {
    let enhanced = reply
        .enhanced
        .map(|code| format!("{code} "))
        .unwrap_or_default();
    format!("{} {enhanced}{}", reply.code, reply.text)
}
