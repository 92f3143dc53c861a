use proptest::prelude::*;

use super::*;

fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

fn refusal(text: &str) -> AddressError {
    Address::parse(text, NonAscii::Allowed).unwrap_err()
}

#[test]
fn a_domain_has_one_form() {
    for text in [
        "münchen.example",
        "MÜNCHEN.Example",
        "xn--mnchen-3ya.example",
    ] {
        let domain = Domain::parse(text).unwrap();
        assert_eq!(domain.as_str(), "xn--mnchen-3ya.example");
        assert_eq!(domain.to_unicode(), "münchen.example");
    }
    // The same letters, decomposed.
    let decomposed = Domain::parse("mu\u{308}nchen.example").unwrap();
    assert_eq!(decomposed.as_str(), "xn--mnchen-3ya.example");
    assert_eq!(
        Domain::parse("EXAMPLE.org").unwrap().as_str(),
        "example.org"
    );
    assert_eq!(
        Domain::parse("faß.example").unwrap().to_unicode(),
        "faß.example"
    );
}

#[test]
fn what_is_no_domain() {
    let long_label = "a".repeat(64);
    for text in [
        // It decodes to what looks like an A-label itself.
        "xn--xn--mxxx1e-nxx",
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b.c",
        "a b.c",
        "127.0.0.1",
        "example.org.",
        "[",
        "[]",
        "[1.2.3]",
        "[1.2.3.4",
        "[IPv6:1::2::3]",
        "[::1]",
        "[IPv6:1.2.3.4]",
        "[tag:x]",
        "xn--a",
        "xn--zzzzzzzzz-",
        "ｅxample.org",
        "example。org",
        "a@b",
        "a\0b",
        "☃\u{202e}.x",
        &long_label,
    ] {
        assert_eq!(Domain::parse(text), Err(AddressError::Domain), "{text}");
    }
    let long = [
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(63),
        "e".into(),
    ];
    assert_eq!(Domain::parse(&long.join(".")), Err(AddressError::TooLong));
}

#[test]
fn literals_have_one_spelling() {
    let v4 = Domain::parse("[192.0.2.1]").unwrap();
    assert_eq!((v4.as_str(), v4.is_literal()), ("[192.0.2.1]", true));
    let v6 = Domain::parse("[ipv6:2001:DB8:0::1]").unwrap();
    assert_eq!(v6.as_str(), "[IPv6:2001:db8::1]");
    assert_eq!(v6.literal_address(), Some("2001:db8::1".parse().unwrap()));
    assert_eq!(Domain::parse("a.b").unwrap().literal_address(), None);
}

#[test]
fn quoted_forms_are_equal_and_printed_with_few_quotes() {
    for text in [
        "anna@a.example",
        "\"anna\"@a.example",
        "\"an\\na\"@a.example",
    ] {
        assert_eq!(address(text).to_string(), "anna@a.example");
    }
    for (text, printed) in [
        ("\"a b\"@x.y", "\"a b\"@x.y"),
        ("\"a\\\"b\\\\\"@x.y", "\"a\\\"b\\\\\"@x.y"),
        ("\"\"@x.y", "\"\"@x.y"),
        ("\"a..b\"@x.y", "\"a..b\"@x.y"),
        ("\"a>b,c:d\"@x.y", "\"a>b,c:d\"@x.y"),
    ] {
        assert_eq!(address(text).to_string(), printed);
    }
}

#[test]
fn limits_of_length() {
    assert!(Address::parse(&format!("{}@x.y", "a".repeat(64)), NonAscii::Refused).is_ok());
    assert_eq!(
        refusal(&format!("{}@x.y", "a".repeat(65))),
        AddressError::TooLong
    );
    assert_eq!(
        refusal(&format!("{}@x.y", "a".repeat(1000))),
        AddressError::TooLong
    );
}

/// B02: an inner address is never seen.
#[test]
fn attack_b02_no_inner_address() {
    for (text, local) in [
        ("\"u@d\"@us.example", "u@d"),
        ("u%d@us.example", "u%d"),
        ("d!u@us.example", "d!u"),
        ("=?utf-8?q?u=40d?=@us.example", "=?utf-8?q?u=40d?="),
        ("\"<u@d>\"@us.example", "<u@d>"),
    ] {
        let address = address(text);
        assert_eq!(address.domain.as_str(), "us.example", "{text}");
        assert_eq!(address.local.as_str(), local);
        assert_eq!(
            super::Address::parse(&address.to_string(), NonAscii::Refused),
            Ok(address)
        );
    }
    assert_eq!(refusal("u@d@us.example"), AddressError::LocalPart);
    assert_eq!(refusal("\"u\"x@us.example"), AddressError::NoAt);
    assert_eq!(refusal("u\"@d\"@us.example"), AddressError::LocalPart);
    let (path, rest) =
        parse_forward_path("<@a.example,@b.example:u@d.example> X=1", NonAscii::Refused).unwrap();
    assert_eq!(path, ForwardPath::Address(address("u@d.example")));
    assert_eq!(rest, " X=1");
}

