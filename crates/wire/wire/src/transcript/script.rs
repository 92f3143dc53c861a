//! Transcript files: read, run in three ways, compared or rewritten.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::random::Random;

use super::drive::{Drive, Host};
use crate::machine::{Machine, Tls};

/// The part that a machine has in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its words stand in `C` lines, its peer's in `S` lines.
    Client,
    /// The other way round.
    Server,
}

impl Part {
    fn letter(self) -> char {
        match self {
            Self::Client => 'C',
            Self::Server => 'S',
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// What a line of this part says after its letter and mark, where it has that mark.
    fn marked(self, line: &str, mark: char) -> Option<&str> {
        let said = line.strip_prefix(self.letter())?.strip_prefix(mark)?;
        Some(said.strip_prefix(' ').unwrap_or(said))
    }
}

/// A host that follows the `!` lines of a transcript.
pub trait Scripted: Host {
    /// The part of its machine.
    const PART: Part = Part::Server;

    /// The machine, made once the settings before the first exchange are known.
    fn machine(&self, now: Instant) -> Self::Machine;

    /// Does what a `!` line says; returns what the machine is to be told.
    ///
    /// Called when the line is met: before the octets of the peer's lines above it are sent, so that
    /// `! verdict` can stand between a command and its reply. News are told after them.
    fn event(&mut self, text: &str) -> Result<Option<<Self::Machine as Machine>::News>, String>;
}

/// Why a transcript does not hold.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// A file could not be read, or not rewritten.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is none of the kinds, or an event that the host does not know.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// No comment names the section of an RFC.
    #[error("{0}: no # line cites an RFC and a section")]
    Uncited(PathBuf),
    /// The machine said something else.
    #[error("{path}:{line}: input {cut}\n  expected: {expected}\n     found: {found}")]
    Differs {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// How the input was cut.
        cut: &'static str,
        /// The line of the file.
        expected: String,
        /// What stands there now.
        found: String,
    },
    /// There is nothing to check.
    #[error("no .{extension} file in {directory}")]
    None {
        /// Where.
        directory: PathBuf,
        /// What was looked for.
        extension: String,
    },
}

/// Runs every file of `directory` that ends in `extension`; returns how many.
///
/// # Errors
/// The first file that does not hold. With `POSTROOM_BLESS=1` files are rewritten instead.
pub fn check_directory<H: Scripted>(
    directory: &Path,
    extension: &str,
    host: impl Fn() -> H,
) -> Result<usize, TranscriptError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TranscriptError::File { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        if path.extension().is_some_and(|end| end == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    let bless = std::env::var_os("POSTROOM_BLESS").is_some_and(|value| value == "1");
    for path in &paths {
        let text = fs::read_to_string(path).map_err(failed(path))?;
        if bless {
            let blessed = run(path, &text, Cut::Whole, host())?;
            fs::write(path, blessed).map_err(failed(path))?;
        } else {
            check(path, &text, &host)?;
        }
    }
    if paths.is_empty() {
        return Err(TranscriptError::None {
            directory: directory.to_owned(),
            extension: extension.to_owned(),
        });
    }
    Ok(paths.len())
}

fn check<H: Scripted>(
    path: &Path,
    text: &str,
    host: impl Fn() -> H,
) -> Result<(), TranscriptError> {
    if !text.lines().any(cites) {
        return Err(TranscriptError::Uncited(path.to_owned()));
    }
    for cut in [Cut::Whole, Cut::Bytes, Cut::Random] {
        let found = run(path, text, cut, host())?;
        if found != text {
            return Err(differs(path, text, &found, cut));
        }
    }
    Ok(())
}

/// Whether a line is a comment with `RFC 1234 §5`.
fn cites(line: &str) -> bool {
    line.starts_with('#')
        && line.split("RFC ").skip(1).any(|after| {
            let section = after.trim_start_matches(|c: char| c.is_ascii_digit());
            section.len() < after.len() && section.starts_with(" §")
        })
}

fn differs(path: &Path, text: &str, found: &str, cut: Cut) -> TranscriptError {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (expected, found) = (lines(text), lines(found));
    let place = expected
        .iter()
        .zip(&found)
        .position(|(one, other)| one != other)
        .unwrap_or_else(|| expected.len().min(found.len()));
    let at = |lines: &[String]| lines.get(place).cloned().unwrap_or_default();
    TranscriptError::Differs {
        path: path.to_owned(),
        line: place.saturating_add(1),
        cut: cut.name(),
        expected: at(&expected),
        found: at(&found),
    }
}

/// How the peer's octets arrive.
#[derive(Clone, Copy)]
enum Cut {
    Whole,
    Bytes,
    Random,
}

impl Cut {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Bytes => "byte by byte",
            Self::Random => "in random chunks",
        }
    }
}

