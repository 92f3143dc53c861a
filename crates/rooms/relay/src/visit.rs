//! From a destination to a host that takes its mail.

use std::sync::Arc;
use std::time::Duration;

use postroom_delivery::conclude::Remote;
use postroom_net::connect::{ConnectError, Destination, Leash};
use postroom_queue::queue::ATTEMPT_MAX;
use postroom_smtp::client::{Client, Profile, StartTls};
use postroom_store::journal::JournalLine;
use tokio::time::sleep;

use crate::job::SMARTHOST;
use crate::outcome::Verdict;
use crate::route::{Route, Router, comes_back};
use crate::session::Session;
use crate::setback::Setback;
use crate::worker::Inner;

/// How often it is looked whether a transaction takes too long.
const WATCH_EVERY: Duration = Duration::from_secs(30);

/// What came of one host.
enum Tried {
    /// It was ready for mail, and the session is over.
    Served,
    /// It failed at TLS, which it need not have.
    Handshake(Setback),
    Not(Setback),
    /// It is this server.
    Us,
    /// The house closes.
    Drained,
}

/// How one session for a destination went.
struct Visit {
    was_ready: bool,
    /// Why no host was ready.
    setback: Option<Setback>,
}

/// One session for a destination, which the pool has counted: finds a host that is ready, best
/// first, gives it what waits, and lets the pool know how it went.
pub(crate) async fn visit(inner: Arc<Inner>, destination: Arc<str>, leash: Leash) {
    let connections = &inner.parts.telemetry.relay.connections;
    connections.increment();
    let visit = go(&inner, &destination, &leash).await;
    connections.decrement();
    let given_up = inner
        .pool
        .closed(&destination, visit.was_ready, visit.setback.as_ref());
    if let Some(setback) = visit.setback {
        inner.give_up(
            given_up
                .into_iter()
                .map(|job| (job, Verdict::Not(setback.clone())))
                .collect(),
            &destination,
        );
    }
}

async fn go(inner: &Arc<Inner>, destination: &Arc<str>, leash: &Leash) -> Visit {
    let router = Router {
        dns: &inner.parts.dns,
        random: &inner.parts.random,
        own: &inner.parts.own,
        internet: inner.settings.internet,
        port: inner.settings.port,
    };
    let found = match &inner.settings.smarthost {
        Some(smarthost) => Ok(Router::to_smarthost(smarthost)),
        None => router.to_domain(destination).await,
    };
    match found {
        Ok(route) => follow(inner, destination, leash, &router, route).await,
        Err(setback) => Visit::failed(setback),
    }
}

async fn follow(
    inner: &Arc<Inner>,
    destination: &Arc<str>,
    leash: &Leash,
    router: &Router<'_>,
    mut route: Route,
) -> Visit {
    let mut met: Option<Setback> = None;
    while let Some(hosts) = router.next(&mut route).await {
        for remote in hosts {
            if leash.drain.is_cancelled() {
                return Visit::ended(false);
            }
            match host(inner, destination, leash, &remote).await {
                Tried::Served => return Visit::ended(true),
                Tried::Drained => return Visit::ended(false),
                // Who is better than us is tried again, if that may help (RFC 5321 §5.1).
                Tried::Us => {
                    let hopeful = met.filter(|setback| !setback.is_final);
                    return Visit::failed(hopeful.unwrap_or_else(|| comes_back().at(&remote)));
                }
                Tried::Not(setback) | Tried::Handshake(setback) => {
                    // One host that may be better another time is reason enough to wait for it;
                    // that none is, RFC 7504 §3 has for 5xx in the greeting.
                    if met.as_ref().is_none_or(|met| met.is_final) || !setback.is_final {
                        met = Some(setback);
                    }
                }
            }
        }
    }
    Visit::failed(route.end(met))
}

/// One host; once more in clear text if it fails at TLS that it need not have (RFC 7435 §3).
async fn host(inner: &Arc<Inner>, destination: &Arc<str>, leash: &Leash, remote: &Remote) -> Tried {
    let profile = inner.profile();
    match session(inner, destination, leash, remote, profile).await {
        Tried::Handshake(setback) if profile.starttls == StartTls::Opportunistic => {
            note_clear(inner, destination, remote, &setback);
            let clear = Arc::new(Profile {
                starttls: StartTls::Never,
                ..Profile::clone(profile)
            });
            session(inner, destination, leash, remote, &clear).await
        }
        tried => tried,
    }
}

