//! What is shown loads to what it was.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::tree::{Config, Directory, Journal, Listen, Log, Shutdown, Store};
use crate::value::{
    ByteCount, ClearText, Endpoint, FileSystem, ImapSeparator, LogFormat, LogLevel, Network,
    Networks, Raw, Separator, Setting, SubmissionStartTls,
};
use crate::{Loaded, Place, Source};

/// A value through its own text form, so that types without a public constructor take part.
fn typed<T: Setting>(text: String) -> T {
    T::read(&Raw::Text(text), "".as_ref()).expect("the strategy makes right texts")
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|b| IpAddr::V4(b.into())),
        any::<u128>().prop_map(|b| IpAddr::V6(b.into()))
    ]
}

fn networks() -> impl Strategy<Value = Networks> {
    let network =
        (address(), 0_u8..=128).prop_map(|(address, prefix)| Network::new(address, prefix));
    vec(network, 0..5).prop_map(Networks)
}

/// Networks that may relay.
fn narrow_networks() -> impl Strategy<Value = Networks> {
    networks().prop_map(|all| Networks(all.0.into_iter().filter(|one| !one.is_wide()).collect()))
}

/// Ports of one role are its own, so that no two roles meet.
fn endpoints(role: u16) -> impl Strategy<Value = Option<Vec<Endpoint>>> {
    let port = move |n: u16| 20_000 + role * 1_000 + n;
    let endpoint = prop_oneof![
        address().prop_map(move |address| Endpoint::Socket(SocketAddr::new(address, port(1)))),
        Just(Endpoint::Port(port(2))),
    ];
    option::of(vec(endpoint, 0..2))
}

fn bytes(bounds: RangeInclusive<ByteCount>) -> impl Strategy<Value = ByteCount> {
    (bounds.start().0..=bounds.end().0).prop_map(ByteCount)
}

fn listen() -> impl Strategy<Value = Listen> {
    let roles = (
        endpoints(0),
        endpoints(1),
        endpoints(2),
        endpoints(3),
        endpoints(4),
        endpoints(5),
    );
    let choice = select(vec![SubmissionStartTls::Require, SubmissionStartTls::Offer]);
    (
        address(),
        0_u16..100,
        roles,
        any::<bool>(),
        (networks(), narrow_networks()),
        choice,
    )
        .prop_map(
            |(bind, port_offset, roles, smtp_submission, allow, submission_starttls)| Listen {
                bind: vec![bind],
                port_offset,
                smtp: roles.0,
                submission: roles.1,
                submissions: roles.2,
                lmtp: roles.3.unwrap_or_default(),
                imap: roles.4,
                imaps: roles.5,
                smtp_submission,
                submission_starttls,
                lmtp_allow: allow.0,
                relay_allow: allow.1,
                ..Listen::default()
            },
        )
}

fn keep() -> impl Strategy<Value = (Store, Journal, Directory)> {
    let words = vec(
        select(FileSystem::WORDS).prop_map(|word| typed(word.to_owned())),
        0..3,
    );
    let sizes = (
        bytes(ByteCount(0)..=ByteCount::gib(1024)),
        bytes(ByteCount::mib(1)..=ByteCount::gib(2)),
        bytes(ByteCount::mib(1)..=ByteCount::gib(1)),
    );
    (words, sizes, 3_600_000_u64..100_000_000).prop_map(|(accept_filesystem, sizes, keep)| {
        (
            Store {
                accept_filesystem,
                reserve: sizes.0,
                segment_max: sizes.1,
                ..Store::default()
            },
            Journal {
                keep: Duration::from_millis(keep),
                ..Journal::default()
            },
            Directory {
                hash_memory: sizes.2,
                ..Directory::default()
            },
        )
    })
}

fn small() -> impl Strategy<Value = (Log, Shutdown, Separator, ClearText, ImapSeparator)> {
    (
        select(vec![LogFormat::Text, LogFormat::Json]),
        select(vec![LogLevel::Error, LogLevel::Trace]),
        0_u64..=3_600_000,
        option::of(select(vec!['+', '-', '#', '='])),
        select(vec![
            ClearText::Never,
            ClearText::Loopback,
            ClearText::Always,
        ]),
        select(vec![ImapSeparator::Slash, ImapSeparator::Dot]),
    )
        .prop_map(|(format, level, grace, separator, cleartext, imap)| {
            let grace = Duration::from_millis(grace);
            (
                Log { format, level },
                Shutdown { grace },
                Separator(separator),
                cleartext,
                imap,
            )
        })
}

fn config() -> impl Strategy<Value = Config> {
    let top = (
        "[a-z][a-z0-9]{0,10}(\\.[a-z]{2,5}){0,3}".prop_map(typed),
        // Quotes, backslashes, line ends and controls are all names of folders.
        ".{0,20}|[\\x01-\\x7f]{0,20}".prop_map(|name| PathBuf::from(format!("/{name}"))),
        option::of(bytes(ByteCount(0)..=ByteCount(i64::MAX as u64))),
        networks(),
        option::of("[a-z+]{1,9}@[a-z]{1,9}\\.org"),
    );
    (top, listen(), keep(), small()).prop_map(|(top, listen, keep, small)| {
        let mut config = Config {
            hostname: top.0,
            data_dir: top.1,
            listen,
            ..Config::default()
        };
        (config.delivery.quota, config.limits.exempt) = (top.2, top.3);
        config.delivery.postmaster = top.4.map(typed);
        (config.store, config.journal, config.directory) = keep;
        (config.log, config.shutdown, config.delivery.separator) = (small.0, small.1, small.2);
        (config.auth.cleartext, config.imap.separator) = (small.3, small.4);
        config
    })
}

proptest! {
    #[test]
    fn show_then_load_is_identity(config in config()) {
        let place = Place::Environment("A\nNAME".into());
        let places = BTreeMap::from([("data_dir".to_owned(), place)]);
        let shown = Loaded { config: config.clone(), warnings: Vec::new(), places }.show();
        let again = Config::load(&Source::text("/etc/postroom.toml", shown.clone()));
        let again = again.map_err(|problems| TestCaseError::fail(format!("{problems:?}\n{shown}")))?;
        prop_assert_eq!(again.config, config, "{}", shown);
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", value in ".{0,40}") {
        let source = Source::text("/x.toml", text)
            .with_overrides([format!("limits.smtp.line_max={value}"), value])
            .with_environment([("POSTROOM__X__Y".into(), "1".into())]);
        prop_assert!(Config::load(&source).is_err());
    }
}