/// Runs one file; returns it with what the machine really said.
fn run<H: Scripted>(path: &Path, text: &str, cut: Cut, host: H) -> Result<String, TranscriptError> {
    let mut runner = Runner::new(cut, host);
    let mut said = String::new();
    let mut in_our_lines = false;
    for (place, line) in text.lines().enumerate() {
        let is_ours = [':', '|', '!']
            .iter()
            .any(|&mark| H::PART.marked(line, mark).is_some());
        if is_ours && !in_our_lines {
            runner.write_said(&mut said);
        }
        in_our_lines = is_ours;
        if is_ours {
            continue;
        }
        runner
            .line(line, &mut said)
            .map_err(|reason| TranscriptError::Line {
                path: path.to_owned(),
                line: place.saturating_add(1),
                reason,
            })?;
        said.push_str(line);
        said.push('\n');
    }
    runner.write_said(&mut said);
    Ok(said)
}

/// A transcript under way.
struct Runner<H: Scripted> {
    cut: Cut,
    random: Random,
    /// `None` once the session has begun.
    waiting: Option<H>,
    drive: Option<Drive<H>>,
    now: Instant,
    implicit_tls: bool,
    early: bool,
    /// Octets of the peer's lines not sent yet.
    unsent: Vec<u8>,
    /// What was last told of the machine besides text.
    deed: Option<&'static str>,
}

impl<H: Scripted> Runner<H> {
    fn new(cut: Cut, host: H) -> Self {
        Self {
            cut,
            random: Random::seeded(0x5eed),
            waiting: Some(host),
            drive: None,
            now: Clock::manual(Timestamp(0)).now(),
            implicit_tls: false,
            early: false,
            unsent: Vec::new(),
            deed: None,
        }
    }

