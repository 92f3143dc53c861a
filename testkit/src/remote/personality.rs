//! How a remote behaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The manners of a remote. Clones share how often a deed was done. The default is called `mx.example.net`, offers all that postroom's
/// client knows except STARTTLS, CHUNKING and AUTH, and accepts everything.
#[derive(Clone, Debug)]
pub struct Personality {
    /// Its name, in the greeting and the reply to EHLO.
    pub(super) name: String,
    /// What EHLO lists.
    pub(super) extensions: Vec<String>,
    /// What becomes of STARTTLS; listed in the reply to EHLO unless absent or under TLS.
    pub(super) starttls: Option<StartTls>,
    /// Whether TLS comes first.
    pub(super) is_implicit_tls: bool,
    /// RCPT commands it takes in a transaction, as LIMITS says; 452 to the next.
    pub(super) recipients_max: Option<usize>,
    /// Whether it speaks LMTP: LHLO, and a reply for each recipient.
    pub(super) is_lmtp: bool,
    rules: Vec<Rule>,
}

/// What is done out of the ordinary, and how often yet.
#[derive(Clone, Debug)]
struct Rule {
    moment: Moment,
    deed: Deed,
    /// Shared by the sessions of a remote.
    left: Arc<AtomicUsize>,
}

impl Rule {
    /// The deed, unless it was done often enough.
    fn spend(&self) -> Option<Deed> {
        let order = Ordering::Relaxed;
        let spent = self
            .left
            .fetch_update(order, order, |left| left.checked_sub(1));
        spent.is_ok().then(|| self.deed.clone())
    }
}

/// What becomes of STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// It works.
    Good,
    /// It is agreed to, and then the handshake is answered with words.
    Broken,
    /// It works, and behind the reply to it, in the same segment, these octets came in clear text.
    Injected(&'static str),
    /// It is offered, and refused with this line.
    Refused(&'static str),
}

/// When a remote does something out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// In place of the greeting.
    Greeting,
    /// At EHLO or LHLO.
    Ehlo,
    /// At HELO.
    Helo,
    /// At AUTH, and each response after it.
    Auth,
    /// At MAIL.
    Mail,
    /// At RCPT of an address that contains this.
    Recipient(&'static str),
    /// At DATA.
    Data,
    /// Once so many octets of a body have come.
    Body(usize),
    /// At the end of the data, whichever way it came.
    EndOfData,
    /// At RSET.
    Reset,
    /// At QUIT.
    Quit,
}

/// What a remote does out of the ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Says this instead; CRLF is added. Lines are separated by LF.
    Say(&'static str),
    /// Says exactly these octets instead.
    Raw(Vec<u8>),
    /// Says this and goes.
    SayAndLeave(&'static str),
    /// Goes without a word.
    Leave,
    /// Says nothing more, until the peer goes.
    Hang,
    /// Neither says nor reads anything more, until the remote is dropped.
    Freeze,
    /// Says the usual, one octet after the other with so much time between.
    Dawdle(Duration),
}

impl Default for Personality {
    fn default() -> Self {
        let extensions = [
            "PIPELINING",
            "SIZE 50000000",
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
        ];
        Self {
            name: "mx.example.net".to_owned(),
            extensions: extensions.map(str::to_owned).to_vec(),
            starttls: None,
            is_implicit_tls: false,
            recipients_max: None,
            is_lmtp: false,
            rules: Vec::new(),
        }
    }
}

impl Personality {
    /// At `moment`, always.
    #[must_use]
    pub fn does(self, moment: Moment, deed: Deed) -> Self {
        self.does_times(usize::MAX, moment, deed)
    }

    /// At `moment`, the first `times` that it comes, in whatever session.
    #[must_use]
    pub fn does_times(mut self, times: usize, moment: Moment, deed: Deed) -> Self {
        let left = Arc::new(AtomicUsize::new(times));
        self.rules.push(Rule { moment, deed, left });
        self
    }

    /// Offers this as well: a line of the reply to EHLO.
    #[must_use]
    pub fn with(mut self, extension: &str) -> Self {
        self.extensions.push(extension.to_owned());
        self
    }

    /// Does not offer this: the keyword of a line of the reply to EHLO.
    #[must_use]
    pub fn without(mut self, keyword: &str) -> Self {
        self.extensions
            .retain(|line| line.split(' ').next() != Some(keyword));
        self
    }

    /// With STARTTLS.
    #[must_use]
    pub fn with_starttls(mut self, starttls: StartTls) -> Self {
        self.starttls = Some(starttls);
        self
    }

    /// With TLS from the first octet.
    #[must_use]
    pub fn with_implicit_tls(mut self) -> Self {
        self.is_implicit_tls = true;
        self
    }

    /// With so many recipients a transaction, as LIMITS says.
    #[must_use]
    pub fn with_recipients_max(mut self, recipients_max: usize) -> Self {
        self.recipients_max = Some(recipients_max);
        self
    }

    /// Speaking LMTP.
    #[must_use]
    pub fn speaking_lmtp(mut self) -> Self {
        self.is_lmtp = true;
        self
    }

    /// Under another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Knows no EHLO.
    #[must_use]
    pub fn without_ehlo(self) -> Self {
        self.does(Moment::Ehlo, Deed::Say("502 5.5.1 Not implemented"))
    }

    /// A greeting of ten million octets without a line end.
    #[must_use]
    pub fn with_endless_banner(self) -> Self {
        let mut banner = b"220 ".to_vec();
        banner.resize(10_000_000, b'x');
        self.does(Moment::Greeting, Deed::Raw(banner))
    }

    /// What it does at `moment`; for recipients by the address.
    pub(super) fn deed(&self, moment: Moment, address: &str) -> Option<Deed> {
        let is_meant = |rule: &&Rule| match (rule.moment, moment) {
            (Moment::Recipient(part), Moment::Recipient(_)) => address.contains(part),
            (rule, moment) => rule == moment,
        };
        self.rules.iter().filter(is_meant).find_map(Rule::spend)
    }

    /// What it does after so many octets of a body.
    pub(super) fn body_deed(&self, octets: usize) -> Option<Deed> {
        let is_due = |rule: &&Rule| matches!(rule.moment, Moment::Body(after) if octets >= after);
        self.rules.iter().filter(is_due).find_map(Rule::spend)
    }
}
