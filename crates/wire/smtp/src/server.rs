//! The server's side of SMTP, Submission and LMTP.

mod host;
mod profile;

pub use host::{Answer, HelloVerb, News, Question, RecipientWish, SenderWish, Source, Standing};
pub use profile::{AuthPolicy, Dialect, Limits, Profile, StartTlsPolicy, Timeouts};
