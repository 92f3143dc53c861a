use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::branch::Item;
use crate::load::items;
use crate::tree::Role;
use crate::value::{ByteCount, ClearText, FileSystem, Misfit};
use crate::{Applies, Config, Loaded, Place, Problem, Source, Trouble, manual};

mod identity;

fn source(text: &str) -> Source {
    Source::text("/etc/postroom/postroom.toml", text)
}

fn load(text: &str) -> Loaded {
    Config::load(&source(text)).expect("this configuration is right")
}

fn problems(text: &str) -> Vec<Problem> {
    Config::load(&source(text)).expect_err("this configuration is wrong")
}

fn only_problem(text: &str) -> Problem {
    let mut all = problems(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn with_environment(text: &str, variables: &[(&str, &str)]) -> Source {
    let variables = variables
        .iter()
        .map(|(k, v)| (OsString::from(*k), OsString::from(*v)));
    source(text).with_environment(variables)
}

fn with_set(text: &str, overrides: &[&str]) -> Source {
    source(text).with_overrides(overrides.iter().map(|text| (*text).to_owned()))
}

/// `file:line:column key: what | mend`, as a person reads it.
fn told(problem: &Problem) -> String {
    format!("{problem} | {}", problem.mend())
}

#[test]
fn nothing_set_is_the_default_tree() {
    let loaded = Config::load(&Source::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.place("listen.bind"), &Place::Default);
    assert_eq!(loaded.config.limits.message.size_max, ByteCount::mib(50));
    assert_eq!(loaded.config.shutdown.grace, Duration::from_secs(10));
}

#[test]
fn values_of_every_type_are_read() {
    let config = load(
        "hostname = 'MAIL.example.org'\n\
                  [listen]\nbind = '127.0.0.1'\nport_offset = 10_000\nlmtp = [2424, '::1']\n\
         smtp_submission = true\nimap = []\n\
         [auth]\ncleartext = 'loopback'\n[delivery]\nquota = '5 GiB'\nseparator = ''\n\
         postmaster = 'Anna@Example.org'\n[store]\naccept_filesystem = ['tmpfs', '9p']\n\
         [limits.message]\nsize_max = 0x100000\n[limits.imap]\nidle = '1h30m'\n[limits]\nexempt = ['127.0.0.0/8', '10.0.0.0/8']",
    )
    .config;
    assert_eq!(config.hostname.as_str(), "mail.example.org");
    let postmaster = config.delivery.postmaster.as_ref().map(ToString::to_string);
    assert_eq!(postmaster.as_deref(), Some("Anna@example.org"));
    assert_eq!(
        config.store.accept_filesystem,
        [FileSystem::Tmpfs, FileSystem::Plan9]
    );
    assert_eq!(config.limits.imap.idle, Duration::from_mins(90));
    assert_eq!(config.auth.cleartext, ClearText::Loopback);
    assert_eq!(config.delivery.quota, Some(ByteCount::gib(5)));
    assert_eq!(config.delivery.separator.0, None);
    assert_eq!(config.limits.message.size_max, ByteCount::mib(1));
    assert!(config.limits.exempt.contains("10.9.8.7".parse().unwrap()));
    assert!(config.listen.smtp_submission);
}

#[test]
fn roles_find_their_sockets() {
    let listen = load(
        "[listen]\nbind = ['127.0.0.1', '::1']\nport_offset = 10000\n\
         lmtp = [2424, '192.0.2.1', '192.0.2.2:24']\nimap = []",
    )
    .config
    .listen;
    let sockets = |role| -> Vec<String> {
        listen
            .sockets(role)
            .iter()
            .map(SocketAddr::to_string)
            .collect()
    };
    assert_eq!(sockets(Role::Smtp), ["127.0.0.1:10025", "[::1]:10025"]);
    assert_eq!(sockets(Role::Imaps), ["127.0.0.1:10993", "[::1]:10993"]);
    assert_eq!(
        sockets(Role::Lmtp),
        [
            "127.0.0.1:2424",
            "[::1]:2424",
            "192.0.2.1:10024",
            "192.0.2.2:24"
        ]
    );
    assert!(sockets(Role::Imap).is_empty());
    assert!(Config::default().listen.sockets(Role::Lmtp).is_empty());
}

#[test]
fn relative_paths_count_from_the_file() {
    let config = load("data_dir = 'data'\n[tls]\ncertificates = ['a.pem', '/b.pem']").config;
    assert_eq!(config.data_dir, Path::new("/etc/postroom/data"));
    assert_eq!(
        config.certificates(),
        [
            PathBuf::from("/etc/postroom/a.pem"),
            PathBuf::from("/b.pem")
        ]
    );
    let config = load("data_dir = '/srv/mail'").config;
    assert_eq!(
        config.certificates(),
        [PathBuf::from("/srv/mail/tls/server.pem")]
    );
}

#[test]
fn later_sources_win_and_are_named() {
    let text = "hostname = 'file.example.org'\n[listen]\nport_offset = 1";
    let environment = with_environment(
        text,
        &[
            ("POSTROOM__HOSTNAME", "env.example.org"),
            ("POSTROOM__LISTEN__PORT_OFFSET", "2"),
            ("POSTROOM__LISTEN__BIND", "['127.0.0.1']"),
            ("POSTROOM_CONFIG", "not ours"),
            ("HOSTNAME", "not ours"),
        ],
    );
    let loaded = Config::load(&environment).unwrap();
    assert_eq!(loaded.config.hostname.as_str(), "env.example.org");
    assert_eq!(loaded.config.listen.port_offset, 2);
    assert_eq!(
        loaded.config.listen.bind,
        ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(loaded.place("hostname").to_string(), "POSTROOM__HOSTNAME");

    let all = environment.with_overrides(
        [
            "listen.port_offset = 3",
            "auth.cleartext=loopback",
            "limits={smtp={line_max='4 KiB'}}",
        ]
        .map(str::to_owned),
    );
    let loaded = Config::load(&all).unwrap();
    assert_eq!(loaded.config.listen.port_offset, 3);
    assert_eq!(loaded.config.auth.cleartext, ClearText::Loopback);
    assert_eq!(loaded.config.limits.smtp.line_max, ByteCount::kib(4));
    assert_eq!(loaded.config.hostname.as_str(), "env.example.org");
    assert_eq!(loaded.place("listen.port_offset"), &Place::CommandLine);
}

#[test]
fn what_an_override_replaces_need_not_be_right() {
    let source = with_set("[listen]\nport_offset = 'many'", &["listen.port_offset=7"]);
    assert_eq!(Config::load(&source).unwrap().config.listen.port_offset, 7);
}

#[test]
fn unknown_keys_name_the_nearest() {
    let told = |text| told(&only_problem(text));
    assert_eq!(
        told("hostname = 'a.example'\n\n[listen]\n  bnid = '::1'"),
        "/etc/postroom/postroom.toml:4:3: listen.bnid: unknown key | did you mean listen.bind?"
    );
    assert_eq!(
        told("port_offset = 1"),
        "/etc/postroom/postroom.toml:1:1: port_offset: unknown key \
         | did you mean listen.port_offset?"
    );
    assert_eq!(
        told("[limit]\nexempt = []"),
        "/etc/postroom/postroom.toml:1:2: limit: unknown key | did you mean limits?"
    );
    assert_eq!(
        told("'ünïcode' = 1"),
        "/etc/postroom/postroom.toml:1:1: ünïcode: unknown key \
         | remove it; `postroom config reference` lists all keys"
    );
}

#[test]
fn unknown_overrides_are_errors_too() {
    let environment = with_environment("", &[("POSTROOM__LISTEN__BIMD", "::1")]);
    let told_all =
        |source| -> Vec<String> { Config::load(source).unwrap_err().iter().map(told).collect() };
    assert_eq!(
        told_all(&environment),
        ["POSTROOM__LISTEN__BIMD: listen.bimd: unknown key | did you mean listen.bind?"]
    );
    assert_eq!(
        told_all(&with_set("", &["auth.cleartxt=never", "nonsense"])),
        [
            "--set: `nonsense` has no `=` | write --set KEY=VALUE",
            "--set: auth.cleartxt: unknown key | did you mean auth.cleartext?",
        ]
    );
}

/// A wrong line, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    (
        "hostname = 7",
        "hostname: the number 7 where a host name is expected | write a host name",
    ),
    (
        "hostname = 'a_b'",
        "hostname: `a_b` is not a host name | write for instance \"mail.example.org\" (an international name in its xn-- form)",
    ),
    (
        "data_dir = ''",
        "data_dir: `` is not a path | write for instance \"/var/lib/postroom\"",
    ),
    (
        "listen = 3",
        "listen: is a section and takes no value | set a key of it, as listen.KEY",
    ),
    (
        "hostname.x = 1",
        "hostname: a section where a host name is expected | write a host name",
    ),
    (
        "listen.smtp_submission = 'yes'",
        "listen.smtp_submission: the text `yes` where true or false is expected | write true or false",
    ),
    (
        "listen.port_offset = -1",
        "listen.port_offset: the number -1 where a number from 0 to 65535 is expected | write a number from 0 to 65535",
    ),
    (
        "listen.port_offset = 65000",
        "listen.port_offset: 65000 is out of bounds | choose 0 to 64542",
    ),
    (
        "listen.smtp = ['mail:25']",
        "listen.smtp: `mail:25` is not an address, a port or both | write for instance \"192.0.2.1\", 2525, \"192.0.2.1:2525\" or \"[::1]:2525\"",
    ),
    (
        "listen.bind = ['a']",
        "listen.bind: `a` is not an IP address | write for instance \"192.0.2.1\" or \"::1\"",
    ),
    (
        "auth.cleartext = 'sometimes'",
        "auth.cleartext: `sometimes` is not one of its values | choose \"never\", \"loopback\" or \"always\"",
    ),
    (
        "auth.bad_logins_max = 1.5",
        "auth.bad_logins_max: a fraction where a number from 0 to 4294967295 is expected | write a number from 0 to 4294967295",
    ),
    (
        "auth.bad_logins_max = 0",
        "auth.bad_logins_max: 0 is out of bounds | choose 1 to 100",
    ),
    (
        "delivery.postmaster = 'anna'",
        "delivery.postmaster: `anna` is not a mail address | write for instance \"anna@example.org\"",
    ),
    (
        "store.reserve = '1 MB'",
        "store.reserve: `1 MB` is not a size | write for instance \"50 MiB\" or \"64 KiB\"",
    ),
    (
        "limits.message.size_max = '1 KiB'",
        "limits.message.size_max: \"1 KiB\" is out of bounds | choose \"64 KiB\" to \"1 GiB\"",
    ),
    (
        "shutdown.grace = 10",
        "shutdown.grace: 10 has no unit | write \"10s\" or \"10m\"",
    ),
    (
        "shutdown.grace = '10'",
        "shutdown.grace: 10 has no unit | write \"10s\" or \"10m\"",
    ),
    (
        "shutdown.grace = 'soon'",
        "shutdown.grace: `soon` is not a duration | write for instance \"10s\", \"5m\" or \"1h30m\"",
    ),
    (
        "limits.exempt = ['192.0.2.9/24']",
        "limits.exempt: `192.0.2.9/24` has bits beyond its prefix | write \"192.0.2.0/24\"",
    ),
    (
        "delivery.separator = '@'",
        "delivery.separator: `@` is not a separator: one of + - _ = # ~ | write for instance \"+\"",
    ),
    (
        "limits.inline_recipients = 999999999999999999999",
        "limits.inline_recipients: a number beyond 64 bits where a number from 0 to 4294967295 is expected | write a number from 0 to 4294967295",
    ),
    (
        "privacy.log = 1979-05-27",
        "privacy.log: a date where \"full\", \"truncated-ip\" or \"pseudonym\" is expected | write \"full\", \"truncated-ip\" or \"pseudonym\"",
    ),
];

#[test]
fn values_of_the_wrong_form_say_what_to_write() {
    for (text, expected) in WRONG {
        let problem = only_problem(text);
        let place = format!("{}: ", problem.place);
        assert_eq!(
            told(&problem).strip_prefix(&place),
            Some(*expected),
            "{text}"
        );
        assert!(
            place.starts_with("/etc/postroom/postroom.toml:1:"),
            "{place}"
        );
        assert!(!problem.is_warning());
    }
}

#[test]
fn contradictions_are_errors() {
    for (text, expected) in [
        (
            "limits.message.size_max = '1 GiB'",
            "limits.message.size_max: is above limits.inspect_bytes | lower limits.message.size_max or raise limits.inspect_bytes",
        ),
        (
            "limits.imap.literal_before_login_max = '1 MiB'",
            "limits.imap.literal_before_login_max: is above limits.imap.literal_max | lower limits.imap.literal_before_login_max or raise limits.imap.literal_max",
        ),
        (
            "listen.imap = ['0.0.0.0:993']",
            "listen.imaps: 0.0.0.0:993 is also the socket of listen.imap | give listen.imaps another port, or [] to close it",
        ),
    ] {
        let problem = told(&only_problem(text));
        assert!(problem.ends_with(expected), "{problem}");
    }
    // Port 0 is the system's choice, however often it is asked for.
    load("[listen]\nsmtp = '127.0.0.1:0'\nimap = '127.0.0.1:0'");
}

#[test]
fn all_problems_come_at_once() {
    let all = problems("hostname = 1\nfoo = 2\n[listen]\nbind = 'x'\nport_offset = 65535");
    let keys: Vec<&str> = all.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        ["hostname", "listen.bind", "listen.port_offset", "foo"]
    );
}

