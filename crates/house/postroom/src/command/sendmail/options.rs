//! The options of sendmail, as Sendmail and Postfix read them.

use std::ffi::OsString;
use std::path::PathBuf;

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Take a message from standard input (`-bm`).
    #[default]
    Deliver,
    /// Speak SMTP on standard input and output (`-bs`).
    Session,
    /// Show what waits (`-bp`, `mailq`).
    ListQueue,
    /// Try what waits now (`-q`).
    FlushQueue,
    /// Rebuild a database of aliases (`-bi`, `newaliases`).
    RebuildAliases,
}

/// How much of a failed message a report returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ret {
    Full,
    Headers,
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) mode: Mode,
    /// `-C FILE`, `--config FILE`.
    pub(super) config: Option<PathBuf>,
    /// `-f`, `-r`.
    pub(super) sender: Option<String>,
    /// `-F`.
    pub(super) full_name: Option<String>,
    /// `-t`.
    pub(super) reads_header: bool,
    /// `-i`, `-oi`.
    pub(super) ignores_dots: bool,
    /// `-v`.
    pub(super) is_verbose: bool,
    /// `-N`, as NOTIFY has it.
    pub(super) notify: Option<String>,
    /// `-R`.
    pub(super) ret: Option<Ret>,
    /// `-V`.
    pub(super) envid: Option<String>,
    pub(super) recipients: Vec<String>,
}

/// The command was used wrongly.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UsageError {
    #[error("-{0} lacks its value")]
    NoValue(char),
    #[error("there is no option -{0}")]
    Unknown(char),
    #[error("there is no option {0}")]
    UnknownLong(String),
    #[error("-{option} does not take {value:?}")]
    Value { option: char, value: String },
    #[error("a server is started by: postroom serve")]
    Daemon,
    /// A20: what could become a line of its own, or end a string, in an envelope.
    #[error("an argument has a CR, an LF or a NUL")]
    ControlCharacter,
    #[error("an argument is not UTF-8")]
    NotText,
}

/// Options that take a value, attached or as the next argument.
const VALUED: &str = "ABCFLNOQRVXbefhopr";

impl Options {
    /// Reads arguments without the program's name.
    pub(super) fn parse(arguments: Vec<OsString>, mode: Mode) -> Result<Self, UsageError> {
        let mut options = Self {
            mode,
            ..Self::default()
        };
        let texts = arguments.into_iter().map(text);
        let mut texts = texts.collect::<Result<Vec<_>, _>>()?.into_iter();
        while let Some(argument) = texts.next() {
            if argument == "--" {
                break;
            } else if let Some(long) = argument.strip_prefix("--") {
                options.long(long, &mut texts)?;
            } else if argument.len() > 1 && argument.starts_with('-') {
                options.letters(&argument[1..], &mut texts)?;
            } else {
                options.recipients.push(argument);
            }
        }
        options.recipients.extend(texts);
        Ok(options)
    }

    fn long(
        &mut self,
        long: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), UsageError> {
        let file = match long.split_once('=') {
            Some(("config", file)) => Some(file.to_owned()),
            None if long == "config" => rest.next(),
            _ => return Err(UsageError::UnknownLong(format!("--{long}"))),
        };
        let file = file.ok_or_else(|| UsageError::UnknownLong("--config without FILE".into()))?;
        self.config = Some(file.into());
        Ok(())
    }

    /// One argument of letters: each an option, up to one that takes the rest as its value.
    fn letters(
        &mut self,
        letters: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), UsageError> {
        let mut left = letters;
        while let Some(letter) = left.chars().next() {
            left = &left[letter.len_utf8()..];
            match letter {
                // A value only if it is attached; what is tried is always the whole queue.
                'q' => {
                    self.mode = Mode::FlushQueue;
                    return Ok(());
                }
                'd' => return Ok(()),
                letter if VALUED.contains(letter) => {
                    let value = match left {
                        "" => rest.next().ok_or(UsageError::NoValue(letter))?,
                        attached => attached.to_owned(),
                    };
                    return self.valued(letter, value);
                }
                'I' => self.mode = Mode::RebuildAliases,
                'i' => self.ignores_dots = true,
                't' => self.reads_header = true,
                'v' => self.is_verbose = true,
                // Of no meaning here: they speak of groups, of rewriting, of who calls.
                'E' | 'G' | 'U' | 'm' | 'n' | 's' | 'a' | 'c' | 'x' => {}
                unknown => return Err(UsageError::Unknown(unknown)),
            }
        }
        Ok(())
    }

