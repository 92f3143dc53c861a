//! Transcripts: conversations in files that mail people can read, run against a machine.
//!
//! ```text
//! # What is shown, and where it is asked for. RFC 5321 §4.1.1.10
//! S: 220 mail.example.org ESMTP postroom
//! C: QUIT
//! S: 221 2.0.0 Goodbye
//! S! closes
//! ```
//!
//! | line | means |
//! |---|---|
//! | `# …` | why; at least one cites `RFC n §s` |
//! | `C: …` | the client sends this line and CRLF |
//! | `C\| …` | it sends exactly these octets: `\r \n \t \0 \\ \xNN`, and `\{9 text}` repeats |
//! | `S: …`, `S\| …` | the server sends this, written in the same two ways |
//! | `S! …` | the server does something else: `closes`, `starts tls`, `compresses` |
//! | `! +5m` | time passes (`s`, `m`, `h`) |
//! | `! tls` | the handshake is done; before anything else: implicit TLS |
//! | `! early` | what the client sends next comes before the session is ready |
//! | `! closed` | the client sends no more |
//! | `! …` | anything else is for the [`Scripted`] host |
//!
//! Where the machine is a client ([`Part::Client`]), `C` lines are what it says and does, and `S`
//! lines what it hears.
//!
//! Lines that follow each other go out together. A file is run whole, byte by byte and in random
//! chunks, and must come out the same. With `POSTROOM_BLESS=1` in the environment what the machine
//! said is written into the file instead.

mod drive;
mod script;

pub use drive::{Drive, Host};
pub use script::{Part, Scripted, TranscriptError, check_directory};