#[test]
fn broken_toml_is_placed() {
    let problem = only_problem("hostname = 'a.example'\n[listen\nbind = '::1'");
    assert!(matches!(problem.trouble, Trouble::Syntax(_)), "{problem:?}");
    assert!(
        told(&problem).starts_with("/etc/postroom/postroom.toml:2:"),
        "{problem}"
    );
    let twice = only_problem("hostname = 'a.example'\nhostname = 'b.example'");
    assert!(
        matches!(twice.place, Place::File { line: 2, .. }),
        "{twice:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = std::env::temp_dir().join(format!("postroom-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let missing = Source::file(&folder.join("none.toml"))
        .unwrap_err()
        .remove(0);
    assert!(
        missing.to_string().ends_with("none.toml: entity not found"),
        "{missing}"
    );
    assert!(missing.mend().contains("quickstart"));

    let large = folder.join("large.toml");
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    let large = Source::file(&large).unwrap_err().remove(0);
    assert!(
        matches!(large.trouble, Trouble::FileTooLarge(_)),
        "{large:?}"
    );

    let right = folder.join("right.toml");
    std::fs::write(&right, "data_dir = '.'").unwrap();
    let loaded = Config::load(&Source::file(&right).unwrap()).unwrap();
    assert!(loaded.config.data_dir.starts_with(&folder));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn attack_b01_no_setting_that_passes_opens_the_relay() {
    for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "10.0.0.0/7", "2000::/3"] {
        let text = format!("[listen]\nrelay_allow = ['127.0.0.1', '{wide}']");
        let told = told(&only_problem(&text));
        assert!(told.contains("strangers could send mail"), "{told}");
    }
    assert!(load("").config.listen.relay_allow.0.is_empty());
}

#[test]
fn relaxations_are_warned_about() {
    let text = "hostname = 'mail'\n[auth]\ncleartext = 'always'\n\
         [listen]\nsmtp_starttls = 'off'\nsmtp_submission = true\nsubmission_starttls = 'offer'\n\
         lmtp = [24]\nlmtp_allow = '0.0.0.0/0'\nrelay_allow = '192.0.2.7'\n[limits]\nexempt = ['127.0.0.1', '10.0.0.0/8']";
    let warnings = load(text).warnings;
    let keys: Vec<&str> = warnings
        .iter()
        .map(|problem| problem.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "hostname",
            "listen.smtp_starttls",
            "listen.smtp_submission",
            "listen.submission_starttls",
            "listen.lmtp_allow",
            "listen.relay_allow",
            "auth.cleartext",
            "delivery.postmaster",
            "limits.exempt"
        ]
    );
    assert_eq!(
        told(&warnings[8]),
        "/etc/postroom/postroom.toml:12:1: limits.exempt: peers outside this machine are exempt \
         from budgets, bounds of failed logins and judgement: 10.0.0.0/8 | keep limits.exempt to 127.0.0.0/8 and ::1"
    );
    let good = "hostname = 'mail.example.org'\n[delivery]\npostmaster = 'anna@example.org'";
    assert!(load(good).warnings.is_empty());
}