/// Tells log and journal that TLS was given up.
fn note_clear(inner: &Inner, destination: &str, remote: &Remote, setback: &Setback) {
    tracing::info!(next_hop = %remote, reason = %setback.diagnosis, "once more without TLS");
    let first = inner.pool.peek(destination, |job| {
        let entry = job.entries.first()?;
        Some((entry.arrival, entry.recipient.clone()))
    });
    let Some((arrival, recipient)) = first.flatten() else {
        return;
    };
    inner
        .parts
        .delivery
        .store()
        .journal_later(vec![JournalLine {
            time: inner.parts.clock.wall(),
            session: 0,
            arrival: Some(arrival),
            message_id: None,
            room: "relay".into(),
            what: "starttls".into(),
            sender: None,
            recipient: Some(inner.parts.privacy.name(&recipient)),
            verdict: "clear".into(),
            reply: Some(setback.diagnosis.to_string().into()),
            next_hop: Some(remote.to_string().into()),
            peer: None,
            elapsed_us: 0,
        }]);
}

async fn session(
    inner: &Arc<Inner>,
    destination: &Arc<str>,
    leash: &Leash,
    remote: &Remote,
    profile: &Arc<Profile>,
) -> Tried {
    // A transaction that takes too long is cut, and only that session.
    let leash = Leash {
        drain: leash.drain.clone(),
        cut: leash.cut.child_token(),
    };
    let host = Session::new(
        Arc::clone(inner),
        Arc::clone(destination),
        remote.clone(),
        leash.drain.clone(),
    );
    let began = host.began();
    let machine = Client::new(Arc::clone(profile), inner.parts.clock.now());
    let to = inner.towards(remote, destination.as_ref() == SMARTHOST);
    let mut connecting = inner.parts.dial.dial(to, leash.clone(), machine, host);
    let over = loop {
        tokio::select! {
            over = &mut connecting => break over,
            () = sleep(WATCH_EVERY) => {}
        }
        let now = inner.parts.clock.now();
        let is_over = |began| now.saturating_duration_since(began) > ATTEMPT_MAX;
        if began.at().is_some_and(is_over) {
            leash.cut.cancel();
        }
    };
    let ending = over.machine.ending();
    let mut host = over.host;
    host.settle_rest(&ending, &over.how).await;
    if host.was_ready() {
        return Tried::Served;
    }
    if host.is_us() {
        return Tried::Us;
    }
    match Setback::of_session(&ending, &over.how) {
        _ if leash.drain.is_cancelled() => Tried::Drained,
        Some(setback) => {
            let setback = setback.at(remote);
            if over.how.as_ref().is_err_and(ConnectError::is_handshake) {
                Tried::Handshake(setback)
            } else {
                Tried::Not(setback)
            }
        }
        None => Tried::Drained,
    }
}

impl Visit {
    fn ended(was_ready: bool) -> Self {
        Self {
            was_ready,
            setback: None,
        }
    }

    fn failed(setback: Setback) -> Self {
        Self {
            was_ready: false,
            setback: Some(setback),
        }
    }
}

impl Inner {
    /// How sessions are held.
    fn profile(&self) -> &Arc<Profile> {
        match &self.settings.smarthost {
            Some(smarthost) => &smarthost.profile,
            None => &self.settings.profile,
        }
    }

    /// Where a connection goes.
    fn towards(&self, remote: &Remote, is_smarthost: bool) -> Destination {
        let is_v4 = remote.address.is_ipv4();
        let mut sources = self.settings.source.iter();
        let smarthost = self.settings.smarthost.as_ref().filter(|_| is_smarthost);
        Destination {
            address: remote.address,
            source: sources.find(|source| source.is_ipv4() == is_v4).copied(),
            name: remote.name.clone(),
            tls: Some(Arc::clone(
                smarthost.map_or(&self.settings.tls, |smarthost| &smarthost.tls),
            )),
            is_implicit_tls: smarthost.is_some_and(|smarthost| smarthost.is_implicit_tls),
            connect_max: self.settings.bounds.connect_max,
        }
    }
}
