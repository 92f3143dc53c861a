use super::*;
use crate::machine::{Event, Next};
use crate::output::Output;

/// Repeats each line. With `eager` it also answers half lines: a bug that only
/// cutting shows.
struct Echo {
    eager: bool,
    begun: Instant,
}

impl Machine for Echo {
    type Question = ();
    type Answer = ();
    type News = String;
    type Source = ();

    fn step<'i>(
        &mut self,
        now: Instant,
        event: Event<'i, (), String>,
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        self.begun = now;
        match event {
            Event::Bytes(b"") | Event::Answer(()) | Event::Secured(_) => (0, Next::Read),
            Event::Bytes(bytes) => {
                if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
                    out.put(&bytes[..=end]);
                    return (end + 1, Next::Again);
                }
                if self.eager {
                    out.put(b"?\r\n");
                }
                (0, Next::Read)
            }
            Event::News(text) => {
                out.put(text.as_bytes());
                (0, Next::Read)
            }
            Event::Ready => {
                out.put(b"hello\r\n");
                (0, Next::Again)
            }
            Event::Expired | Event::Closed => (0, Next::Close),
        }
    }

    fn deadline(&self) -> Instant {
        self.begun + Duration::from_mins(1)
    }
}

struct EchoHost {
    eager: bool,
}

impl Host for EchoHost {
    type Machine = Echo;

    fn answer(&mut self, (): ()) -> Option<()> {
        Some(())
    }

    fn body(&mut self, _: &[u8]) {}

    fn stream(&mut self, (): (), _: &mut Vec<u8>) {}
}

impl Scripted for EchoHost {
    fn machine(&self, now: Instant) -> Echo {
        Echo {
            eager: self.eager,
            begun: now,
        }
    }

    fn event(&mut self, text: &str) -> Result<Option<String>, String> {
        match text.strip_prefix("say ") {
            Some(said) => Ok(Some(format!("{said}\r\n"))),
            None => Err(format!("unknown event {text}")),
        }
    }
}

fn verdict(text: &str, eager: bool) -> Result<(), TranscriptError> {
    check(Path::new("x.echo"), text, || EchoHost { eager })
}

const GOOD: &str = "# RFC 5321 §4.5\nS: hello\nC: one\nC| t\\x77o\\r\\n\\{3 ab}\\n\nS: one\n\
                    S: two\nS| ababab\\n\n! say news\nS: news\n! +1m\nS! closes\n";

#[test]
fn a_good_transcript_holds_however_it_is_cut() {
    verdict(GOOD, false).unwrap();
}

#[test]
fn a_bad_one_is_refused_with_its_place() {
    let wrong = GOOD.replace("S: news", "S: olds");
    let error = verdict(&wrong, false).unwrap_err();
    assert!(
        matches!(error, TranscriptError::Differs { line: 9, .. }),
        "{error}"
    );
    let missing = GOOD.replace("S! closes\n", "");
    assert!(verdict(&missing, false).is_err());
    let silent = GOOD.replace("S: hello\n", "");
    assert!(verdict(&silent, false).is_err());
    let unknown = GOOD.replace("! say news", "! sing");
    let error = verdict(&unknown, false).unwrap_err();
    assert!(
        matches!(error, TranscriptError::Line { line: 8, .. }),
        "{error}"
    );
}

#[test]
fn a_machine_that_depends_on_cuts_is_found() {
    let error = verdict(GOOD, true).unwrap_err();
    assert!(matches!(
        error,
        TranscriptError::Differs {
            cut: "byte by byte",
            ..
        }
    ));
}

#[test]
fn a_transcript_must_cite() {
    let uncited = GOOD.replace("RFC 5321 §4.5", "RFC 5321");
    assert!(matches!(
        verdict(&uncited, false),
        Err(TranscriptError::Uncited(_))
    ));
}