#[test]
fn show_tells_values_and_sources() {
    let source = with_set("hostname = 'mail.example.org'", &["log.level=debug"]);
    let shown = Config::load(&source).unwrap().show();
    for line in [
        "hostname = \"mail.example.org\" # /etc/postroom/postroom.toml:1:1",
        "# postmaster is not set",
        "[limits.smtp]",
        "level = \"debug\" # --set",
        "port_offset = 0 # default",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} is missing in\n{shown}"
        );
    }
}

#[test]
fn a_change_is_known_by_its_keys() {
    let old = Config::default();
    let new = load("[tls]\nkeys = 'k.pem'\n[listen]\nport_offset = 5").config;
    let changes: Vec<(String, Applies)> = old
        .changes(&new)
        .into_iter()
        .map(|doc| (doc.key, doc.applies))
        .collect();
    assert_eq!(
        changes,
        [
            ("listen.port_offset".to_owned(), Applies::Reload),
            ("tls.keys".to_owned(), Applies::Reload)
        ]
    );
    assert!(old.changes(&old.clone()).is_empty());
}

#[test]
fn a_reload_is_told_of_every_key_that_waits_for_a_restart() {
    let old = load("hostname = 'a.example'").config;
    let new = load("hostname = 'b.example'\nuser = 990\n[listen]\nport_offset = 5");
    let problems = new.restarts(&old);
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "/etc/postroom/postroom.toml:1:1: hostname: a running server cannot change it",
            "/etc/postroom/postroom.toml:2:1: user: a running server cannot change it",
        ]
    );
    assert_eq!(
        problems[0].mend(),
        "restart the server, or set hostname back"
    );
    assert!(new.restarts(&new.config).is_empty());
}

