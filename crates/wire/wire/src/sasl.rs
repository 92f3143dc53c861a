//! SASL, the server's side: PLAIN and LOGIN, as lines of base64 (RFC 4422, RFC 4616).
//!
//! An [`Exchange`] holds one attempt. The protocol around it puts challenges and responses on the
//! wire; who the credentials belong to is for the host to say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom_runtime::secret::Secret;

/// Octets a response line may have before decoding (RFC 4954 §4).
pub const RESPONSE_OCTETS_MAX: usize = 12_288;

/// A mechanism of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// LOGIN, of no RFC but of many old clients.
    Login,
    /// PLAIN (RFC 4616).
    Plain,
}

impl Mechanism {
    /// In the order they are advertised.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Login];

    /// The mechanism of this name, in any case of letters (RFC 4422 §3.1).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// As advertised.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Plain => "PLAIN",
        }
    }
}

/// Octets as one line of a client: base64, and `=` for none (RFC 4954 §4).
pub fn encode(message: &[u8]) -> String {
    if message.is_empty() {
        "=".to_owned()
    } else {
        STANDARD.encode(message)
    }
}

/// What a peer claims: to be `authcid`, knowing its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// How they came.
    pub mechanism: Mechanism,
    /// The identity that the password belongs to; never empty. It is also the one acted for: an
    /// authorization identity that differs is refused before the host is asked.
    pub authcid: Box<str>,
    /// Never empty.
    pub password: Secret,
}

/// What the server does next in an exchange.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this text, base64 already, as a challenge and wait for a line.
    Challenge(&'static str),
    /// The exchange is complete; the host decides.
    Complete(Credentials),
}

/// Why an exchange ended without credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The peer sent `*` (RFC 4954 §4).
    #[error("the peer cancelled the exchange")]
    Cancelled,
    /// Not base64, or base64 with padding in its middle (RFC 4954 §4).
    #[error("response is not base64")]
    Encoding,
    /// The peer asked to act for somebody else (RFC 4616 §2, authzid).
    #[error("authorization identity differs from the authentication identity")]
    Identity,
    /// Decoded, but not what the mechanism asks for.
    #[error("response does not follow the mechanism")]
    Malformed,
}

/// One authentication exchange under way.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword(Box<str>),
}

/// `Username:`, what LOGIN clients expect to be asked.
const USERNAME: &str = "VXNlcm5hbWU6";
/// `Password:`
const PASSWORD: &str = "UGFzc3dvcmQ6";

impl Exchange {
    /// Begins an exchange; the first [`Step`] is [`Exchange::open`]'s.
    pub fn new(mechanism: Mechanism) -> Self {
        Self(match mechanism {
            Mechanism::Login => State::LoginName,
            Mechanism::Plain => State::Plain,
        })
    }

    /// Takes the initial response, if the peer sent one; `=` is the empty one (RFC 4954 §4,
    /// RFC 4959 §3).
    ///
    /// deviates: RFC 4954 §4 because clients in the field send LOGIN's name as initial response,
    /// which the RFC wants refused for a mechanism that the server begins.
    pub fn open(&mut self, initial: Option<&[u8]>) -> Result<Step, ExchangeError> {
        match (initial, &self.0) {
            (Some(b"="), _) => self.take(&[]),
            (Some(line), _) => self.respond(line),
            (None, State::LoginName) => Ok(Step::Challenge(USERNAME)),
            (None, _) => Ok(Step::Challenge("")),
        }
    }

    /// Takes a response line without its line end.
    pub fn respond(&mut self, line: &[u8]) -> Result<Step, ExchangeError> {
        if line == b"*" {
            return Err(ExchangeError::Cancelled);
        }
        let response = STANDARD.decode(line).map_err(|_| ExchangeError::Encoding)?;
        self.take(&response)
    }

    fn take(&mut self, response: &[u8]) -> Result<Step, ExchangeError> {
        match std::mem::replace(&mut self.0, State::Plain) {
            State::Plain => plain(response).map(Step::Complete),
            State::LoginName => {
                self.0 = State::LoginPassword(text(response)?.into());
                Ok(Step::Challenge(PASSWORD))
            }
            State::LoginPassword(authcid) => Ok(Step::Complete(Credentials {
                mechanism: Mechanism::Login,
                authcid,
                password: Secret::new(text(response)?),
            })),
        }
    }
}

/// `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
fn plain(message: &[u8]) -> Result<Credentials, ExchangeError> {
    let mut parts = message.split(|&byte| byte == 0);
    let (Some(authzid), Some(authcid), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ExchangeError::Malformed);
    };
    let (authcid, password) = (text(authcid)?, text(password)?);
    if !authzid.is_empty() && authzid != authcid.as_bytes() {
        return Err(ExchangeError::Identity);
    }
    Ok(Credentials {
        mechanism: Mechanism::Plain,
        authcid: authcid.into(),
        password: Secret::new(password),
    })
}

/// A name or password: UTF-8, not empty, no NUL.
fn text(bytes: &[u8]) -> Result<&str, ExchangeError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.contains('\0') => Ok(text),
        _ => Err(ExchangeError::Malformed),
    }
}

#[cfg(test)]
mod tests;
