use postroom_mail::address::{Domain, NonAscii};

use super::*;

fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

/// A directory in few words: `anna=1` account 1, `all>anna,bob` alias, `*@d>anna` catch-all of
/// whatever is not named, `d>>e` domain alias, `d>relay` passed on. Domains that no line mentions are elsewhere.
struct Book {
    lines: Vec<&'static str>,
    limits: Limits,
}

impl Book {
    fn new(lines: &[&'static str]) -> Self {
        Self {
            lines: lines.to_vec(),
            limits: Limits::default(),
        }
    }

    fn lookup(&self, asked: &Address) -> Lookup {
        let key = asked.lookup_key();
        let domain = asked.domain.as_str();
        let mut is_ours = false;
        let mut catch_all = None;
        for line in &self.lines {
            if *line == format!("{domain}>relay") {
                return Lookup::PassedOn;
            }
            if let Some((from, to)) = line.split_once(">>") {
                if from == domain {
                    return Lookup::DomainAlias(Domain::parse(to).unwrap());
                }
            } else if let Some((name, id)) = line.split_once('=') {
                is_ours |= name.ends_with(&format!("@{domain}"));
                if name == key {
                    return Lookup::Account(account(name, id.parse().unwrap()));
                }
            } else if let Some((name, members)) = line.split_once('>') {
                is_ours |= name.ends_with(&format!("@{domain}"));
                if name == key {
                    return Lookup::Alias(members.split(',').map(address).collect());
                }
                if name == format!("*@{domain}") {
                    catch_all = Some(address(members));
                }
            }
        }
        match (catch_all, is_ours) {
            (Some(target), _) => Lookup::CatchAll(target),
            (None, true) => Lookup::UnknownUser,
            (None, false) => Lookup::NotLocal,
        }
    }

    /// Expands as the loop of look-ups does; returns the rounds too.
    fn expand(&self, text: &str) -> (Result<Expansion, ExpandError>, usize) {
        let mut facts = Facts::default();
        for round in 0..self.limits.plan_rounds_max {
            let mut missing = Missing::default();
            let found = expand(&address(text), &facts, &self.limits, &mut missing);
            if missing.is_empty() || matches!(found, Err(ExpandError::TooWide)) {
                return (found, round);
            }
            for asked in &missing.addresses {
                facts.put_lookup(asked, Fact::Known(self.lookup(asked)));
            }
        }
        panic!("the rounds of look-ups did not end");
    }

    fn targets(&self, text: &str) -> Result<Vec<(u64, String)>, ExpandError> {
        let found = self.expand(text).0?;
        let target = |target: Target| (target.account.0, target.address.to_string());
        Ok(found.targets.into_iter().map(target).collect())
    }

    fn ids(&self, text: &str) -> Result<Vec<u64>, ExpandError> {
        Ok(self.targets(text)?.into_iter().map(|(id, _)| id).collect())
    }
}

fn account(name: &str, id: u64) -> Account {
    Account {
        id: AccountId(id),
        address: name.into(),
        quota: None,
        used: 0,
        messages: 0,
        is_enabled: id < 100,
    }
}

#[test]
fn addresses_lead_to_accounts() {
    let book = Book::new(&[
        "anna@a.org=1",
        "bob@a.org=2",
        "c+d@a.org=3",
        "gone@a.org=100",
        "both@a.org>anna@a.org,bob@a.org",
        "chain@a.org>both@a.org",
        "diamond@a.org>chain@a.org,both@a.org,anna@a.org",
        "half@a.org>anna@a.org,nobody@a.org",
        "dead@a.org>nobody@a.org",
        "out@a.org>anna@a.org,x@elsewhere.net",
        "b.org>>a.org",
        "*@c.org>anna@a.org",
        "real@c.org=4",
        "list@c.org>bob@a.org",
    ]);
    let cases: &[(&str, Result<&[u64], ExpandError>)] = &[
        ("anna@a.org", Ok(&[1])),
        ("ANNA@A.ORG", Ok(&[1])),
        ("anna+shop@a.org", Ok(&[1])),
        ("c+d@a.org", Ok(&[3])),
        ("both+x@a.org", Ok(&[1, 2])),
        ("chain@a.org", Ok(&[1, 2])),
        ("diamond@a.org", Ok(&[1, 2])),
        ("half@a.org", Ok(&[1])),
        ("dead@a.org", Err(ExpandError::Unknown)),
        ("nobody@a.org", Err(ExpandError::Unknown)),
        ("nobody+x@a.org", Err(ExpandError::Unknown)),
        ("gone@a.org", Err(ExpandError::Disabled)),
        ("x@elsewhere.net", Ok(&[])),
        ("out@a.org", Ok(&[1])),
        ("anna@b.org", Ok(&[1])),
        ("anna+shop@b.org", Ok(&[1])),
        ("nobody@b.org", Err(ExpandError::Unknown)),
        ("whoever@c.org", Ok(&[1])),
        // A catch-all never takes what is an account's or alias's, with or without detail.
        ("real@c.org", Ok(&[4])),
        ("real+x@c.org", Ok(&[4])),
        ("list@c.org", Ok(&[2])),
        ("list+x@c.org", Ok(&[2])),
        ("whoever+x@c.org", Ok(&[1])),
    ];
    for (text, expected) in cases {
        let expected = expected.map(<[u64]>::to_vec);
        assert_eq!(book.ids(text), expected, "{text}");
    }
}

#[test]
fn delivered_to_is_the_address_that_led_there() {
    let book = Book::new(&["anna@a.org=1", "info@a.org>anna+info@a.org", "b.org>>a.org"]);
    for (asked, delivered_to) in [
        ("anna+shop@a.org", "anna+shop@a.org"),
        ("info@a.org", "anna+info@a.org"),
        ("anna@b.org", "anna@a.org"),
    ] {
        let targets = book.targets(asked).unwrap();
        assert_eq!(targets, [(1, delivered_to.to_owned())], "{asked}");
    }
}

#[test]
fn lists_are_told_from_single_aliases() {
    let book = Book::new(&[
        "anna@a.org=1",
        "bob@a.org=2",
        "one@a.org>anna@a.org",
        "two@a.org>anna@a.org,bob@a.org",
        "over@a.org>two@a.org",
    ]);
    for (text, is_list) in [
        ("anna@a.org", false),
        ("one@a.org", false),
        ("two@a.org", true),
        ("over@a.org", true),
    ] {
        assert_eq!(book.expand(text).0.unwrap().is_list, is_list, "{text}");
    }
}

#[test]
fn addresses_elsewhere_are_found_once_and_told_from_foreign_ones() {
    let book = Book::new(&[
        "anna@a.org=1",
        "out@a.org>anna@a.org,X@elsewhere.net,in@a.org,anna@r.org",
        "in@a.org>x@elsewhere.net,y@elsewhere.net",
        "*@c.org>x@elsewhere.net",
        "r.org>relay",
    ]);
    for (text, remotes, is_foreign) in [
        ("x@elsewhere.net", "x@elsewhere.net", true),
        (
            "out@a.org",
            "X@elsewhere.net anna@r.org y@elsewhere.net",
            false,
        ),
        ("whoever@c.org", "x@elsewhere.net", false),
        ("who+ever@r.org", "who+ever@r.org", false),
        ("anna@a.org", "", false),
    ] {
        let found = book.expand(text).0.unwrap();
        let texts: Vec<String> = found.remotes.iter().map(ToString::to_string).collect();
        assert_eq!(
            (texts.join(" "), found.is_foreign),
            (remotes.to_owned(), is_foreign)
        );
    }
}

#[test]
fn circles_end() {
    let book = Book::new(&[
        "anna@a.org=1",
        "self@a.org>self@a.org",
        "x@a.org>y@a.org",
        "y@a.org>z@a.org",
        "z@a.org>x@a.org",
        "mixed@a.org>mixed@a.org,anna@a.org",
        "r.org>>s.org",
        "s.org>>r.org",
    ]);
    assert_eq!(book.ids("self@a.org"), Err(ExpandError::Loop));
    assert_eq!(book.ids("x@a.org"), Err(ExpandError::Loop));
    assert_eq!(book.ids("mixed@a.org"), Ok(vec![1]));
    assert_eq!(book.ids("any@r.org"), Err(ExpandError::Loop));
}

#[test]
fn chains_have_a_bound() {
    let mut book = Book::new(&["a0@a.org=1"]);
    let chain: Vec<&'static str> = (1..=12)
        .map(|n| &*Box::leak(format!("a{n}@a.org>a{}@a.org", n - 1).into_boxed_str()))
        .collect();
    book.lines.extend(chain);
    book.limits.alias_depth_max = 10;
    assert_eq!(book.ids("a10@a.org"), Ok(vec![1]));
    assert_eq!(book.ids("a11@a.org"), Err(ExpandError::Loop));
}

/// Ten levels of ten members each are ten thousand million recipients; the bound is met after as
/// many addresses as may be looked at, at RCPT.
#[test]
fn attack_c04_exponential_expansion_is_refused_at_its_bound() {
    let limits = Limits::default();
    let mut facts = Facts::default();
    let mut looked_up = 0;
    let top = address("l0@a.org");
    let error = loop {
        let mut missing = Missing::default();
        let found = expand(&top, &facts, &limits, &mut missing);
        if let Err(error) = found
            && error == ExpandError::TooWide
        {
            break error;
        }
        assert!(!missing.is_empty(), "{found:?}");
        for asked in missing.addresses {
            looked_up += 1;
            let name = asked.local.as_str().to_owned();
            let members = (0..10).map(|n| address(&format!("{name}{n}@a.org")));
            facts.put_lookup(&asked, Fact::Known(Lookup::Alias(members.collect())));
        }
    };
    assert_eq!(error.reply(), reply::ALIAS_TOO_WIDE);
    assert!(looked_up <= limits.expansion_max, "{looked_up}");
}

#[test]
fn a_postmaster_is_found_where_none_is_named() {
    let mut book = Book::new(&["anna@a.org=1", "postmaster@b.org=2"]);
    assert_eq!(book.ids("postmaster@a.org"), Err(ExpandError::Unknown));
    book.limits.postmaster = Some(address("anna@a.org"));
    assert_eq!(book.ids("PostMaster@a.org"), Ok(vec![1]));
    assert_eq!(book.ids("postmaster@b.org"), Ok(vec![2]));
    let elsewhere = book.expand("postmaster@c.net").0.unwrap();
    assert!(elsewhere.is_foreign && elsewhere.targets.is_empty());
}

#[test]
fn trouble_is_not_taken_for_an_unknown_address() {
    let mut facts = Facts::default();
    let anna = address("anna@a.org");
    facts.put_lookup(&anna, Fact::Unavailable);
    let mut missing = Missing::default();
    let found = expand(&anna, &facts, &Limits::default(), &mut missing);
    assert_eq!(found, Err(ExpandError::Unavailable));
    assert!(!ExpandError::Unavailable.reply().is_permanent());
}