#[test]
fn branches_stay_small_and_every_key_is_documented() {
    let mut sizes = BTreeMap::new();
    for item in items() {
        let (path, doc) = match item {
            Item::Section { path, doc } => (path, doc),
            Item::Key(key) => (key.key, key.doc),
        };
        assert!(doc.ends_with('.'), "{path}: {doc}");
        assert!(path.split('.').count() <= 4, "{path}");
        if !path.is_empty() {
            let branch = path
                .rsplit_once('.')
                .map_or("", |(branch, _)| branch)
                .to_owned();
            *sizes.entry(branch).or_insert(0) += 1;
        }
    }
    assert!(sizes.values().all(|size| *size <= 20), "{sizes:?}");
}

#[test]
fn reference_is_also_json() {
    let keys: Vec<_> = Config::reference().collect();
    let json = serde_json::to_value(&keys).unwrap();
    let grace = json
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["key"] == "shutdown.grace")
        .unwrap();
    assert_eq!(grace["default"], "\"10s\"");
    assert_eq!(grace["bounds"], "\"0s\" to \"1h\"");
    assert_eq!(grace["applies"], "reload");
    assert_eq!(grace["since"], "0.1");
}

/// The page in the tree is the page of this code; `POSTROOM_BLESS=1` rewrites it.
#[test]
fn manual_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/settings.md");
    if std::env::var_os("POSTROOM_BLESS").is_some() {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, manual()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == manual(),
        "docs/reference/settings.md is stale: run with POSTROOM_BLESS=1"
    );
}

