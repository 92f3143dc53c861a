//! A host for tests: says yes unless a verdict was laid ready, and keeps what it was given.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use postroom_mail::reply::{self, Reply};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_smtp::server::{
    Answer, AuthPolicy, Dialect, Limits, News, Profile, Question, Server, Source, Standing,
    StartTlsPolicy, Timeouts,
};
use postroom_wire::transcript::{Drive, Host, Scripted};

/// Answers the machine.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) profile: Profile,
    pub(crate) standing: Standing,
    /// Laid ready, one for each judgement to come; `None` is the usual yes.
    pub(crate) verdicts: VecDeque<Option<Reply>>,
    /// Leaves the next question out.
    pub(crate) hold: bool,
    /// Bodies that the machine called whole and the host accepted.
    pub(crate) messages: Vec<Vec<u8>>,
    /// What each `Settled` said.
    pub(crate) settled: Vec<bool>,
    /// Transactions dropped.
    pub(crate) abandoned: usize,
    /// Paths of all RCPT commands that were put to the host.
    pub(crate) recipients_asked: Vec<String>,
    /// Recipients accepted in the open transaction.
    recipients: usize,
    gathered: Vec<u8>,
}

impl House {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            profile: Profile {
                hostname: "mail.example.org".into(),
                dialect,
                starttls: StartTlsPolicy::Off,
                auth: AuthPolicy::Off,
                login_required: false,
                limits: Limits::default(),
                timeouts: Timeouts::default(),
            },
            standing: Standing::Stranger,
            verdicts: VecDeque::new(),
            hold: false,
            messages: Vec::new(),
            settled: Vec::new(),
            abandoned: 0,
            recipients_asked: Vec::new(),
            recipients: 0,
            gathered: Vec::new(),
        }
    }

    fn judge(&mut self, yes: &Reply) -> Reply {
        self.verdicts
            .pop_front()
            .flatten()
            .unwrap_or_else(|| yes.clone())
    }

    fn go(&mut self) -> Answer {
        match self.verdicts.pop_front().flatten() {
            Some(reply) => Answer::Verdict(reply),
            None => Answer::Go,
        }
    }

    fn recipient(&mut self) -> Reply {
        let verdict = self.judge(&reply::RECIPIENT_NOTED);
        self.recipients += usize::from(verdict.is_positive());
        verdict
    }

    fn message(&mut self, octets: u64) -> Answer {
        let body = std::mem::take(&mut self.gathered);
        assert_eq!(
            body.len() as u64,
            octets,
            "the machine counts what it gives"
        );
        let count = match self.profile.dialect {
            Dialect::Lmtp => std::mem::take(&mut self.recipients),
            _ => 1,
        };
        let replies: Vec<_> = (0..count)
            .map(|_| self.judge(&reply::MESSAGE_ACCEPTED))
            .collect();
        if replies.iter().any(Reply::is_positive) {
            self.messages.push(body);
        }
        Answer::Verdicts(replies)
    }
}

impl Host for House {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        if std::mem::take(&mut self.hold) {
            return None;
        }
        Some(match question {
            Question::Connect { .. } => match self.verdicts.pop_front().flatten() {
                Some(reply) => Answer::Verdict(reply),
                None => Answer::Welcome(self.standing),
            },
            Question::Hello { .. } => {
                self.recipients = 0;
                self.gathered.clear();
                self.go()
            }
            Question::Begin => self.go(),
            Question::Login(credentials) => match self.verdicts.pop_front().flatten() {
                Some(reply) => Answer::Verdict(reply),
                None if credentials.password.expose() == "secret" => Answer::LoggedIn,
                None => Answer::Verdict(reply::LOGIN_FAILED),
            },
            Question::Sender(_) => {
                assert!(
                    self.gathered.is_empty(),
                    "nothing is left of what was dropped"
                );
                self.recipients = 0;
                Answer::Verdict(self.judge(&reply::SENDER_NOTED))
            }
            Question::Recipients(wishes) => {
                let paths = wishes.iter().map(|wish| wish.forward_path.to_string());
                self.recipients_asked.extend(paths);
                Answer::Verdicts(wishes.iter().map(|_| self.recipient()).collect())
            }
            Question::Message { octets } => self.message(octets),
            Question::Abandoned => {
                self.abandoned += 1;
                self.recipients = 0;
                self.gathered.clear();
                Answer::Go
            }
            Question::Settled { heard } => {
                self.settled.push(heard);
                Answer::Go
            }
        })
    }

    fn body(&mut self, octets: &[u8]) {
        self.gathered.extend_from_slice(octets);
    }

    fn stream(&mut self, source: Source, _: &mut Vec<u8>) {
        match source {}
    }
}

