use super::*;

fn plain_of(message: &[u8]) -> Result<Step, ExchangeError> {
    Exchange::new(Mechanism::Plain).open(Some(STANDARD.encode(message).as_bytes()))
}

fn is_complete(step: &Result<Step, ExchangeError>, name: &str, word: &str) -> bool {
    matches!(step, Ok(Step::Complete(c)) if &*c.authcid == name && c.password.expose() == word)
}

#[test]
fn plain_with_and_without_an_initial_response() {
    assert!(is_complete(&plain_of(b"\0anna\0secret"), "anna", "secret"));
    let mut exchange = Exchange::new(Mechanism::Plain);
    assert_eq!(exchange.open(None), Ok(Step::Challenge("")));
    assert!(is_complete(
        &exchange.respond(b"AGFubmEAc2VjcmV0"),
        "anna",
        "secret"
    ));
}

#[test]
fn attack_b06_plain_refuses_to_act_for_another() {
    assert_eq!(plain_of(b"bob\0anna\0secret"), Err(ExchangeError::Identity));
    assert_eq!(
        plain_of(b"anna \0anna\0secret"),
        Err(ExchangeError::Identity)
    );
    assert!(is_complete(
        &plain_of(b"anna\0anna\0secret"),
        "anna",
        "secret"
    ));
}

#[test]
fn plain_has_exactly_three_parts() {
    for message in [
        &b""[..],
        b"anna",
        b"\0anna",
        b"\0anna\0",
        b"\0\0secret",
        b"\0anna\0sec\0ret",
        b"\0ann\xff\0secret",
    ] {
        assert_eq!(plain_of(message), Err(ExchangeError::Malformed));
    }
}

#[test]
fn login_asks_for_name_and_password() {
    let mut exchange = Exchange::new(Mechanism::Login);
    assert_eq!(exchange.open(None), Ok(Step::Challenge(USERNAME)));
    assert_eq!(exchange.respond(b"YW5uYQ=="), Ok(Step::Challenge(PASSWORD)));
    assert!(is_complete(
        &exchange.respond(b"c2VjcmV0"),
        "anna",
        "secret"
    ));
}

#[test]
fn login_takes_the_name_as_initial_response() {
    let mut exchange = Exchange::new(Mechanism::Login);
    assert_eq!(
        exchange.open(Some(b"YW5uYQ==")),
        Ok(Step::Challenge(PASSWORD))
    );
    assert_eq!(exchange.respond(b""), Err(ExchangeError::Malformed));
}

#[test]
fn a_star_cancels_and_bad_base64_is_named() {
    let open = || {
        let mut exchange = Exchange::new(Mechanism::Plain);
        exchange.open(None).unwrap();
        exchange
    };
    assert_eq!(open().respond(b"*"), Err(ExchangeError::Cancelled));
    for line in [&b"=AAA"[..], b"AAA=BBB", b"AAA", b"AA A", b"AAAA\r"] {
        assert_eq!(open().respond(line), Err(ExchangeError::Encoding));
    }
    let mut empty = Exchange::new(Mechanism::Plain);
    assert_eq!(empty.open(Some(b"=")), Err(ExchangeError::Malformed));
}
