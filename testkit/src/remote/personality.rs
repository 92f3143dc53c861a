//! How a remote behaves.

use std::time::Duration;

/// The manners of a remote. The default is called `mx.example.net`, offers all that postroom's
/// client knows except STARTTLS, CHUNKING and AUTH, and accepts everything.
#[derive(Clone, Debug)]
pub struct Personality {
    /// Its name, in the greeting and the reply to EHLO.
    pub name: String,
    /// What EHLO lists.
    pub extensions: Vec<String>,
    /// What becomes of STARTTLS; listed in the reply to EHLO unless absent or under TLS.
    pub starttls: Option<StartTls>,
    /// Whether TLS comes first.
    pub is_implicit_tls: bool,
    /// Whether it speaks LMTP: LHLO, and a reply for each recipient.
    pub is_lmtp: bool,
    pub(super) rules: Vec<(Moment, Deed)>,
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
    /// Says the usual, one octet after the other with so much time between.
    Dawdle(Duration),
}

impl Default for Personality {
    fn default() -> Self {
        let extensions = ["PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "DSN"];
        let extensions = extensions.iter().chain(&["ENHANCEDSTATUSCODES"]);
        Self {
            name: "mx.example.net".to_owned(),
            extensions: extensions.map(ToString::to_string).collect(),
            starttls: None,
            is_implicit_tls: false,
            is_lmtp: false,
            rules: Vec::new(),
        }
    }
}

impl Personality {
    /// At `moment`, always.
    #[must_use]
    pub fn does(mut self, moment: Moment, deed: Deed) -> Self {
        self.rules.push((moment, deed));
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
        { &mut self.extensions }.retain(|line| line.split(' ').next() != Some(keyword));
        self
    }

    /// With STARTTLS.
    #[must_use]
    pub fn with_starttls(mut self, starttls: StartTls) -> Self {
        self.starttls = Some(starttls);
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
    pub(super) fn deed(&self, moment: Moment, address: &str) -> Option<&Deed> {
        let is_meant = |rule: &Moment| match (rule, moment) {
            (Moment::Recipient(part), Moment::Recipient(_)) => address.contains(part),
            (rule, moment) => *rule == moment,
        };
        { self.rules.iter() }
            .find(|(rule, _)| is_meant(rule))
            .map(|(_, deed)| deed)
    }

    /// After how many octets of a body it does what.
    pub(super) fn body_deed(&self) -> Option<(usize, &Deed)> {
        self.rules.iter().find_map(|(rule, deed)| match rule {
            Moment::Body(octets) => Some((*octets, deed)),
            _ => None,
        })
    }
}