impl Scripted for House {
    fn machine(&self, now: Instant) -> Server {
        Server::new(Arc::new(self.profile.clone()), now)
    }

    fn event(&mut self, text: &str) -> Result<Option<News>, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest) {
            ("drain", "") => return Ok(Some(News::Drain)),
            ("hold", "") => self.hold = true,
            ("login", "required") => self.profile.login_required = true,
            ("auth", "after-tls") => self.profile.auth = AuthPolicy::AfterTls,
            ("auth", "always") => self.profile.auth = AuthPolicy::Always,
            ("starttls", "offer") => self.profile.starttls = StartTlsPolicy::Offer,
            ("starttls", "require") => self.profile.starttls = StartTlsPolicy::Require,
            ("dialect", "submission") => self.profile.dialect = Dialect::Submission,
            ("standing", "exempt") => self.standing = Standing::Exempt,
            ("standing", "trusted") => self.standing = Standing::Trusted,
            ("limits", _) => limits(&mut self.profile.limits, rest)?,
            ("verdict", names) => {
                for name in names.split(' ') {
                    self.verdicts.push_back(verdict(name)?);
                }
            }
            ("accepted", count) => expect(count, self.messages.len())?,
            ("abandoned", count) => expect(count, self.abandoned)?,
            ("settled", list) => {
                let words: Vec<_> = self.settled.iter().map(bool::to_string).collect();
                if words.join(" ") != list {
                    return Err(format!("settled {}", words.join(" ")));
                }
            }
            ("body", octets) => {
                let last = self
                    .messages
                    .last()
                    .map(|body| body.escape_ascii().to_string());
                if last.as_deref() != Some(octets) {
                    return Err(format!("the last body is {last:?}"));
                }
            }
            _ => return Err(format!("unknown event: {text}")),
        }
        Ok(None)
    }
}

fn expect(text: &str, found: usize) -> Result<(), String> {
    if text == found.to_string() {
        Ok(())
    } else {
        Err(format!("it was {found}"))
    }
}

/// A name of the catalogue, or `pass`.
fn verdict(name: &str) -> Result<Option<Reply>, String> {
    if name == "pass" {
        return Ok(None);
    }
    reply::ALL
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, reply)| Some(reply.clone()))
        .ok_or_else(|| format!("no reply is named {name}"))
}

fn limits(limits: &mut Limits, settings: &str) -> Result<(), String> {
    for setting in settings.split(' ') {
        let parsed = setting.split_once('=').and_then(|(key, value)| {
            let number: u32 = value.parse().ok()?;
            Some((key, number))
        });
        match parsed {
            Some(("size_octets_max", number)) => limits.size_octets_max = number.into(),
            Some(("recipients_max", number)) => limits.recipients_max = number,
            Some(("transactions_max", number)) => limits.transactions_max = number,
            Some(("commands_max", number)) => limits.commands_max = number,
            Some(("bad_commands_max", number)) => limits.bad_commands_max = number,
            Some(("bad_logins_max", number)) => limits.bad_logins_max = number,
            Some(("line_octets_max", number)) => limits.line_octets_max = number as usize,
            _ => return Err(format!("unknown limit: {setting}")),
        }
    }
    Ok(())
}

/// A session with this host, greeted by nobody yet.
#[allow(dead_code, reason = "not every test file begins sessions of its own")]
pub(crate) fn session(house: House) -> Drive<House> {
    let now = Clock::manual(Timestamp(0)).now();
    Drive::new(house.machine(now), house, now)
}
