//! SMTP towards the server of this machine.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use postroom_mail::address::{ForwardPath, ReversePath};

use super::options::Ret;
use super::{EX_DATAERR, EX_NOPERM, EX_NOUSER, EX_TEMPFAIL, EX_UNAVAILABLE};
use crate::report::{self, Failure};

/// How long one reply may take; the server decides within its own, shorter limits.
const REPLY_TIME_MAX: Duration = Duration::from_mins(10);

/// What goes with a message.
pub(super) struct Envelope {
    pub(super) sender: ReversePath,
    pub(super) recipients: Vec<ForwardPath>,
    pub(super) notify: Option<String>,
    pub(super) ret: Option<Ret>,
    pub(super) envid: Option<String>,
    /// Show the dialogue.
    pub(super) is_verbose: bool,
}

/// One connection to the server.
pub(super) struct Talk {
    reader: BufReader<UnixStream>,
    is_verbose: bool,
}

/// One reply: its code and what follows it in its last line.
struct Reply {
    code: u16,
    text: String,
}

impl Talk {
    /// Reads the greeting and introduces itself.
    pub(super) fn open(stream: UnixStream) -> Result<Self, Failure> {
        stream
            .set_read_timeout(Some(REPLY_TIME_MAX))
            .and_then(|()| stream.set_write_timeout(Some(REPLY_TIME_MAX)))
            .map_err(|error| lost(&error))?;
        let mut talk = Self {
            reader: BufReader::new(stream),
            is_verbose: false,
        };
        talk.reply()?.expect(2)?;
        talk.say("EHLO localhost")?.expect(2)?;
        Ok(talk)
    }

    /// Sends one message. Those recipients that are accepted get it even if others are not.
    pub(super) fn send(mut self, envelope: &Envelope, message: &[u8]) -> Result<(), Failure> {
        self.is_verbose = envelope.is_verbose;
        self.say(&mail(envelope, message))?.expect(2)?;
        let mut refused = None;
        let mut accepted = 0;
        for recipient in &envelope.recipients {
            let mut line = format!("RCPT TO:<{}>", path(recipient));
            if let Some(notify) = &envelope.notify {
                // Writing into a string does not fail.
                let _ = write!(line, " NOTIFY={notify}");
            }
            match self.say(&line)?.expect(2) {
                Ok(()) => accepted += 1,
                Err(failure) => {
                    let failure = failure.at(path(recipient));
                    if let Some(first) = refused.replace(failure) {
                        first.report(false);
                    }
                }
            }
        }
        if accepted > 0 {
            self.say("DATA")?.expect(3)?;
            self.write(&stuffed(message))?;
            self.reply()?.expect(2)?;
        }
        // The message is safe: how the goodbye goes changes nothing.
        let _ = self.say("QUIT");
        refused.map_or(Ok(()), Err)
    }

    fn say(&mut self, line: &str) -> Result<Reply, Failure> {
        if self.is_verbose {
            report::say(format_args!(">>> {line}"))?;
        }
        self.write(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        let stream = self.reader.get_mut();
        stream.write_all(octets).map_err(|error| lost(&error))
    }

    /// Reads a reply of one line or several (RFC 5321 §4.2.1).
    fn reply(&mut self) -> Result<Reply, Failure> {
        loop {
            let mut line = String::new();
            let octets = self.reader.read_line(&mut line);
            if octets.map_err(|error| lost(&error))? == 0 {
                return Err(lost(&io::ErrorKind::UnexpectedEof.into()));
            }
            let line = line.trim_end();
            if self.is_verbose {
                report::say(line)?;
            }
            let nonsense = || lost(&io::ErrorKind::InvalidData.into());
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(nonsense)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                let text = line.get(4..).unwrap_or_default().to_owned();
                return Ok(Reply { code, text });
            }
        }
    }
}

impl Reply {
    /// The code must begin with `class`.
    fn expect(&self, class: u16) -> Result<(), Failure> {
        if self.code / 100 == class {
            return Ok(());
        }
        let Self { code, text } = self;
        let what = format!("the server refuses: {code} {text}");
        Err(Failure::new(what, self.mend()).code(self.exit_code()))
    }

    /// Of sysexits(3), by the enhanced code (RFC 3463 §3).
    fn exit_code(&self) -> u8 {
        let subject = self.text.split('.').nth(1);
        match (self.code / 100, subject) {
            (4, _) => EX_TEMPFAIL,
            (_, Some("1")) => EX_NOUSER,
            (_, Some("7")) => EX_NOPERM,
            (_, Some("5" | "6")) => EX_DATAERR,
            _ => EX_UNAVAILABLE,
        }
    }

    fn mend(&self) -> &'static str {
        match self.exit_code() {
            EX_TEMPFAIL => "hand the message over again later",
            EX_NOPERM => "send from an address of yours, or see auth.local_senders",
            _ => "nothing was sent to whom this concerns",
        }
    }
}

/// MAIL with what the message and its sender need (RFC 6152, RFC 6531 §3.4, RFC 3461 §4.3, §4.4).
fn mail(envelope: &Envelope, message: &[u8]) -> String {
    let mut line = format!("MAIL FROM:{}", envelope.sender);
    if !message.is_ascii() {
        line.push_str(" BODY=8BITMIME");
    }
    let is_ascii = envelope.sender.to_string().is_ascii()
        && envelope.recipients.iter().all(|one| path(one).is_ascii());
    if !is_ascii {
        line.push_str(" SMTPUTF8");
    }
    match envelope.ret {
        None => {}
        Some(Ret::Full) => line.push_str(" RET=FULL"),
        Some(Ret::Headers) => line.push_str(" RET=HDRS"),
    }
    if let Some(envid) = &envelope.envid {
        line.push_str(" ENVID=");
        line.push_str(&xtext(envid));
    }
    line
}

fn path(recipient: &ForwardPath) -> String {
    match recipient {
        ForwardPath::Address(address) => address.to_string(),
        ForwardPath::Postmaster => "Postmaster".to_owned(),
    }
}

/// RFC 3461 §4.
fn xtext(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'!'..=b'~' if !matches!(octet, b'+' | b'=') => written.push(char::from(octet)),
            _ => {
                // Writing into a string does not fail.
                let _ = write!(written, "+{octet:02X}");
            }
        }
    }
    written
}

/// Lines that begin with a dot get one more, and a lone dot ends it all (RFC 5321 §4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + message.len() / 64 + 3);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

fn lost(error: &io::Error) -> Failure {
    Failure::because("the server was lost while it was told", error)
        .mend("look with postroom trace whether it has the message; if not, hand it over again")
        .code(EX_TEMPFAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_its_exit_code() {
        let code = |code, text: &str| {
            Reply {
                code,
                text: text.to_owned(),
            }
            .exit_code()
        };
        assert_eq!(code(451, "4.3.0 later"), EX_TEMPFAIL);
        assert_eq!(code(550, "5.1.1 nobody"), EX_NOUSER);
        assert_eq!(code(553, "5.7.1 not yours"), EX_NOPERM);
        assert_eq!(code(554, "5.6.0 nonsense"), EX_DATAERR);
        assert_eq!(code(554, "no"), EX_UNAVAILABLE);
    }

    #[test]
    fn dots_are_stuffed_and_xtext_is_encoded() {
        assert_eq!(stuffed(b".\r\na\r\n..b\r\n"), b"..\r\na\r\n...b\r\n.\r\n");
        assert_eq!(xtext("a+b=c d"), "a+2Bb+3Dc+20d");
    }
}
