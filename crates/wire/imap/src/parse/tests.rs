#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use postroom_mail::flag::{FlagChange, Flags, Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{ModSeq, UidValidity};
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;
use postroom_wire::output::Output;
use proptest::prelude::*;

use super::*;
use crate::capability::Offer;
use crate::command::fetch::{Fetch, FetchAttribute, Partial, Section, SectionText};
use crate::command::list::{ListReturn, ListSelection, StatusItem};
use crate::command::resync::{ChangedSince, KnownState, Sample};
use crate::command::search::{CharsetSpec, SearchKey, SearchReturn};
use crate::command::sort::{SortCriterion, SortKey, ThreadAlgorithm};
use crate::command::{AppendKind, Expunges, Literal, Numbering, Request, Sync};
use crate::print::{self, Pages, Printed};
use crate::response::Response;
use crate::response::fetch::{FetchItem, Fetched, MessageFlags, Octets};
use crate::response::mailbox::{Listed, Searched};
use crate::sequence::SequenceSet;

fn parse_as(line: &[u8], names: Names) -> Result<Command, ParseError> {
    let limits = Limits::default();
    let context = Context {
        names,
        limits: &limits,
    };
    open(line, context)?.command()
}

fn parse(line: &str) -> Result<Command, ParseError> {
    parse_as(line.as_bytes(), Names::ModifiedUtf7)
}

fn request(line: &str) -> Request {
    match parse(line) {
        Ok(Command::Request(request)) => request,
        other => panic!("{line}: {other:?}"),
    }
}

fn search(keys: &str) -> SearchKey {
    match request(&format!("a SEARCH {keys}")) {
        Request::Search(search) => search.key,
        other => panic!("{other:?}"),
    }
}

