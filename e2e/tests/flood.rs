//! Many at once: slow peers, no descriptors left, and guesses at passwords, while an ordinary
//! client is served.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use postroom_e2e::deadline::{SOON, Stopwatch, percentile, until};
use postroom_e2e::process;
use postroom_e2e::server::{Options, Role, Server};
use postroom_e2e::skip::{note, skipped};
use postroom_e2e::smtp::{Smtp, base64};

/// One at a time: each measures.
static ALONE: Mutex<()> = Mutex::new(());

const SLOW_PEERS: usize = 10_000;
/// What one connection that dribbles may cost the server.
const PEER_OCTETS_MAX: u64 = 48 * 1024;
/// Ordinary deliveries during a flood, and how long the slowest may take on a busy machine.
const DELIVERIES: usize = 200;
const DELIVERY_MAX: Duration = Duration::from_secs(5);

/// Ends a load, also when the measurement beside it fails.
struct End<'f>(&'f AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn attack_a16_ten_thousand_slow_peers_leave_room_for_others() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = SLOW_PEERS as u64 + 500;
    if !process::raise_descriptors(wanted) {
        skipped("this user may not hold 10,500 descriptors");
        return;
    }
    let server = Options::new()
        .limits(&format!("ulimit -n {wanted}"))
        .start();
    let before = process::resident(server.pid());
    let watch = Stopwatch::start();
    let mut peers = Vec::with_capacity(SLOW_PEERS);
    for number in 0..SLOW_PEERS {
        peers.push(
            slow_peer(&server, number).unwrap_or_else(|error| panic!("peer {number}: {error}")),
        );
    }
    note(&format!(
        "{SLOW_PEERS} peers came within {:?}",
        watch.elapsed()
    ));
    let is_over = AtomicBool::new(false);
    let times = thread::scope(|scope| {
        let _end = End(&is_over);
        scope.spawn(|| dribble(&mut peers, &is_over));
        deliver(&server)
    });
    let grown = process::resident(server.pid()).saturating_sub(before);
    note(&format!(
        "delivery: median {:?}, 99 of 100 within {:?}; {} octets of memory a slow peer",
        percentile(&times, 50),
        percentile(&times, 99),
        grown / SLOW_PEERS as u64
    ));
    assert!(percentile(&times, 99) < DELIVERY_MAX);
    assert!(
        grown < PEER_OCTETS_MAX * SLOW_PEERS as u64,
        "grew by {grown} octets"
    );
    let held = process::descriptors(server.pid());
    assert!(
        held >= SLOW_PEERS,
        "the peers are still served: {held} descriptors"
    );
    drop(peers);
    let gone = until(SOON, || {
        (process::descriptors(server.pid()) < 500).then_some(())
    });
    assert!(gone.is_some(), "descriptors of peers that left stay open");
}

/// By turns: silent, in the middle of a command, in the middle of a message that never ends.
fn slow_peer(server: &Server, number: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server.at(Role::Smtp))?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_write_timeout(Some(SOON))?;
    if number.is_multiple_of(3) {
        return Ok(stream);
    }
    expect(&mut stream, "220")?;
    if number % 3 == 1 {
        stream.write_all(b"EH")?;
        return Ok(stream);
    }
    let to = &server.bob().address;
    stream.write_all(b"HELO slow.example\r\n")?;
    expect(&mut stream, "250")?;
    let open = format!("MAIL FROM:<slow@client.example>\r\nRCPT TO:<{to}>\r\nDATA\r\n");
    for line in open.split_inclusive('\n') {
        stream.write_all(line.as_bytes())?;
        expect(
            &mut stream,
            if line.starts_with("DATA") {
                "354"
            } else {
                "250"
            },
        )?;
    }
    stream.write_all(b"Subject: never ends\r\n\r\n")?;
    Ok(stream)
}

fn expect(stream: &mut TcpStream, code: &str) -> io::Result<()> {
    let mut reply = [0; 512];
    let octets = stream.read(&mut reply)?;
    let text = String::from_utf8_lossy(&reply[..octets]);
    if text.starts_with(code) {
        Ok(())
    } else {
        Err(io::Error::other(format!("{code} was expected: {text:?}")))
    }
}