    /// Does what a line that is not the machine's says.
    fn line(&mut self, line: &str, said: &mut String) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let peer = H::PART.other();
        if let Some(text) = peer.marked(line, ':') {
            self.unsent.extend_from_slice(text.as_bytes());
            self.unsent.extend_from_slice(b"\r\n");
            return Ok(());
        }
        if let Some(text) = peer.marked(line, '|') {
            self.unsent.extend(unescape(text)?);
            return Ok(());
        }
        match line.strip_prefix("! ") {
            Some("early") => {
                self.early = true;
                Ok(())
            }
            Some("tls") if self.drive.is_none() => {
                self.implicit_tls = true;
                Ok(())
            }
            Some("tls") => {
                self.write_said(said);
                self.drive().secured(tls());
                Ok(())
            }
            Some("closed") => {
                self.write_said(said);
                self.drive().closed();
                Ok(())
            }
            Some(text) => match text.strip_prefix('+') {
                Some(span) => {
                    self.write_said(said);
                    let span = duration(span)?;
                    self.drive().advance(span);
                    Ok(())
                }
                None => self.host_event(text, said),
            },
            None => Err(format!("not a line of a transcript: {line}")),
        }
    }

    fn host_event(&mut self, text: &str, said: &mut String) -> Result<(), String> {
        let host = match (&mut self.drive, &mut self.waiting) {
            (Some(drive), _) => &mut drive.host,
            (None, Some(host)) => host,
            (None, None) => return Err("there is no session".to_owned()),
        };
        if let Some(news) = host.event(text)? {
            self.write_said(said);
            self.drive().news(news);
        }
        Ok(())
    }

    /// The session, begun if it has not.
    fn drive(&mut self) -> &mut Drive<H> {
        if let Some(host) = self.waiting.take() {
            let mut drive = Drive::new(host.machine(self.now), host, self.now);
            if self.implicit_tls {
                drive.secured(tls());
            }
            if self.early {
                let unsent = std::mem::take(&mut self.unsent);
                self.send(&mut drive, &unsent);
            }
            drive.ready();
            self.drive = Some(drive);
        }
        self.drive
            .as_mut()
            .expect("invariant: set above, and never taken away")
    }

    fn send(&self, drive: &mut Drive<H>, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            let wanted = match self.cut {
                Cut::Whole => rest.len(),
                Cut::Bytes => 1,
                Cut::Random => usize::try_from(self.random.number() % 23)
                    .unwrap_or(0)
                    .saturating_add(1),
            };
            let (piece, more) = rest.split_at(wanted.min(rest.len()));
            drive.receive(piece);
            rest = more;
        }
    }

    /// Sends what waits, and writes down what the machine says and does.
    fn write_said(&mut self, said: &mut String) {
        self.drive();
        let Some(mut drive) = self.drive.take() else {
            return;
        };
        let unsent = std::mem::take(&mut self.unsent);
        self.send(&mut drive, &unsent);
        render(&drive.take_written(), H::PART.letter(), said);
        let deed = if drive.is_closed() {
            Some("closes")
        } else if drive.awaits_handshake() {
            Some("starts tls")
        } else {
            None
        };
        if deed != self.deed
            && let Some(deed) = deed
        {
            let _ = writeln!(said, "{}! {deed}", H::PART.letter());
        }
        self.deed = deed;
        self.drive = Some(drive);
    }
}

/// What every handshake of a transcript agrees on.
fn tls() -> Tls {
    Tls {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        server_name: None,
        is_verified: false,
    }
}

/// `5m`, `30s`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("not a span of time: {text}");
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(bad)?;
    let count: u64 = digits.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(bad()),
    };
    Ok(Duration::from_secs(count.saturating_mul(seconds)))
}

/// Writes octets as `S:` lines, or `S|` where they are no plain lines, with the speaker's letter.
fn render(octets: &[u8], letter: char, said: &mut String) {
    for line in octets.split_inclusive(|&byte| byte == b'\n') {
        let plain = line
            .strip_suffix(b"\r\n")
            .and_then(|text| std::str::from_utf8(text).ok())
            .filter(|text| !text.chars().any(char::is_control) && !text.ends_with(' '));
        match plain {
            Some("") => {
                let _ = writeln!(said, "{letter}:");
            }
            Some(text) => {
                let _ = writeln!(said, "{letter}: {text}");
            }
            None => {
                let _ = writeln!(said, "{letter}| {}", escape(line));
            }
        }
    }
}

fn escape(octets: &[u8]) -> String {
    let mut text = String::new();
    for &byte in octets {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// The octets of a `C|` line.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        octets.extend_from_slice(plain.as_bytes());
        let bad = || format!("not an escape: \\{after}");
        let mut characters = after.chars();
        let (octet, used) = match characters.next().ok_or_else(bad)? {
            'r' => (b'\r', 1),
            'n' => (b'\n', 1),
            't' => (b'\t', 1),
            '0' => (0, 1),
            '\\' => (b'\\', 1),
            'x' => {
                let digits = after.get(1..3).ok_or_else(bad)?;
                (u8::from_str_radix(digits, 16).map_err(|_| bad())?, 3)
            }
            '{' => {
                let (inside, behind) = characters.as_str().split_once('}').ok_or_else(bad)?;
                let (count, repeated) = inside.split_once(' ').ok_or_else(bad)?;
                let count: usize = count.parse().map_err(|_| bad())?;
                octets.extend(repeated.as_bytes().repeat(count));
                rest = behind;
                continue;
            }
            _ => return Err(bad()),
        };
        octets.push(octet);
        rest = after.get(used..).ok_or_else(bad)?;
    }
    octets.extend_from_slice(rest.as_bytes());
    Ok(octets)
}

#[cfg(test)]
mod tests;