fn fetch(items: &str) -> Fetch {
    match request(&format!("a FETCH 1 {items}")) {
        Request::Fetch(fetch) => fetch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_verb_is_found_in_any_case_and_none_besides() {
    let limits = Limits::default();
    let context = Context {
        names: Names::ModifiedUtf7,
        limits: &limits,
    };
    for verb in VERBS {
        let line = format!("a {}", verb.name.to_ascii_lowercase());
        let opened = open(line.as_bytes(), context).expect("it has a tag");
        assert_eq!(opened.verb.map(|verb| verb.name), Some(verb.name));
    }
    assert_eq!(parse("a XYZZY"), Err(ParseError::Verb));
    assert_eq!(parse("a UID NOOP"), Err(ParseError::Verb));
    assert_eq!(parse(""), Err(ParseError::Tag));
    assert_eq!(parse("a"), Err(ParseError::Tag));
    assert_eq!(parse("a+b NOOP"), Err(ParseError::Tag));
    let long = format!("{} NOOP", "t".repeat(TAG_OCTETS_MAX + 1));
    assert_eq!(parse(&long), Err(ParseError::Tag));
}

#[test]
fn strings_in_their_three_forms() {
    let login = |line: &str| match parse(line) {
        Ok(Command::Login(login)) => {
            Ok((login.user.to_string(), login.password.expose().to_owned()))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let anna = Ok(("an]na".to_owned(), "a \"b\" \\c".to_owned()));
    assert_eq!(login(r#"a LOGIN an]na "a \"b\" \\c""#), anna);
    assert_eq!(login("a LOGIN {5}\r\nan]na {8}\r\na \"b\" \\c"), anna);
    assert_eq!(login("a LOGIN {5+}\r\nan]na {8-}\r\na \"b\" \\c "), anna);
    assert_eq!(login(r#"a LOGIN anna "open"#), Err(ParseError::String));
    assert_eq!(login(r#"a LOGIN anna "\n""#), Err(ParseError::String));
    assert_eq!(login("a LOGIN anna {5}\r\nfour"), Err(ParseError::Literal));
    assert_eq!(login("a LOGIN anna {5}"), Err(ParseError::Literal));
    assert_eq!(
        login("a LOGIN anna {99999999999999999999}"),
        Err(ParseError::Literal)
    );
    assert_eq!(login("a LOGIN anna {1}\r\n\0"), Err(ParseError::Text));
    assert_eq!(login("a LOGIN an(na x"), Err(ParseError::Space));
    assert!(parse_as(b"a LOGIN \"\xff\" x", Names::ModifiedUtf7).is_err());
}

#[test]
fn mailbox_names_are_decoded() {
    let select = |line: &str, names| match parse_as(line.as_bytes(), names) {
        Ok(Command::Request(Request::Select(select))) => Ok(select.mailbox.as_str().to_owned()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let seven = Names::ModifiedUtf7;
    assert_eq!(select("a SELECT &ZeVnLIqe-", seven), Ok("日本語".into()));
    assert_eq!(select("a SELECT \"A&-B\"", seven), Ok("A&B".into()));
    assert_eq!(select("a SELECT \"A&B\"", seven), Err(ParseError::Mailbox));
    assert_eq!(select("a SELECT \"日\"", seven), Err(ParseError::Mailbox));
    assert_eq!(select("a SELECT \"A&日\"", Names::Utf8), Ok("A&日".into()));
    assert_eq!(select("a SELECT in*box", seven), Err(ParseError::End));
}

#[test]
fn attack_f21_mailbox_names_from_the_catalogue_never_pass_as_something_else() {
    for line in [
        "a SELECT \"&\"",
        "a SELECT \"&AAA-\"\0",
        "a CREATE \"&AGE-\"",
        "a CREATE \"x\ny\"",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    let name = |line: &str| match request(line) {
        Request::Delete(mailbox) => mailbox.name('/').map(|name| name.join('/')),
        other => panic!("{other:?}"),
    };
    assert_eq!(name("a DELETE inBox"), Ok("INBOX".into()));
    assert_eq!(name("a DELETE inBox/x"), Ok("INBOX/x".into()));
    assert!(name("a DELETE ../x").is_err());
    assert!(name("a DELETE &AAA-").is_err(), "NUL is no part of a name");
    assert!(name(&format!("a DELETE {}", "x".repeat(65_000))).is_err());
}

#[test]
fn sequence_sets() {
    let resolve = |text: &str| match request(&format!("a FETCH {text} FLAGS")) {
        Request::Fetch(fetch) => fetch.set.resolve(10, &UidSet::from_iter([7])).to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(resolve("2,4:7,9,12:*"), "2,4:7,9:12");
    assert_eq!(resolve("*:4,5:7"), "4:10");
    assert_eq!(resolve("*"), "10");
    assert_eq!(resolve("4294967295"), "4294967295");
    assert_eq!(resolve("$"), "7");
    for bad in [
        "0",
        "01",
        "4294967296",
        "1:",
        ":1",
        "1,",
        "",
        "1;2",
        "-1",
        "*:0",
    ] {
        assert!(parse(&format!("a FETCH {bad} FLAGS")).is_err(), "{bad}");
    }
    let set = SequenceSet::Ranges(Vec::new());
    assert_eq!((set.highest(), set.has_last()), (None, false));
}

#[test]
fn fetch_items_and_macros() {
    use FetchAttribute::{Body, Envelope, Flags, InternalDate, Rfc822Size, Uid};
    assert_eq!(fetch("fast").attributes, [Flags, InternalDate, Rfc822Size]);
    assert_eq!(
        fetch("ALL").attributes,
        [Flags, InternalDate, Rfc822Size, Envelope]
    );
    assert_eq!(
        fetch("FULL").attributes,
        [Flags, InternalDate, Rfc822Size, Envelope, Body]
    );
    assert_eq!(fetch("(FLAGS UID FLAGS)").attributes, [Flags, Uid]);
    let FetchAttribute::BodySection {
        section,
        is_peek,
        partial,
    } = &fetch("BODY.PEEK[4.2.HEADER.FIELDS.NOT (From {4}\r\nX- y)]<10.20>").attributes[0]
    else {
        panic!("a section was asked for");
    };
    let expected = Section {
        part: vec![4, 2],
        text: SectionText::HeaderFieldsNot(vec!["From".into(), "X- y".into()]),
    };
    assert_eq!((&**section, *is_peek), (&expected, true));
    assert_eq!(
        *partial,
        Some(Partial {
            offset: 10,
            octets: 20
        })
    );
    let uid = request("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)");
    let Request::Fetch(uid) = uid else {
        panic!("a FETCH")
    };
    assert_eq!(
        (uid.by, &*uid.attributes),
        (Numbering::Uid, &[Uid, Flags][..])
    );
    let since = ChangedSince {
        mod_seq: ModSeq(12345),
        tells_vanished: true,
    };
    assert_eq!(uid.changed_since, Some(since));
    for bad in [
        "()",
        "(FLAGS",
        "(FLAGS )",
        "FLAGS)",
        "BODY[",
        "BODY[1.]",
        "BODY[.1]",
        "BODY[0]",
        "BODY[MIME]",
        "BODY[1.HEADER.FIELDS]",
        "BODY[HEADER.FIELDS ()]",
        "BODY[]<1>",
        "BODY[]<1.0>",
        "BODY[]<-1.2>",
        "BINARY[TEXT]",
        "BINARY.SIZE[1]<0.1>",
        "RFC822.PEEK",
        "ALL FLAGS",
        "(ALL)",
        "BODY.STRUCTURE",
    ] {
        assert!(parse(&format!("a FETCH 1 {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn search_keys() {
    use SearchKey::{And, Flag, Header, Keyword as Word, Not, Or, Recent, Sequence, Uid};
    let seen = Flag(SystemFlags::SEEN);
    assert_eq!(search("UNSEEN"), Not(Box::new(seen.clone())));
    assert_eq!(search("new"), And(vec![Recent, seen.clone().negated()]));
    assert_eq!(search("(SEEN)"), seen);
    assert!(matches!(search("1:5 UID 3"), And(keys)
        if matches!(&keys[..], [Sequence(_), Uid(_)])));
    assert_eq!(
        search("OR SEEN NOT (KEYWORD $Junk SEEN)"),
        Or(
            Box::new(seen.clone()),
            Box::new(And(vec![Word(Keyword::new("$Junk").unwrap()), seen]).negated()),
        )
    );
    let from = Header {
        name: "From".into(),
        text: "smith".into(),
    };
    assert_eq!(search("CHARSET UTF-8 FROM smith"), from);
    assert_eq!(search("HEADER From smith"), from);
    assert!(matches!(
        search("SENTSINCE \"1-Feb-1994\""),
        SearchKey::SentSince(_)
    ));
    assert!(matches!(
        search("MODSEQ \"/flags/\\\\draft\" all 620162338"),
        SearchKey::ModSeq(_)
    ));
    let Request::Search(saved) = request("a UID SEARCH RETURN () ALL") else {
        panic!("a SEARCH")
    };
    assert_eq!(saved.returns, Some(vec![SearchReturn::All]));
    let latin = "a SEARCH CHARSET iso-8859-1 SUBJECT {1}\r\n".as_bytes();
    let subject = |found: Command| match found {
        Command::Request(Request::Search(search)) => (search.charset, search.key),
        other => panic!("{other:?}"),
    };
    let umlaut = [latin, b"\xfc"].concat();
    let key = Header {
        name: "Subject".into(),
        text: "ü".into(),
    };
    assert_eq!(
        subject(parse_as(&umlaut, Names::Utf8).unwrap()),
        (CharsetSpec::Known, key)
    );
    assert_eq!(
        subject(parse("a SEARCH CHARSET X TEXT y").unwrap()),
        (CharsetSpec::Unknown, SearchKey::Text("".into()))
    );
    let not_utf8 = [b"a SEARCH CHARSET UTF-8 TEXT {1}\r\n", &b"\xfc"[..]].concat();
    assert_eq!(parse_as(&not_utf8, Names::Utf8), Err(ParseError::Text));
    assert_eq!(search("OLDER 60"), SearchKey::Older(60));
    assert_eq!(search("younger 1"), SearchKey::Younger(1));
    for bad in [
        "",
        "()",
        "OR SEEN",
        "NOT",
        "SENTON 30-Feb-2000",
        "LARGER x",
        "KEYWORD \\Seen",
        "BEFORE 1-1-2000",
        "SEEN  SEEN",
        "(SEEN",
        "SEEN)",
        "MODSEQ x",
        "FROM",
        "RETURN (SOME) ALL",
        "SMALLER 99999999999999999999",
        "OLDER 0",
        "YOUNGER",
    ] {
        assert!(parse(&format!("a SEARCH {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn list_in_all_its_forms() {
    use ListSelection::{RecursiveMatch, Remote, SpecialUse as Used, Subscribed};
    let Request::List(plain) = request("a LIST \"\" %") else {
        panic!("a LIST")
    };
    assert!(!plain.is_extended && plain.patterns[0].matches("INBOX", '/'));
    let line = "a LIST (SUBSCRIBED SUBSCRIBED RECURSIVEMATCH REMOTE SPECIAL-USE) ref (\"*\" INBOX \
        &ZeVnLIqe-%) RETURN (CHILDREN STATUS (MESSAGES SIZE) SUBSCRIBED)";
    let Request::List(full) = request(line) else {
        panic!("a LIST")
    };
    assert_eq!(full.selection, [Subscribed, RecursiveMatch, Remote, Used]);
    assert_eq!(full.patterns[2].as_str(), "日本語%");
    let status = ListReturn::Status(vec![StatusItem::Messages, StatusItem::Size]);
    assert_eq!(
        full.returns,
        [ListReturn::Children, status, ListReturn::Subscribed]
    );
    for bad in [
        "\"\"",
        "\"\" ()",
        "(REMOTE RECURSIVEMATCH) \"\" *",
        "(X) \"\" *",
        "\"\" * RETURN",
    ] {
        assert!(parse(&format!("a LIST {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn sort_and_thread() {
    let Request::Sort(sort) = request("a UID SORT (REVERSE date subject) UTF-8 UNDELETED 1:5")
    else {
        panic!("a SORT");
    };
    let key = |key, is_reverse| SortCriterion { key, is_reverse };
    assert_eq!(
        sort.criteria,
        [key(SortKey::Date, true), key(SortKey::Subject, false)]
    );
    assert_eq!(sort.search.by, Numbering::Uid);
    assert!(matches!(&sort.search.key, SearchKey::And(keys) if keys.len() == 2));
    let Request::Thread(thread) = request("a THREAD references \"us-ascii\" ALL") else {
        panic!("a THREAD");
    };
    assert_eq!(thread.algorithm, ThreadAlgorithm::References);
    assert_eq!(
        (thread.search.charset, thread.search.key),
        (CharsetSpec::Known, SearchKey::All)
    );
    for bad in [
        "SORT () UTF-8 ALL",
        "SORT (REVERSE) UTF-8 ALL",
        "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        "SORT (COLOUR) UTF-8 ALL",
        "SORT (DATE) UTF-8",
        "SORT DATE UTF-8 ALL",
        "THREAD REFS UTF-8 ALL",
        "THREAD REFERENCES UTF-8",
        "THREAD REFERENCES",
    ] {
        assert!(parse(&format!("a {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn store_append_and_create() {
    let Request::Store(store) =
        request("a STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT \\seen Work work")
    else {
        panic!("a STORE");
    };
    let work = Keyword::new("Work").unwrap();
    assert_eq!(
        store.flags,
        Flags {
            system: SystemFlags::SEEN,
            keywords: vec![work]
        }
    );
    assert_eq!((store.change, store.is_silent), (FlagChange::Add, true));
    assert_eq!(store.unchanged_since, Some(ModSeq(5)));
    let line = "a APPEND \"x y\" (\\Flagged) \"17-Jul-1996 02:44:25 -0700\" X (a (b \"c\")) {310+}";
    let Ok(Command::Append(append)) = parse(line) else {
        panic!("an APPEND")
    };
    assert_eq!(
        append.message.date,
        Some(Timestamp::from_unix_seconds(837_596_665))
    );
    let literal = Literal {
        octets: 310,
        sync: Sync::Follows,
        is_binary: false,
    };
    assert_eq!(append.message.literal, literal);
    assert_eq!(append.message.parameters.len(), 1);
    for (literal, kind) in [
        ("{1}", AppendKind::Text),
        ("~{1}", AppendKind::Binary),
        ("UTF8 (~{1+}", AppendKind::Utf8),
    ] {
        match parse(&format!("a APPEND x () {literal}")) {
            Ok(Command::Append(append)) => assert_eq!(append.message.kind, kind),
            other => panic!("{other:?}"),
        }
    }
    assert!(parse("a APPEND x UTF8 ({1}").is_err());
    assert!(parse("a APPEND x UTF8 ~{1}").is_err());
    let Request::Create(create) = request("a CREATE x (USE (\\drafts \\Sent) OTHER)") else {
        panic!("a CREATE");
    };
    assert_eq!(create.uses, [SpecialUse::Drafts, SpecialUse::Sent]);
    assert_eq!(&*create.parameters[0].name, "OTHER");
    assert!(matches!(
        request("a UID EXPUNGE 1:3"),
        Request::Expunge(Some(_))
    ));
    assert!(matches!(request("a move 1 x"), Request::Move(_)));
}

#[test]
fn what_is_no_command_at_all() {
    for bad in [
        "a STORE 1 FLAGS (\\Nonsense)",
        "a STORE 1 FLAGS (\\*)",
        "a STORE 1 FLAGS",
        "a STORE 1 () FLAGS ()",
        "a APPEND x",
        "a APPEND x \"1-Jan-2000 00:00:00 +0000\" {1}",
        "a STORE 1 +-FLAGS x",
        "a COPY 1",
        "a UID EXPUNGE",
        "a RENAME x",
        "a STATUS x MESSAGES",
        "a ENABLE",
        "a AUTHENTICATE",
        "a NOOP x",
        "a ID (\"x\")",
        "a CREATE x ()",
        "a EXPUNGE 1",
        "a STORE 1 (UNCHANGEDSINCE 5 UNCHANGEDSINCE 6) FLAGS ()",
        "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()",
        "a STORE 1 (CHANGEDSINCE 5) FLAGS ()",
        "a SELECT x (QRESYNC (1 2",
        "a SELECT x (QRESYNC (1 2)",
        "a SELECT x (QRESYNC (0 2))",
        "a SELECT x (QRESYNC (1 2 *))",
        "a SELECT x (QRESYNC (1 2 $))",
        "a SELECT x (QRESYNC (1 2 1:5 (1,2 7)))",
        "a SELECT x (QRESYNC (1 2 1:5 (1 7) 9))",
        "a SELECT x (QRESYNC (1 2) QRESYNC (1 2))",
        "a SELECT x QRESYNC (1 2)",
        "a SELECT x ()",
        "a FETCH 1 FLAGS (CHANGEDSINCE)",
        "a FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)",
        "a UID FETCH 1 FLAGS (VANISHED)",
        "a UID FETCH 1 FLAGS (CHANGEDSINCE 5 OTHER)",
        "a UID FETCH 1 FLAGS ()",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_client_remembers() {
    let known = |line: &str| match request(line) {
        Request::Select(select) => select.known.map(|known| *known),
        other => panic!("{other:?}"),
    };
    let mut expected = KnownState {
        uid_validity: UidValidity::new(67_890_007).unwrap(),
        mod_seq: ModSeq(90_060_115_194_045_000),
        uids: None,
        sample: None,
    };
    let head = "a EXAMINE x (CONDSTORE qresync (67890007 90060115194045000";
    assert_eq!(known(&format!("{head}))")).as_ref(), Some(&expected));
    expected.sample = Some(Sample {
        sequences: UidSet::from_ranges([5..=6, 9..=9]),
        uids: UidSet::from_ranges([15..=15, 22..=22, 27..=27]),
    });
    let sample = "(5,6,9 15,22,27)";
    assert_eq!(
        known(&format!("{head} {sample}))")).as_ref(),
        Some(&expected)
    );
    expected.uids = Some(UidSet::from_ranges([1..=29_997]));
    let found = known(&format!("{head} 29997:1 {sample}))"));
    assert_eq!(found.as_ref(), Some(&expected));
    assert_eq!(known("a SELECT x (CONDSTORE)"), None);
}

#[test]
fn commands_that_enable_condstore_and_those_that_withhold_expunges() {
    for line in [
        "a SELECT x (CONDSTORE)",
        "a SELECT x (QRESYNC (1 2))",
        "a STATUS x (MESSAGES HIGHESTMODSEQ)",
        "a FETCH 1 (MODSEQ)",
        "a FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "a SEARCH OR NOT MODSEQ 5 ALL SEEN",
        "a UID STORE 1 (UNCHANGEDSINCE 0) FLAGS ()",
    ] {
        assert!(request(line).wants_mod_seq(), "{line}");
    }
    for line in [
        "a SELECT x",
        "a FETCH 1 FLAGS",
        "a SEARCH ALL",
        "a STORE 1 FLAGS ()",
    ] {
        assert!(!request(line).wants_mod_seq(), "{line}");
    }
    let withheld = |line: &str| request(line).expunges() == Expunges::Withheld;
    assert!(withheld("a UID SEARCH NOT (SEEN OR 1 2)"));
    assert!(!withheld("a UID SEARCH $ UID 1"));
    assert!(!withheld("a UID FETCH 1 FLAGS"));
    assert!(withheld("a FETCH 1 FLAGS") && withheld("a STORE 1 FLAGS ()"));
}

#[test]
fn an_append_is_whole_at_its_own_literal_only() {
    assert_eq!(parse("a APPEND {5}"), Err(ParseError::Literal));
    assert!(matches!(
        parse("a APPEND {5}\r\nINBOX {3}"),
        Ok(Command::Append(_))
    ));
}

#[test]
fn bounds_hold() {
    let ranges = Limits::default().set_ranges_max;
    let set = vec!["1"; ranges + 1].join(",");
    assert_eq!(
        parse(&format!("a FETCH {set} FLAGS")),
        Err(ParseError::Ranges)
    );
    let keys = vec!["SEEN"; Limits::default().search_keys_max + 1].join(" ");
    assert_eq!(parse(&format!("a SEARCH {keys}")), Err(ParseError::Keys));
    let words: Vec<_> = (0..300).map(|number| format!("k{number}")).collect();
    let store = format!("a STORE 1 FLAGS ({})", words.join(" "));
    assert_eq!(parse(&store), Err(ParseError::Flags));
}

/// What a page of one response prints.
fn printed(response: Response, names: Names) -> Vec<u8> {
    let offer = Offer {
        is_logged_in: true,
        is_private: true,
        is_startable: false,
        append_octets_max: 1,
    };
    let context = print::Context {
        tag: "a",
        names,
        offer,
    };
    let (mut pages, mut out, mut all) = (Pages::default(), Output::new(), Vec::new());
    pages.load(vec![response]);
    while pages.print(&mut out, context) != Printed::All {
        all.extend_from_slice(out.as_bytes());
        out.clear();
    }
    all.extend_from_slice(out.as_bytes());
    all
}

/// What stands between two texts.
fn between(bytes: &[u8], before: &str, after: &str) -> Vec<u8> {
    let bytes = bytes.strip_prefix(before.as_bytes()).expect("it begins so");
    bytes
        .strip_suffix(after.as_bytes())
        .expect("it ends so")
        .to_vec()
}

fn item(item: FetchItem) -> Vec<u8> {
    let fetched = Fetched {
        sequence: 1,
        items: vec![item],
    };
    let bytes = printed(Response::Fetch(fetched), Names::default());
    between(&bytes, "* 1 FETCH (", ")\r\n")
}

#[test]
fn a_large_search_is_printed_in_pieces() {
    let set = UidSet::from_ranges([1..=50_000, 70_000..=70_001]);
    let searched = Searched {
        numbers: set.clone(),
        mod_seq: None,
    };
    let bytes = printed(Response::Search(searched), Names::default());
    let numbers = String::from_utf8(between(&bytes, "* SEARCH ", "\r\n")).unwrap();
    let numbers: UidSet = numbers
        .split(' ')
        .map(|n| n.parse::<u32>().unwrap())
        .collect();
    assert_eq!(numbers, set);
}

fn section_text() -> impl Strategy<Value = SectionText> {
    let fields = prop::collection::vec("[!-~ ]{1,9}|ä".prop_map(Into::into), 1..4);
    prop_oneof![
        Just(SectionText::All),
        Just(SectionText::Header),
        Just(SectionText::Text),
        fields.clone().prop_map(SectionText::HeaderFields),
        fields.prop_map(SectionText::HeaderFieldsNot),
    ]
}

proptest! {
    #[test]
    fn a_printed_string_parses_to_itself(text in "(\\PC|[\"\\\\\r\n\t]){0,40}") {
        let mut out = Output::new();
        out.put(b"a SEARCH SUBJECT ");
        print::text::put_string(&mut out, text.as_bytes());
        let parsed = parse_as(out.as_bytes(), Names::default());
        let Ok(Command::Request(Request::Search(search))) = parsed else {
            return Err(TestCaseError::fail(format!("{parsed:?}")));
        };
        let header = SearchKey::Header { name: "Subject".into(), text: text.into() };
        prop_assert_eq!(search.key, header);
    }

    #[test]
    fn a_printed_name_parses_to_itself(text in "(\\PC|[\"\\\\&]){1,40}", is_utf8 in any::<bool>()) {
        let names = if is_utf8 { Names::Utf8 } else { Names::ModifiedUtf7 };
        let listed = Listed {
            attributes: Vec::new(),
            separator: None,
            name: text.as_str().into(),
            child_info: Vec::new(),
            old_name: None,
        };
        let bytes = printed(Response::List(listed), names);
        let mut line = b"a DELETE ".to_vec();
        line.extend(between(&bytes, "* LIST () NIL ", "\r\n"));
        let parsed = parse_as(&line, names);
        let expected = Command::Request(Request::Delete(crate::command::Mailbox(text.into())));
        prop_assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn a_printed_section_parses_to_itself(
        part in prop::collection::vec(1_u32.., 0..4),
        text in section_text(),
        offset in proptest::option::of(0_u64..1 << 40),
    ) {
        let section = Arc::new(Section { part, text });
        let bytes = item(FetchItem::BodySection {
            section: Arc::clone(&section),
            origin: offset,
            octets: Octets::Absent,
        });
        let name = between(&bytes, "", " NIL");
        let mut line = b"a FETCH 1 ".to_vec();
        line.extend(name);
        if offset.is_some() {
            line.pop();
            line.extend_from_slice(b".1>");
        }
        let partial = offset.map(|offset| Partial { offset, octets: 1 });
        let Ok(Command::Request(Request::Fetch(fetch))) = parse_as(&line, Names::default()) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&line).into_owned()));
        };
        let expected = FetchAttribute::BodySection { section, is_peek: false, partial };
        prop_assert_eq!(&fetch.attributes, &[expected]);
    }

    #[test]
    fn a_printed_date_parses_to_itself(seconds in 0_u64..200_000_000_000) {
        let moment = Timestamp::from_unix_seconds(seconds);
        let bytes = item(FetchItem::InternalDate(moment));
        let mut line = b"a APPEND x ".to_vec();
        line.extend(between(&bytes, "INTERNALDATE ", ""));
        line.extend_from_slice(b" {1}");
        let Ok(Command::Append(append)) = parse_as(&line, Names::default()) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&line).into_owned()));
        };
        prop_assert_eq!(append.message.date, Some(moment));
    }

    #[test]
    fn printed_flags_parse_to_themselves(bits in 0_u8..32, words in prop::collection::vec("[a-z$!#-&+./:;<=>?@^_`|~-]{1,9}", 0..6)) {
        let mut keywords: Vec<Keyword> = Vec::new();
        for keyword in words.iter().filter_map(|word| Keyword::new(word)) {
            if !keywords.contains(&keyword) {
                keywords.push(keyword);
            }
        }
        let mut set = KeywordSet::NONE;
        (0..keywords.len()).for_each(|index| set.insert(index));
        let bytes = item(FetchItem::Flags(MessageFlags {
            system: SystemFlags(bits),
            is_recent: false,
            keywords: set,
            names: keywords.clone().into(),
        }));
        let mut line = b"a STORE 1 ".to_vec();
        line.extend(bytes);
        let Ok(Command::Request(Request::Store(store))) = parse_as(&line, Names::default()) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&line).into_owned()));
        };
        prop_assert_eq!(store.flags, Flags { system: SystemFlags(bits), keywords });
    }

    #[test]
    fn no_octets_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_as(&bytes, Names::ModifiedUtf7);
        for verb in VERBS {
            let mut line = format!("a {} ", verb.name).into_bytes();
            line.extend_from_slice(&bytes);
            let _ = parse_as(&line, Names::Utf8);
        }
    }
}
