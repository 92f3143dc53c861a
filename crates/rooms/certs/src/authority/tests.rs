use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::scratch::Scratch;

const NAMES: &[&str] = &["mail.example.test", "localhost"];

fn addresses() -> Vec<IpAddr> {
    vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_790_000_000)
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_for_their_owner_alone_and_certificates_for_all() {
    let scratch = Scratch::new("modes");
    let authority = Authority::create_or_load(scratch.path(), now()).unwrap();
    let issued = authority.server(NAMES, &addresses(), now()).unwrap();
    assert!(issued.is_new);
    assert_eq!(mode(&scratch.path().join("tls/ca.key")), 0o600);
    assert_eq!(mode(&issued.source.key), 0o600);
    assert_eq!(mode(&authority.certificate_file()) & 0o444, 0o444);
    assert_eq!(fs::read_dir(scratch.path().join("tls")).unwrap().count(), 4);
}

#[test]
fn a_second_start_finds_the_same_authority_and_certificate() {
    let scratch = Scratch::new("again");
    let first = Authority::create_or_load(scratch.path(), now()).unwrap();
    let issued = first.server(NAMES, &addresses(), now()).unwrap();
    let chain = fs::read(&issued.source.chain).unwrap();

    let second = Authority::create_or_load(scratch.path(), now()).unwrap();
    assert_eq!(first.certificate, second.certificate);
    assert!(!second.server(NAMES, &addresses(), now()).unwrap().is_new);
    assert_eq!(fs::read(&issued.source.chain).unwrap(), chain);
}

#[test]
fn a_certificate_is_issued_anew_for_a_new_name_and_before_it_ends() {
    let scratch = Scratch::new("renew");
    Authority::create_or_load(scratch.path(), now()).unwrap();
    let authority = Authority::create_or_load(scratch.path(), now()).unwrap();
    let is_new = |names: &[&str], addresses: &[IpAddr], at: Timestamp| {
        authority.server(names, addresses, at).unwrap().is_new
    };
    assert!(is_new(&["localhost"], &[], now()));
    assert!(is_new(NAMES, &[], now()));
    assert!(is_new(NAMES, &addresses(), now()));
    assert!(
        !is_new(&["localhost"], &addresses(), now()),
        "covered already"
    );
    let end = now().plus(SERVER_LIFE);
    let before =
        |days: u32| Timestamp::from_unix_seconds(end.unix_seconds() - (DAY * days).as_secs());
    assert!(!is_new(NAMES, &addresses(), before(62)));
    assert!(is_new(NAMES, &addresses(), before(58)));
    // By the authority as it was loaded, and still under the certificate that users trust.
    assert!(!is_new(NAMES, &addresses(), before(58)));
}

#[test]
fn an_address_given_twice_stands_there_once() {
    let twice = [addresses(), addresses()].concat();
    let params = server_params(NAMES, &twice, now()).unwrap();
    assert_eq!(params.subject_alt_names.len(), NAMES.len() + 2);
}

#[test]
fn half_an_authority_is_not_replaced_silently() {
    let scratch = Scratch::new("half");
    Authority::create_or_load(scratch.path(), now()).unwrap();
    fs::remove_file(scratch.path().join("tls/ca.key")).unwrap();
    let error = Authority::create_or_load(scratch.path(), now()).err();
    assert!(matches!(error, Some(AuthorityError::Incomplete { .. })));

    let other = Scratch::new("half-other");
    Authority::create_or_load(other.path(), now()).unwrap();
    let key = other.path().join("tls/ca.key");
    fs::copy(key, scratch.path().join("tls/ca.key")).unwrap();
    let error = Authority::create_or_load(scratch.path(), now()).err();
    assert!(matches!(error, Some(AuthorityError::Incomplete { .. })));
}

#[test]
fn a_name_that_no_certificate_can_hold_is_named() {
    let scratch = Scratch::new("name");
    let authority = Authority::create_or_load(scratch.path(), now()).unwrap();
    let error = authority
        .server(&["mäil.example.test"], &[], now())
        .unwrap_err();
    assert!(
        error.to_string().starts_with("mäil.example.test"),
        "{error}"
    );
}
