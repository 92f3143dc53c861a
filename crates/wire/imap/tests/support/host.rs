//! A host for tests: answers what was laid ready, else the plainest yes, and keeps what it was
//! given.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use postroom_imap::command::Numbering;
use postroom_imap::command::fetch::{Section, SectionText};
use postroom_imap::command::list::StatusItem;
use postroom_imap::question::{Answer, News, Question, Source};
use postroom_imap::reply;
use postroom_imap::response::Response;
use postroom_imap::response::fetch::{FetchItem, Fetched, MessageFlags, Octets};
use postroom_imap::response::mailbox::{
    Attribute, ChildInfo, Esearch, FlagList, Listed, MailboxStatus, Namespace, Namespaces,
    Searched, Vanished,
};
use postroom_imap::response::status::{AppendUid, Code, Completion, CopyUid, Status};
use postroom_imap::server::{Server, Settings};
use postroom_mail::flag::{Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{ModSeq, Uid, UidValidity};
use postroom_mail::message;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;
use postroom_wire::transcript::{Host, Scripted};

/// The message that `! fetch` tells of.
const MESSAGE: &[u8] = b"From: \"Anna \\\"A\\\" Arndt\" <anna@example.org>\r\n\
    To: Friends: bob@example.net, carla@example.net;\r\n\
    Subject: Entw\xc3\xbcrfe\r\n\
    Date: Mon, 02 Nov 2026 09:05:00 +0100\r\n\
    Message-ID: <1@example.org>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\
    \r\n\
    --b\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Language: de, en\r\n\
    \r\n\
    one\r\n\
    two\r\n\
    --b\r\n\
    Content-Type: message/rfc822\r\n\
    Content-Disposition: attachment; filename=\"a b.eml\"\r\n\
    \r\n\
    Subject: inner\r\n\
    \r\n\
    three\r\n\
    --b--\r\n";

/// Answers the machine.
#[derive(Debug, Default)]
pub(crate) struct House {
    pub(crate) settings: Settings,
    /// Answers laid ready, one for each question to come.
    pub(crate) answers: VecDeque<Answer>,
    /// Responses of the page that is being laid ready.
    page: Vec<Response>,
    /// Turns the session away.
    is_crowded: bool,
    /// Leaves the next question out.
    pub(crate) hold: bool,
    /// Questions as they came.
    pub(crate) asked: Vec<String>,
    /// Octets of the body under way, or of the last one.
    pub(crate) body: Vec<u8>,
}

impl Host for House {
    type Machine = Server;

    fn answer(&mut self, question: Question) -> Option<Answer> {
        self.asked.push(format!("{question:?}"));
        if std::mem::take(&mut self.hold) {
            return None;
        }
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        Some(match question {
            Question::Authenticate(credentials)
                if &*credentials.authcid == "anna" && credentials.password.expose() == "secret" =>
            {
                Answer::Granted
            }
            Question::Authenticate(_) => Answer::Denied(Completion::no(
                Code::AuthenticationFailed,
                "Wrong name or password",
            )),
            Question::AppendBegin(_) => {
                self.body.clear();
                Answer::Proceed
            }
            Question::Poll => Answer::Changes(Vec::new()),
            Question::Execute { .. }
            | Question::More
            | Question::AppendEnd
            | Question::AppendAbandon => Answer::Done(Vec::new(), Completion::ok("Done")),
        })
    }

    fn body(&mut self, octets: &[u8]) {
        self.body.extend_from_slice(octets);
    }

    fn stream(&mut self, source: Source, out: &mut Vec<u8>) {
        let octets = usize::try_from(source.octets).expect("a test streams little");
        let ticket = u8::try_from(source.ticket).expect("a ticket is a letter");
        out.extend(std::iter::repeat_n(ticket, octets));
    }
}

impl Scripted for House {
    fn machine(&self, now: Instant) -> Server {
        let settings = Arc::new(self.settings.clone());
        if self.is_crowded {
            return Server::refused(settings, now, reply::BYE_CROWDED);
        }
        Server::new(settings, now)
    }

    fn event(&mut self, text: &str) -> Result<Option<News>, String> {
        let mut words = text.split(' ');
        let word = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        match word {
            "limit" => self.limit(&words)?,
            "cleartext" => self.settings.is_cleartext_allowed = true,
            "starttls" => self.settings.is_starttls_offered = true,
            "crowded" => self.is_crowded = true,
            "hold" => self.hold = true,
            "stir" => return Ok(Some(News::Stir)),
            "drain" => return Ok(Some(News::Drain)),
            "asked" => self.check_asked(&words.join(" "))?,
            "bye" => self.answers.push_back(Answer::Bye(Completion::new(
                Status::Bye,
                Some(Code::Corruption),
                "Mailbox is gone",
            ))),
            "page" => {
                let page = std::mem::take(&mut self.page);
                self.answers.push_back(Answer::Page(page));
            }
            "changes" => {
                let page = std::mem::take(&mut self.page);
                self.answers.push_back(Answer::Changes(page));
            }
            "denied" => self.answers.push_back(Answer::Denied(completion(&words)?)),
            "proceed" => self.answers.push_back(Answer::Proceed),
            "done" => {
                let page = std::mem::take(&mut self.page);
                let completion = completion(&words)?;
                self.answers.push_back(Answer::Done(page, completion));
            }
            _ => self.page.push(response(word, &words)?),
        }
        Ok(None)
    }
}

impl House {
    /// The last question, without the words that open it, must begin so.
    fn check_asked(&self, beginning: &str) -> Result<(), String> {
        let last = self.asked.last().map_or("nothing", String::as_str);
        if last.contains(beginning) {
            return Ok(());
        }
        Err(format!("the last question was {last}"))
    }

    fn limit(&mut self, words: &[&str]) -> Result<(), String> {
        let (name, value) = words
            .first()
            .and_then(|word| word.split_once('='))
            .ok_or("limit NAME=VALUE")?;
        let value: u32 = value.parse().map_err(|_| "no number")?;
        let size = usize::try_from(value).map_err(|_| "no size")?;
        let limits = &mut self.settings.limits;
        match name {
            "line_octets_max" => limits.line_octets_max = size,
            "early_line_octets_max" => limits.early_line_octets_max = size,
            "literals_max" => limits.literals_max = size,
            "append_octets_max" => limits.append_octets_max = value.into(),
            "swallow_octets_max" => limits.swallow_octets_max = value.into(),
            "bad_commands_max" => limits.bad_commands_max = value,
            "failed_logins_max" => limits.failed_logins_max = value,
            _ => return Err(format!("no limit {name}")),
        }
        Ok(())
    }
}

/// `OK [CODE] text`.
fn completion(words: &[&str]) -> Result<Completion, String> {
    let (status, rest) = words.split_first().ok_or("no status")?;
    let status = match *status {
        "OK" => Status::Ok,
        "NO" => Status::No,
        "BAD" => Status::Bad,
        _ => return Err(format!("no status {status}")),
    };
    let (code, rest) = match rest.split_first() {
        Some((word, rest)) if word.starts_with('[') => (Some(code(word)?), rest),
        _ => (None, rest),
    };
    let text = rest.join(" ");
    Ok(Completion::new(
        status,
        code,
        Box::leak(text.into_boxed_str()),
    ))
}

/// A code by its name, with the same data every time.
fn code(word: &str) -> Result<Code, String> {
    let name = word.trim_matches(['[', ']']);
    let validity = UidValidity::new(3_857_529_045).ok_or("zero")?;
    let with_data = [
        Code::AppendUid(AppendUid {
            validity,
            uids: UidSet::from_iter([38]),
        }),
        Code::CopyUid(CopyUid {
            validity,
            from: UidSet::from_iter([304, 319, 320]),
            to: UidSet::from_iter([3956, 3957, 3958]),
        }),
        Code::HighestModSeq(ModSeq(715_194_045_007)),
        Code::Modified(UidSet::from_iter([7, 9])),
        Code::PermanentFlags(flag_list(true)),
        Code::UidNext(Uid::new(4392).ok_or("zero")?),
        Code::UidValidity(validity),
        Code::Unseen(12),
    ];
    let plain = [
        Code::Alert,
        Code::AlreadyExists,
        Code::AuthenticationFailed,
        Code::AuthorizationFailed,
        Code::BadCharset,
        Code::Cannot,
        Code::Capability,
        Code::ClientBug,
        Code::Closed,
        Code::ContactAdmin,
        Code::Corruption,
        Code::Expired,
        Code::ExpungeIssued,
        Code::HasChildren,
        Code::InUse,
        Code::Limit,
        Code::NonExistent,
        Code::NoModSeq,
        Code::NoPerm,
        Code::NotSaved,
        Code::OverQuota,
        Code::Parse,
        Code::PrivacyRequired,
        Code::ReadOnly,
        Code::ReadWrite,
        Code::ServerBug,
        Code::TooBig,
        Code::TryCreate,
        Code::UidNotSticky,
        Code::Unavailable,
        Code::UnknownCte,
        Code::UseAttr,
    ];
    with_data
        .into_iter()
        .chain(plain)
        .find(|code| code.name() == name)
        .ok_or_else(|| format!("no code {name}"))
}

fn keywords() -> Arc<[Keyword]> {
    ["$Junk", "work"]
        .into_iter()
        .filter_map(Keyword::new)
        .collect()
}

fn flag_list(is_open: bool) -> FlagList {
    FlagList {
        system: SystemFlags::SEEN.with(SystemFlags::DELETED),
        keywords: keywords(),
        is_open,
    }
}

fn response(word: &str, words: &[&str]) -> Result<Response, String> {
    let number = || -> Result<u32, String> {
        let word = words.first().ok_or("no number")?;
        word.parse().map_err(|_| format!("no number {word}"))
    };
    let name = || words.first().copied().unwrap_or_default().replace('_', " ");
    Ok(match word {
        "exists" => Response::Exists(number()?),
        "recent" => Response::Recent(number()?),
        "expunge" => Response::Expunge(number()?),
        "flags" => Response::Flags(flag_list(false)),
        "untagged" => Response::Status(completion(words)?),
        "search" => Response::Search(searched(words)),
        "vanished" => Response::Vanished(Vanished {
            is_earlier: words.contains(&"earlier"),
            uids: numbers(words),
        }),
        "esearch" => Response::Esearch(Esearch {
            by: Numbering::Uid,
            min: Some(2),
            max: Some(9),
            all: Some(UidSet::from_ranges([2..=4, 9..=9])),
            count: Some(4),
            modseq: None,
        }),
        "list" => Response::List(listed(&name())),
        "lsub" => Response::Lsub(listed(&name())),
        "namespace" => Response::Namespace(Namespaces {
            personal: vec![Namespace {
                prefix: "".into(),
                separator: Some('/'),
            }],
            ..Namespaces::default()
        }),
        "status" => Response::MailboxStatus(MailboxStatus {
            name: name().into(),
            values: StatusItem::ALL
                .into_iter()
                .zip(1..)
                .map(|((item, _), value)| (item, value))
                .collect(),
        }),
        "fetch" => Response::Fetch(Fetched {
            sequence: number()?,
            items: words
                .iter()
                .skip(1)
                .map(|word| item(word))
                .collect::<Result<_, _>>()?,
        }),
        _ => return Err(format!("no event {word}")),
    })
}

/// Numbers, and perhaps `modseq=5`.
fn searched(words: &[&str]) -> Searched {
    let mod_seq = words.iter().find_map(|word| word.strip_prefix("modseq="));
    Searched {
        numbers: numbers(words),
        mod_seq: mod_seq.and_then(|n| n.parse().ok()).map(ModSeq),
    }
}

fn numbers(words: &[&str]) -> UidSet {
    words.iter().filter_map(|word| word.parse().ok()).collect()
}

/// Attributes follow from the name.
fn listed(name: &str) -> Listed {
    let mut attributes = vec![Attribute::HasNoChildren];
    let mut child_info = Vec::new();
    match name {
        "Sent" => attributes.push(Attribute::Use(SpecialUse::Sent)),
        "Gone" => {
            attributes = vec![Attribute::NonExistent, Attribute::NoSelect];
            child_info = vec![ChildInfo::Subscribed, ChildInfo::SpecialUse];
        }
        "Top" => attributes = vec![Attribute::HasChildren, Attribute::Subscribed],
        "Far" => {
            attributes = vec![
                Attribute::NoInferiors,
                Attribute::Marked,
                Attribute::Remote,
                Attribute::Unmarked,
            ];
        }
        _ => {}
    }
    Listed {
        attributes,
        separator: Some('/'),
        name: name.into(),
        child_info,
        old_name: None,
    }
}

/// `uid=5`, `flags`, `body=text`, `stream=9`, ...
fn item(word: &str) -> Result<FetchItem, String> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let inline = || Octets::Inline(value.as_bytes().to_vec());
    let parsed = message::parse(MESSAGE);
    let number = || {
        value
            .parse::<u64>()
            .map_err(|_| format!("no number {word}"))
    };
    Ok(match name {
        "uid" => FetchItem::Uid(Uid::new(u32::try_from(number()?).unwrap_or(0)).ok_or("no UID")?),
        "modseq" => FetchItem::ModSeq(ModSeq(number()?)),
        "size" => FetchItem::Rfc822Size(number()?),
        "date" => FetchItem::InternalDate(Timestamp::from_unix_seconds(number()?)),
        "flags" => {
            let mut set = KeywordSet::NONE;
            set.insert(1);
            FetchItem::Flags(MessageFlags {
                system: SystemFlags::SEEN.with(SystemFlags::FLAGGED),
                is_recent: true,
                keywords: set,
                names: keywords(),
            })
        }
        "noflags" => FetchItem::Flags(MessageFlags {
            system: SystemFlags::NONE,
            is_recent: false,
            keywords: KeywordSet::NONE,
            names: keywords(),
        }),
        "envelope" => FetchItem::Envelope(Arc::new(parsed.envelope)),
        "bodystructure" => FetchItem::BodyStructure(Arc::new(parsed.structure)),
        "structure" => FetchItem::Body(Arc::new(parsed.structure)),
        "stream" => FetchItem::BodySection {
            section: Arc::new(Section {
                part: Vec::new(),
                text: SectionText::Text,
            }),
            origin: None,
            octets: Octets::Stream(Source {
                ticket: b'x'.into(),
                octets: number()?,
            }),
        },
        "binary" => FetchItem::Binary {
            part: [1].into(),
            origin: None,
            octets: Octets::Inline(b"\0\x01".to_vec()),
        },
        "binarysize" => FetchItem::BinarySize {
            part: [1, 2].into(),
            octets: number()?,
        },
        "rfc822" => FetchItem::Rfc822(inline()),
        "header" => FetchItem::Rfc822Header(inline()),
        "text" => FetchItem::Rfc822Text(inline()),
        _ => return section_item(name, value).ok_or_else(|| format!("no item {word}")),
    })
}

/// `body=text`, `partial=text`, `fields=text`, `absent`.
fn section_item(name: &str, value: &str) -> Option<FetchItem> {
    let inline = Octets::Inline(value.as_bytes().to_vec());
    let (part, text, origin, octets) = match name {
        "body" => (vec![], SectionText::All, None, inline),
        "partial" => (vec![2, 1], SectionText::Mime, Some(7), inline),
        "fields" => {
            let fields = SectionText::HeaderFields(vec!["From".into(), "X \"y".into()]);
            (vec![2], fields, None, inline)
        }
        "absent" => (vec![9], SectionText::All, None, Octets::Absent),
        _ => return None,
    };
    Some(FetchItem::BodySection {
        section: Arc::new(Section { part, text }),
        origin,
        octets,
    })
}
