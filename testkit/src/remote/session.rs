//! One session of a remote.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::personality::{Deed, Moment, Personality, StartTls};
use super::record::Message;
use super::tls::Line;
use super::{LONG, Shared};

/// Why a session ends; not always an error.
enum End {
    Left,
    Lost,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// A session with its connection.
pub(super) struct Session<'s> {
    number: usize,
    shared: &'s Shared,
    personality: Personality,
    /// `None` while a handshake has it.
    line: Option<Line>,
    unread: Vec<u8>,
    message: Option<Message>,
}

impl<'s> Session<'s> {
    pub(super) fn new(
        number: usize,
        shared: &'s Shared,
        personality: Personality,
        stream: TcpStream,
    ) -> Self {
        let _ = stream.set_read_timeout(Some(LONG));
        let _ = stream.set_write_timeout(Some(LONG));
        let _ = stream.set_nodelay(true);
        Self {
            number,
            shared,
            personality,
            line: Some(Line::Clear(stream)),
            unread: Vec::new(),
            message: None,
        }
    }

    /// Runs to the end, however it comes.
    pub(super) fn run(&mut self) {
        let _ = self.converse();
    }

    fn converse(&mut self) -> Result<(), End> {
        if self.personality.is_implicit_tls {
            self.secure()?;
        }
        let greeting = format!("220 {} ESMTP remote", self.personality.name);
        self.reply(Moment::Greeting, &greeting)?;
        loop {
            let line = self.command()?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" | "LHLO" => self.hello()?,
                "HELO" => {
                    let hello = format!("250 {}", self.personality.name);
                    self.reply(Moment::Helo, &hello)?;
                }
                "STARTTLS" => self.starttls()?,
                "AUTH" => self.auth(rest)?,
                "MAIL" => self.mail(rest)?,
                "RCPT" => self.recipient(rest)?,
                "DATA" => self.data()?,
                "BDAT" => self.chunk(rest)?,
                "RSET" => {
                    self.message = None;
                    self.reply(Moment::Reset, "250 2.0.0 OK")?;
                }
                "NOOP" => self.say("250 2.0.0 OK")?,
                "QUIT" => {
                    self.reply(Moment::Quit, "221 2.0.0 Bye")?;
                    return Err(End::Left);
                }
                _ => self.say("500 5.5.2 What?")?,
            }
        }
    }
}

