//! A plain SMTP and LMTP client, which sends exactly what it is told.

use std::io;
use std::net::SocketAddr;

use crate::lines::Lines;

/// A reply, its lines joined by LF (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its code.
    pub code: u16,
    /// Its text after the code, a line each.
    pub text: String,
}

/// One session.
#[derive(Debug)]
pub struct Smtp {
    /// The connection.
    pub lines: Lines,
    /// What the server greeted with.
    pub greeting: Reply,
}

impl Smtp {
    /// Connects and reads the greeting.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut lines = Lines::connect(address)?;
        let greeting = read_reply(&mut lines)?;
        Ok(Self { lines, greeting })
    }

    /// Connects and says EHLO.
    pub fn hello(address: SocketAddr) -> io::Result<Self> {
        let mut session = Self::connect(address)?;
        session.command("EHLO client.example")?;
        Ok(session)
    }

    /// Connects and says LHLO (RFC 2033 §4.1).
    pub fn lmtp(address: SocketAddr) -> io::Result<Self> {
        let mut session = Self::connect(address)?;
        session.command("LHLO client.example")?;
        Ok(session)
    }

    /// Sends a line and reads the reply.
    pub fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.lines.write(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Reads one reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        read_reply(&mut self.lines)
    }

    /// Opens a transaction up to the 354; the first refusal instead.
    pub fn open(&mut self, from: &str, to: &[&str]) -> io::Result<Reply> {
        let mut reply = self.command(&format!("MAIL FROM:<{from}>"))?;
        for recipient in to {
            if reply.code / 100 == 2 {
                reply = self.command(&format!("RCPT TO:<{recipient}>"))?;
            }
        }
        if reply.code / 100 == 2 {
            reply = self.command("DATA")?;
        }
        Ok(reply)
    }

    /// Sends the message of an open transaction, its dots doubled, and the end of the data.
    pub fn send_data(&mut self, message: &[u8]) -> io::Result<()> {
        let mut data = Vec::with_capacity(message.len() + 64);
        let mut at_start = true;
        for &octet in message {
            if at_start && octet == b'.' {
                data.push(b'.');
            }
            data.push(octet);
            at_start = octet == b'\n';
        }
        if !at_start {
            data.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(b".\r\n");
        self.lines.write(&data)
    }

    /// Sends a message; the last reply, or the first refusal.
    pub fn send(&mut self, from: &str, to: &[&str], message: &[u8]) -> io::Result<Reply> {
        let reply = self.open(from, to)?;
        if reply.code != 354 {
            return Ok(reply);
        }
        self.send_data(message)?;
        self.reply()
    }

    /// Sends a message by LMTP: a reply for each recipient (RFC 2033 §4.2), or the first refusal
    /// before the message.
    pub fn send_lmtp(&mut self, from: &str, to: &[&str], message: &[u8]) -> io::Result<Vec<Reply>> {
        let reply = self.open(from, to)?;
        if reply.code != 354 {
            return Ok(vec![reply]);
        }
        self.send_data(message)?;
        to.iter().map(|_| self.reply()).collect()
    }

    /// AUTH PLAIN with an initial response (RFC 4616).
    pub fn login(&mut self, name: &str, password: &str) -> io::Result<Reply> {
        let response = base64(format!("\0{name}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {response}"))
    }
}

impl Reply {
    /// Whether it begins with this code and, where given, this enhanced code: `550 5.7.1`.
    pub fn is(&self, code: &str) -> bool {
        format!("{} {}", self.code, self.text).starts_with(code)
    }
}

fn read_reply(lines: &mut Lines) -> io::Result<Reply> {
    let mut texts = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&lines.read_line()?).into_owned();
        let code = line.get(..3).and_then(|code| code.parse().ok());
        let Some(code) = code else {
            return Err(io::Error::other(format!("not a reply: {line:?}")));
        };
        texts.push(line.get(4..).unwrap_or("").to_owned());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(Reply {
                code,
                text: texts.join("\n"),
            });
        }
    }
}

/// Base64 with padding (RFC 4648 §4).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let octet = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for index in 0..4 {
            if index <= chunk.len() {
                let digit = (bits >> (18 - 6 * index)) & 63;
                text.push(char::from(ALPHABET[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648 §10.
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (clear, encoded) in pairs {
            assert_eq!(base64(clear.as_bytes()), encoded);
        }
    }
}