/// An octet from each peer, again and again. A server may hang up on some.
fn dribble(peers: &mut [TcpStream], is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        for (number, peer) in peers.iter_mut().enumerate() {
            if !number.is_multiple_of(3) {
                let _ = peer.write_all(b"x");
            }
            if number.is_multiple_of(100) && is_over.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Delivers messages in sessions of their own; how long each took from connect to 250.
fn deliver(server: &Server) -> Vec<Duration> {
    let to = server.bob().address.as_str();
    let delivery = |_| {
        let watch = Stopwatch::start();
        let mut session = Smtp::hello(server.at(Role::Smtp)).expect("an ordinary client");
        let message = b"Subject: ordinary\r\n\r\nmail\r\n";
        let reply = session
            .send("x@client.example", &[to], message)
            .expect("a reply");
        assert_eq!(reply.code, 250, "{reply:?}");
        watch.elapsed()
    };
    (0..DELIVERIES).map(delivery).collect()
}

#[test]
fn attack_a17_no_descriptors_left_costs_no_processor() {
    const WINDOW: Duration = Duration::from_secs(3);
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Options::new().limits("ulimit -n 256").start();
    let address = server.at(Role::Smtp);
    let peers: Vec<_> = (0..600)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    // Settled when the number of its descriptors no longer changes.
    let mut last = 0;
    until(SOON, || {
        let now = process::descriptors(server.pid());
        let is_settled = now == last && now > 100;
        last = now;
        Stopwatch::start().run_to(Duration::from_millis(100));
        is_settled.then_some(())
    });
    let watch = Stopwatch::start();
    let before = process::cpu(server.pid());
    watch.run_to(WINDOW);
    let used = process::cpu(server.pid()).saturating_sub(before);
    note(&format!(
        "{} peers, {last} descriptors: {used:?} of processor in {WINDOW:?}",
        peers.len()
    ));
    assert!(
        used < WINDOW / 10,
        "{used:?} of processor time in {WINDOW:?}"
    );
    drop(peers);
    let recovered = until(SOON, || {
        let mut session = Smtp::hello(address).ok()?;
        let message = b"Subject: after the flood\r\n\r\nmail\r\n";
        let reply = session
            .send("x@client.example", &[&server.bob().address], message)
            .ok()?;
        (reply.code == 250).then_some(())
    });
    assert!(recovered.is_some(), "it does not recover");
}

#[test]
fn attack_f06_guesses_at_passwords_do_not_keep_others_out() {
    const GARBAGE: u64 = 10_000;
    const GUESSERS: usize = 6;
    const LOGINS: usize = 60;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Options::new()
        .set("auth.cleartext=loopback")
        .set("listen.submission_starttls=offer")
        .start();
    let address = server.at(Role::Submission);
    let alice = server.alice().clone();
    let (garbage, guesses) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    let before = process::resident(server.pid());
    let times = thread::scope(|scope| {
        let _end = End(&is_over);
        for number in 0..GUESSERS {
            let (garbage, guesses, is_over) = (&garbage, &guesses, &is_over);
            scope.spawn(move || {
                if number.is_multiple_of(2) {
                    send_garbage(address, garbage, GARBAGE);
                } else {
                    guess(address, guesses, is_over);
                }
            });
        }
        let mut times = Vec::new();
        while times.len() < LOGINS || garbage.load(Ordering::Relaxed) < GARBAGE {
            let watch = Stopwatch::start();
            let mut session = Smtp::hello(address).expect("an ordinary client");
            let reply = session
                .login(&alice.address, &alice.password)
                .expect("a reply");
            assert_eq!(reply.code, 235, "{reply:?}");
            times.push(watch.elapsed());
        }
        times
    });
    note(&format!(
        "{} garbage and {} wrong passwords; {} good logins: median {:?}, 99 of 100 within {:?}; {} KiB grown",
        garbage.load(Ordering::Relaxed),
        guesses.load(Ordering::Relaxed),
        times.len(),
        percentile(&times, 50),
        percentile(&times, 99),
        process::resident(server.pid()).saturating_sub(before) / 1024
    ));
    assert!(percentile(&times, 99) < Duration::from_secs(5));
    assert!(
        guesses.load(Ordering::Relaxed) > 20,
        "too few guesses to prove anything"
    );
}

/// AUTH with what is not base64, not a mechanism or not a response, until there is enough of it.
fn send_garbage(address: SocketAddr, count: &AtomicU64, enough: u64) {
    const GARBAGE: [&str; 6] = [
        "PLAIN !!!!",
        "PLAIN ====",
        "PLAIN AGFsaWNl",
        "BOGUS abcd",
        "LOGIN *",
        "PLAIN A",
    ];
    while count.load(Ordering::Relaxed) < enough {
        let Ok(mut session) = Smtp::hello(address) else {
            continue;
        };
        for garbage in GARBAGE {
            match session.command(&format!("AUTH {garbage}")) {
                Ok(reply) => {
                    assert_ne!(reply.code, 235, "AUTH {garbage}");
                    count.fetch_add(1, Ordering::Relaxed);
                    // A challenge is answered with a cancellation (RFC 4954 §4).
                    if reply.code == 334 && session.command("*").is_err() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
    }
}

/// Wrong passwords, for accounts that exist and for some that do not.
fn guess(address: SocketAddr, count: &AtomicU64, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut session) = Smtp::hello(address) else {
            continue;
        };
        for name in [
            "alice@example.test",
            "nobody@example.test",
            "bob@example.test",
        ] {
            let response = base64(format!("\0{name}\0guess").as_bytes());
            match session.command(&format!("AUTH PLAIN {response}")) {
                Ok(reply) => {
                    assert_ne!(reply.code, 235, "{name}");
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => break,
            }
        }
    }
}