    fn valued(&mut self, option: char, value: String) -> Result<(), UsageError> {
        match option {
            'b' => self.mode = mode(value)?,
            'C' => self.config = Some(value.into()),
            'f' | 'r' => self.sender = Some(value),
            'F' => self.full_name = Some(value),
            'N' => self.notify = Some(notify(value)?),
            'R' => self.ret = Some(ret(value)?),
            'V' => self.envid = Some(value),
            // An option of sendmail.cf; the one that changes what a message is counts.
            'o' if value == "i" => self.ignores_dots = true,
            'B' if !is_body_type(&value) => return Err(UsageError::Value { option, value }),
            // The body type is seen from the message; the rest has no meaning here.
            _ => {}
        }
        Ok(())
    }
}

fn text(argument: OsString) -> Result<String, UsageError> {
    let text = argument.into_string().map_err(|_| UsageError::NotText)?;
    if text.contains(['\r', '\n', '\0']) {
        return Err(UsageError::ControlCharacter);
    }
    Ok(text)
}

fn mode(value: String) -> Result<Mode, UsageError> {
    match value.as_str() {
        "m" => Ok(Mode::Deliver),
        "s" => Ok(Mode::Session),
        "p" => Ok(Mode::ListQueue),
        "i" => Ok(Mode::RebuildAliases),
        "d" | "D" | "l" => Err(UsageError::Daemon),
        _ => Err(UsageError::Value { option: 'b', value }),
    }
}

fn is_body_type(value: &str) -> bool {
    ["7BIT", "8BITMIME"]
        .into_iter()
        .any(|known| value.eq_ignore_ascii_case(known))
}

/// RFC 3461 §4.1: NEVER alone, or some of the others.
fn notify(value: String) -> Result<String, UsageError> {
    let upper = value.to_ascii_uppercase();
    let is_some = upper
        .split(',')
        .all(|word| matches!(word, "SUCCESS" | "FAILURE" | "DELAY"));
    if upper == "NEVER" || is_some {
        return Ok(upper);
    }
    Err(UsageError::Value { option: 'N', value })
}

fn ret(value: String) -> Result<Ret, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "full" => Ok(Ret::Full),
        "hdrs" => Ok(Ret::Headers),
        _ => Err(UsageError::Value { option: 'R', value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, UsageError> {
        let arguments = line.split(' ').filter(|word| !word.is_empty());
        Options::parse(arguments.map(Into::into).collect(), Mode::Deliver)
    }

    /// The lines of PHP, cron, mutt, git and mailx.
    #[test]
    fn what_programs_say_is_understood() {
        let php = parse("-t -i -f web@example.org").unwrap();
        assert!(php.reads_header && php.ignores_dots);
        assert_eq!(php.sender.as_deref(), Some("web@example.org"));
        let cron = parse("-FCronDaemon -i -B8BITMIME -oem anna").unwrap();
        assert_eq!(cron.full_name.as_deref(), Some("CronDaemon"));
        assert_eq!(cron.recipients, ["anna"]);
        let mutt = parse("-oem -oi -N failure,delay -R hdrs -- -odd@example.org b").unwrap();
        assert!(mutt.ignores_dots);
        assert_eq!(mutt.notify.as_deref(), Some("FAILURE,DELAY"));
        assert_eq!(mutt.ret, Some(Ret::Headers));
        assert_eq!(mutt.recipients, ["-odd@example.org", "b"]);
        let null = parse("-f <> -ti").unwrap();
        assert_eq!(null.sender.as_deref(), Some("<>"));
        assert!(null.reads_header && null.ignores_dots);
        assert_eq!(parse("-bs").unwrap().mode, Mode::Session);
        assert_eq!(parse("-bp").unwrap().mode, Mode::ListQueue);
        assert_eq!(parse("-q30m").unwrap().mode, Mode::FlushQueue);
        let config = Some("x.toml".into());
        assert_eq!(parse("--config=x.toml a").unwrap().config, config);
        assert_eq!(parse("-C x.toml a").unwrap().config, config);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(parse("-f"), Err(UsageError::NoValue('f')));
        assert_eq!(parse("-bd"), Err(UsageError::Daemon));
        assert_eq!(parse("-Z"), Err(UsageError::Unknown('Z')));
        for wrong in ["-N never,success", "-R all", "-B9BIT", "-bx"] {
            assert!(
                matches!(parse(wrong), Err(UsageError::Value { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn attack_a20_no_argument_may_carry_a_line_end_or_nul() {
        for evil in [
            "a@example.org>\r\nRCPT TO:<b@example.org",
            "a\nb",
            "a\0b",
            "a\rb",
        ] {
            for arguments in [
                vec![evil],
                vec!["-f", evil],
                vec!["-F", evil],
                vec!["-V", evil],
            ] {
                let arguments = arguments.into_iter().map(Into::into).collect();
                let parsed = Options::parse(arguments, Mode::Deliver);
                assert_eq!(parsed, Err(UsageError::ControlCharacter));
            }
        }
    }
}