#[test]
fn a_misfit_names_what_it_found() {
    let wrong = only_problem("listen.bind = [['::1']]");
    assert!(
        matches!(wrong.trouble, Trouble::Misfit(Misfit::Kind { .. })),
        "{wrong:?}"
    );
}

#[test]
fn what_does_not_go_together_in_relay_is_told() {
    let told_of = |text: &str| -> Vec<String> {
        let problems = Config::load(&source(text)).unwrap_err();
        problems.iter().map(told).collect()
    };
    let set = "[relay]\nsmarthost = 'smtp.example.org:587'\nsmarthost_user = 'us'\n";
    let alone = told_of(set).join("\n");
    assert!(
        alone.contains("is set without relay.smarthost_password_file"),
        "{alone}"
    );
    assert!(alone.contains("set relay.tls = \"require\""), "{alone}");
    let text = format!("{set}smarthost_password_file = 'secret'\ntls = 'require'\n");
    assert!(Config::load(&source(&text)).is_ok());
    let sources = told_of("[relay]\nsource = ['192.0.2.1', '192.0.2.2', '::1']");
    assert!(
        sources[0].contains("more than one IPv4 address"),
        "{sources:?}"
    );
    let waits = told_of("[relay]\nwait_first = '2h'\nwait_max = '1h'");
    assert!(waits[0].contains("is above relay.wait_max"), "{waits:?}");
}