/// Commands.
impl Session<'_> {
    fn hello(&mut self) -> Result<(), End> {
        self.message = None;
        let mut lines = vec![self.personality.name.clone()];
        lines.extend(self.personality.extensions.iter().cloned());
        if let Some(most) = self.personality.recipients_max {
            lines.push(format!("LIMITS RCPTMAX={most}"));
        }
        if self.personality.starttls.is_some() && !self.is_secure() {
            lines.push("STARTTLS".to_owned());
        }
        let last = lines.len() - 1;
        let marked = lines.iter().enumerate().map(|(place, line)| {
            let mark = if place == last { ' ' } else { '-' };
            format!("250{mark}{line}")
        });
        let hello = marked.collect::<Vec<_>>().join("\n");
        self.reply(Moment::Ehlo, &hello)
    }

    fn starttls(&mut self) -> Result<(), End> {
        let go = "220 2.0.0 Go ahead";
        match self.personality.starttls {
            None => self.say("502 5.5.1 Not here"),
            Some(StartTls::Refused(line)) => self.say(line),
            Some(StartTls::Good) => {
                self.say(go)?;
                self.secure()
            }
            Some(StartTls::Injected(octets)) => {
                self.put(format!("{go}\r\n{octets}").as_bytes())?;
                self.secure()
            }
            Some(StartTls::Broken) => {
                self.say(go)?;
                self.read()?;
                self.shared.note(|state| {
                    state.sessions[self.number].is_handshake_broken = true;
                });
                self.say("454 4.7.0 TLS is not available after all")?;
                Err(End::Left)
            }
        }
    }

    /// Takes any password.
    fn auth(&mut self, arguments: &str) -> Result<(), End> {
        let responses = match arguments.split_once(' ') {
            Some(_) => 0,
            None if arguments.eq_ignore_ascii_case("LOGIN") => 2,
            None => 1,
        };
        for _ in 0..responses {
            self.reply(Moment::Auth, "334 VXNlcm5hbWU6")?;
            self.command()?;
        }
        self.reply(Moment::Auth, "235 2.7.0 Welcome")
    }

    fn mail(&mut self, arguments: &str) -> Result<(), End> {
        let (sender, sender_parameters) = path(arguments);
        let is_tls = self.is_secure();
        let message = Message {
            session: self.number,
            sender,
            sender_parameters,
            is_tls,
            ..Message::default()
        };
        if self.reply_code(Moment::Mail, "", "250 2.1.0 Sender OK")? < 300 {
            self.message = Some(message);
        }
        Ok(())
    }

    fn recipient(&mut self, arguments: &str) -> Result<(), End> {
        let (address, parameters) = path(arguments);
        if self.message.is_none() {
            return self.say("503 5.5.1 MAIL first");
        }
        let taken = self.message.as_ref();
        let taken = taken.map_or(0, |message| message.recipients.len());
        if self
            .personality
            .recipients_max
            .is_some_and(|most| taken >= most)
        {
            return self.say("452 4.5.3 Too many recipients");
        }
        let moment = Moment::Recipient("");
        let code = self.reply_code(moment, &address, "250 2.1.5 Recipient OK")?;
        if let Some(message) = self.message.as_mut().filter(|_| code < 300) {
            message.recipients.push(address);
            message.recipient_parameters.push(parameters);
        }
        Ok(())
    }

    fn data(&mut self) -> Result<(), End> {
        if self.is_for_nobody() {
            return self.say("554 5.5.1 No valid recipients");
        }
        if self.reply_code(Moment::Data, "", "354 Go on")? >= 400 {
            return Ok(());
        }
        let mut octets = Vec::new();
        loop {
            let line = self.line(octets.len())?;
            match line.as_slice() {
                b".\r\n" => break,
                [b'.', rest @ ..] => octets.extend_from_slice(rest),
                line => octets.extend_from_slice(line),
            }
        }
        self.end_of_data(octets, false)
    }

    fn chunk(&mut self, arguments: &str) -> Result<(), End> {
        let size = arguments
            .split(' ')
            .next()
            .and_then(|size| size.parse().ok());
        let Some(size) = size else {
            return self.say("501 5.5.4 Of what size?");
        };
        while self.unread.len() < size {
            self.body_deed(self.unread.len())?;
            self.read()?;
        }
        let octets: Vec<u8> = self.unread.drain(..size).collect();
        if self.is_for_nobody() {
            return self.say("503 5.5.1 No valid recipients");
        }
        if let Some(message) = &mut self.message {
            message.octets.extend_from_slice(&octets);
        }
        if !arguments.to_ascii_uppercase().ends_with(" LAST") {
            return self.say("250 2.0.0 Go on");
        }
        let octets = self
            .message
            .as_mut()
            .map(|message| std::mem::take(&mut message.octets));
        self.end_of_data(octets.unwrap_or_default(), true)
    }

    fn end_of_data(&mut self, octets: Vec<u8>, is_chunked: bool) -> Result<(), End> {
        let Some(mut message) = self.message.take() else {
            return Ok(());
        };
        message.octets = octets;
        message.is_chunked = is_chunked;
        let recipients = message.recipients.clone();
        let addressees = if self.personality.is_lmtp {
            recipients
        } else {
            vec![String::new()]
        };
        let place = self.shared.note(|state| {
            state.messages.push(message);
            state.messages.len() - 1
        });
        for address in addressees {
            let said = self.reply_code(Moment::EndOfData, &address, "250 2.6.0 Taken over")?;
            self.shared
                .note(|state| state.messages[place].codes.push(said));
        }
        Ok(())
    }

    fn is_for_nobody(&self) -> bool {
        let message = self.message.as_ref();
        message.is_none_or(|message| message.recipients.is_empty())
    }
}