/// B03: what another parser might split elsewhere is refused or taken whole.
#[test]
fn attack_b03_no_second_reading() {
    for text in [
        "(c)u@us.example",
        "u(c)@us.example",
        "u@us.example(c)",
        "u @us.example",
        "u@ us.example",
        "u@us.example\r\n",
        "u\0@us.example",
        "<u@us.example>",
        "u@us.example,v@us.example",
        ".u@us.example",
        "u.@us.example",
        "u..v@us.example",
        "@us.example",
        "\"u@us.example",
        "u@",
        "u;v@us.example",
        "u\\@v@us.example",
        "u@[1.2.3.4]x",
    ] {
        refusal(text);
    }
    assert_eq!(refusal("postmaster"), AddressError::NoAt);
    // Latin and Cyrillic, full-width and plain: different people.
    assert_ne!(
        address("аnna@x.y").lookup_key(),
        address("anna@x.y").lookup_key()
    );
    assert_ne!(
        address("ａnna@x.y").lookup_key(),
        address("anna@x.y").lookup_key()
    );
    // Composed and decomposed, upper and lower case: one person.
    assert_eq!(
        address("Å@x.y").lookup_key(),
        address("a\u{30a}@X.Y").lookup_key()
    );
    assert!(Address::parse("å@x.y", NonAscii::Refused).is_err());
    assert!(Address::parse("a@ü.y", NonAscii::Refused).is_err());
}

/// B04: no control character gets in, whatever the quotes.
#[test]
fn attack_b04_no_control_characters() {
    for byte in (0..32).chain([127]).map(char::from) {
        refusal(&format!("\"a{byte}b\"@x.y"));
        refusal(&format!("\"a\\{byte}b\"@x.y"));
        refusal(&format!("a{byte}b@x.y"));
    }
    refusal("a\u{85}b@x.y");
    refusal("\"a\u{9f}b\"@x.y");
    assert_eq!(
        address("\"; rm -rf $HOME\"@x.y").local.as_str(),
        "; rm -rf $HOME"
    );
}

#[test]
fn details() {
    let tagged = address("anna+shop+2@x.y");
    assert_eq!(tagged.plus_detail('+'), Some("shop+2"));
    assert_eq!(tagged.without_detail('+'), address("anna@x.y"));
    assert_eq!(tagged.plus_detail('-'), None);
    assert_eq!(
        address("+shop@x.y").without_detail('+'),
        address("+shop@x.y")
    );
    assert_eq!(address("anna+@x.y").plus_detail('+'), Some(""));
}

#[test]
fn paths() {
    let reverse = |text| parse_reverse_path(text, NonAscii::Refused);
    let forward = |text| parse_forward_path(text, NonAscii::Refused);
    assert_eq!(reverse("<> SIZE=1"), Ok((ReversePath::Null, " SIZE=1")));
    assert_eq!(forward("<pOSTmaster>"), Ok((ForwardPath::Postmaster, "")));
    assert_eq!(
        forward("<>").unwrap_err(),
        PathError::Address(AddressError::NoAt)
    );
    assert_eq!(
        reverse("<postmaster>").unwrap_err(),
        PathError::Address(AddressError::NoAt)
    );
    assert_eq!(reverse("a@b"), Err(PathError::NotOpened));
    assert_eq!(reverse("<a@b"), Err(PathError::NotClosed));
    assert_eq!(reverse("<\"a>@b"), Err(PathError::NotClosed));
    assert_eq!(
        reverse("<@a:>").unwrap_err(),
        PathError::Address(AddressError::NoAt)
    );
    for route in [
        "<@a,b:u@d>",
        "<@:u@d>",
        "<@a,:u@d>",
        "<@[1.2.3.4]:u@d>",
        "<@a u@d>",
    ] {
        assert_eq!(forward(route), Err(PathError::Route), "{route}");
    }
    let (path, rest) = reverse("<\"a>\\\"b\"@c.example>x").unwrap();
    assert_eq!(
        (path.to_string().as_str(), rest),
        ("<\"a>\\\"b\"@c.example>", "x")
    );
}

proptest! {
    #[test]
    fn printing_and_parsing_agree(local in "[ -~å]{0,40}", domain in "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}") {
        let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
        let parsed = Address::parse(&format!("\"{quoted}\"@{domain}"), NonAscii::Allowed)?;
        prop_assert_eq!(parsed.local.as_str(), local);
        prop_assert_eq!(Address::parse(&parsed.to_string(), NonAscii::Allowed), Ok(parsed));
    }

    #[test]
    fn whatever_parses_prints_to_itself(text in "\\PC{0,80}") {
        if let Ok(parsed) = Address::parse(&text, NonAscii::Allowed) {
            prop_assert_eq!(Address::parse(&parsed.to_string(), NonAscii::Allowed), Ok(parsed));
        }
        if let Ok(domain) = Domain::parse(&text) {
            prop_assert_eq!(Domain::parse(domain.as_str()), Ok(domain.clone()));
            prop_assert_eq!(Domain::parse(&domain.to_unicode()), Ok(domain));
        }
    }
}
