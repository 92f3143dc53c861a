use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::scratch::Scratch;

fn issue(directory: &Path, file: &str, names: &[&str]) -> Source {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let source = Source {
        chain: directory.join(format!("{file}.pem")),
        key: directory.join(format!("{file}.key")),
    };
    fs::write(&source.chain, certificate.pem()).unwrap();
    fs::write(&source.key, key.serialize_pem()).unwrap();
    source
}

/// Opens files as this process may.
fn plain() -> Open {
    Arc::new(|path| fs::File::open(path))
}

fn shown(certificates: &Certificates, name: Option<&str>) -> Arc<CertifiedKey> {
    certificates.choose(name, |_| true).unwrap()
}

#[test]
fn a_peer_is_shown_the_certificate_for_the_name_it_asks_for() {
    let scratch = Scratch::new("names");
    let first = issue(scratch.path(), "first", &["mail.example.test"]);
    let second = issue(scratch.path(), "second", &["*.example.org", "example.org"]);
    let certificates = Certificates::load(vec![first.clone(), second.clone()], plain()).unwrap();
    let [first, second] =
        [first, second].map(|source| chain::load(&source, &*plain()).unwrap().cert.clone());
    for (name, expected) in [
        (None, &first),
        (Some("mail.example.test"), &first),
        (Some("unknown.example.net"), &first),
        (Some("example.org"), &second),
        (Some("IMAP.Example.org"), &second),
        (Some("a.b.example.org"), &first),
        (Some("not a name"), &first),
    ] {
        assert_eq!(&shown(&certificates, name).cert, expected, "{name:?}");
    }
}

#[test]
fn a_certificate_that_the_peer_cannot_verify_is_passed_over() {
    let scratch = Scratch::new("schemes");
    let names = &["mail.example.test"];
    let sources = ["first", "second"].map(|file| issue(scratch.path(), file, names));
    let certificates = Certificates::load(sources.to_vec(), plain()).unwrap();
    let second = chain::load(&sources[1], &*plain()).unwrap();
    let chosen = certificates.choose(Some(names[0]), |certified| certified.cert == second.cert);
    assert_eq!(chosen.unwrap().cert, second.cert);
    assert!(certificates.choose(None, |_| false).is_none());
}

#[test]
fn a_written_file_is_noticed_and_a_broken_one_changes_nothing() {
    let scratch = Scratch::new("reload");
    let source = issue(scratch.path(), "only", &["old.example.test"]);
    let certificates = Certificates::load(vec![source.clone()], plain()).unwrap();
    assert!(!certificates.reload_if_changed().unwrap());
    let old = shown(&certificates, None);

    fs::write(&source.chain, "no certificate").unwrap();
    let error = certificates.reload_if_changed().unwrap_err();
    assert!(matches!(error, ChainError::Empty { .. }), "{error}");
    assert_eq!(shown(&certificates, None).cert, old.cert);
    assert!(
        !certificates.reload_if_changed().unwrap(),
        "tried once only"
    );

    issue(
        scratch.path(),
        "only",
        &["new.example.test", "longer.example.test"],
    );
    assert!(certificates.reload_if_changed().unwrap());
    assert_ne!(shown(&certificates, None).cert, old.cert);
}

#[test]
fn other_sources_take_the_place_of_the_old_or_leave_them() {
    let scratch = Scratch::new("replace");
    let old = issue(scratch.path(), "old", &["old.example.test"]);
    let new = issue(scratch.path(), "new", &["new.example.test"]);
    let certificates = Certificates::load(vec![old.clone()], plain()).unwrap();
    let first = shown(&certificates, None);
    certificates.take(certificates.read(vec![new.clone()]).unwrap());
    let second = shown(&certificates, None);
    assert_ne!(second.cert, first.cert);
    assert!(!certificates.reload_if_changed().unwrap());

    let broken = Source {
        chain: old.chain,
        key: new.key,
    };
    assert!(certificates.read(vec![broken]).is_err());
    assert_eq!(shown(&certificates, None).cert, second.cert);
}

#[test]
fn each_fault_of_a_file_is_named() {
    let scratch = Scratch::new("faults");
    let good = issue(scratch.path(), "good", &["mail.example.test"]);
    let other = issue(scratch.path(), "other", &["mail.example.test"]);
    let fault = |chain: &Path, key: &Path| {
        let source = Source {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        Certificates::load(vec![source], plain()).unwrap_err()
    };
    let absent = scratch.path().join("absent");
    assert!(matches!(
        fault(&absent, &good.key),
        ChainError::Chain { .. }
    ));
    assert!(matches!(
        fault(&good.chain, &absent),
        ChainError::Key { .. }
    ));
    assert!(matches!(
        fault(&good.chain, &good.chain),
        ChainError::Key { .. }
    ));
    assert!(matches!(
        fault(&good.key, &good.key),
        ChainError::Empty { .. }
    ));
    let mismatch = fault(&good.chain, &other.key);
    assert!(matches!(mismatch, ChainError::Mismatch { .. }));
    assert!(mismatch.to_string().contains("other.key"), "{mismatch}");
}