/// The connection.
impl Session<'_> {
    fn is_secure(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_secure)
    }

    /// What came in clear text is dropped (RFC 3207 §4.2).
    fn secure(&mut self) -> Result<(), End> {
        self.unread.clear();
        let line = self.line.take().ok_or(End::Lost)?;
        let secured = line.secure(&self.shared.identity);
        self.shared.note(|state| {
            let record = &mut state.sessions[self.number];
            record.is_tls = secured.is_ok();
            record.is_handshake_broken = secured.is_err();
        });
        self.line = Some(secured?);
        Ok(())
    }

    fn command(&mut self) -> Result<String, End> {
        let line = self.line(0)?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let noted = line.clone();
        self.shared
            .note(|state| state.sessions[self.number].commands.push(noted));
        Ok(line)
    }

    /// The next line with its end, after `before` octets of a body.
    fn line(&mut self, before: usize) -> Result<Vec<u8>, End> {
        loop {
            let end = self.unread.windows(2).position(|pair| pair == b"\r\n");
            if let Some(end) = end {
                return Ok(self.unread.drain(..end + 2).collect());
            }
            if before > 0 {
                self.body_deed(before + self.unread.len())?;
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<(), End> {
        let line = self.line.as_mut().ok_or(End::Lost)?;
        let mut buffer = [0; 16 * 1024];
        let octets = line.read(&mut buffer)?;
        if octets == 0 {
            return Err(End::Lost);
        }
        let read = &buffer[..octets];
        self.unread.extend_from_slice(read);
        let is_secure = line.is_secure();
        self.shared.note(|state| {
            let record = &mut state.sessions[self.number];
            record.octets.extend_from_slice(read);
            if is_secure {
                record.secured.extend_from_slice(read);
            }
        });
        Ok(())
    }

    fn body_deed(&mut self, octets: usize) -> Result<(), End> {
        match self.personality.body_deed(octets) {
            Some(deed) => self.act(&deed, "").map(drop),
            None => Ok(()),
        }
    }

    fn reply(&mut self, moment: Moment, usual: &str) -> Result<(), End> {
        self.reply_code(moment, "", usual).map(drop)
    }

    /// Says the usual, or does what the personality says; returns the code said.
    fn reply_code(&mut self, moment: Moment, address: &str, usual: &str) -> Result<u16, End> {
        if let Some(deed) = self.personality.deed(moment, address) {
            return self.act(&deed, usual);
        }
        self.say(usual)?;
        Ok(code(usual.as_bytes()))
    }

    fn act(&mut self, deed: &Deed, usual: &str) -> Result<u16, End> {
        match deed {
            Deed::Say(words) => {
                self.say(words)?;
                Ok(code(words.as_bytes()))
            }
            Deed::Raw(octets) => {
                self.put(octets)?;
                Ok(code(octets))
            }
            Deed::SayAndLeave(words) => {
                self.say(words)?;
                Err(End::Left)
            }
            Deed::Leave => Err(End::Left),
            Deed::Hang => loop {
                self.read()?;
            },
            Deed::Freeze => {
                self.shared.wait_for_stop();
                Err(End::Left)
            }
            Deed::Dawdle(pause) => {
                let octets = wire(usual);
                for octet in octets.as_bytes().chunks(1) {
                    self.put(octet)?;
                    std::thread::sleep(*pause);
                }
                Ok(code(usual.as_bytes()))
            }
        }
    }

    fn say(&mut self, lines: &str) -> Result<(), End> {
        self.put(wire(lines).as_bytes())
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), End> {
        let line = self.line.as_mut().ok_or(End::Lost)?;
        line.write_all(octets)?;
        Ok(line.flush()?)
    }
}

/// Lines as they go out.
fn wire(lines: &str) -> String {
    lines.lines().flat_map(|line| [line, "\r\n"]).collect()
}

/// The code that octets begin with; 0 for nonsense.
fn code(octets: &[u8]) -> u16 {
    let digits = octets.get(..3).unwrap_or_default();
    std::str::from_utf8(digits).map_or(0, |digits| digits.parse().unwrap_or(0))
}

/// `FROM:<path> parameters`, or `TO:`: what is in the brackets, and what follows them.
fn path(arguments: &str) -> (String, String) {
    let inside = arguments
        .split_once('<')
        .map_or(arguments, |(_, rest)| rest);
    let (address, parameters) = inside.rsplit_once('>').unwrap_or((inside, ""));
    (address.to_owned(), parameters.trim().to_owned())
}
