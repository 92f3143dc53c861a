//! One session from its first octet to its last.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use postroom_runtime::group::Token;
use postroom_runtime::telemetry::Role;

use crate::broken::Broken;
use crate::budget::Permit;
use crate::drive::Driver;
use crate::host::{Driven, Host};
use crate::limits::Ground;
use crate::line::Line;
use crate::peer::Peer;
use crate::sessions::Entered;
use crate::socket::Socket;
use crate::tls::Side;

/// What a session is given of its listener.
pub(crate) struct Terms {
    pub(crate) service: Role,
    pub(crate) tls: Option<Side>,
    pub(crate) secure_first: bool,
    /// Last words after a panic.
    pub(crate) broken: Arc<[u8]>,
    /// Asks the session to end.
    pub(crate) drain: Token,
    /// Ends it.
    pub(crate) cut: Token,
    #[expect(dead_code, reason = "held until the session is over")]
    pub(crate) entered: Entered,
    #[expect(dead_code, reason = "held until the session is over")]
    pub(crate) permit: Permit,
}

/// Runs a session to its end. A panic in it ends it alone.
pub(crate) async fn run<M: Driven, H: Host<M>>(
    ground: Arc<Ground>,
    socket: Arc<Socket>,
    peer: Peer,
    terms: Terms,
    open: impl FnOnce(Peer) -> (M, H),
) {
    let mut line = Line::new(Arc::clone(&ground), socket);
    let from = peer.address.ip();
    let driving = drive(&mut line, &terms, || open(peer));
    let ended = unless_it_panics(driving).await;
    match ended {
        Ok(Ok(())) => {
            // The last words are out; the peer's own end shows that it has them.
            tokio::select! {
                () = Box::pin(line.linger(&terms.drain)) => {}
                () = terms.cut.cancelled() => {}
            }
        }
        Ok(Err(error)) => report(terms.service, &(ground.show_peer)(from), &error),
        Err(panic) => {
            tell_panic(&ground, &terms, from, panic.as_ref());
            tokio::select! {
                () = Box::pin(line.last_word(&terms.broken)) => {}
                () = terms.cut.cancelled() => {}
            }
        }
    }
    drop(terms);
}

/// Counts and logs a panic.
pub(crate) fn tell_panic(ground: &Ground, terms: &Terms, from: IpAddr, panic: &(dyn Any + Send)) {
    ground.telemetry.net.panics.increment();
    let (service, peer) = (terms.service.as_str(), (ground.show_peer)(from));
    tracing::error!(service, %peer, panic = words(panic), "session panicked");
}

/// Drives the machine, ends the connection if that ended well, and gives the host the last word.
async fn drive<M: Driven, H: Host<M>>(
    line: &mut Line,
    terms: &Terms,
    open: impl FnOnce() -> (M, H),
) -> Result<(), Broken> {
    let (machine, host) = open();
    let mut driver = Driver::new(machine, host, terms.tls.clone(), terms.drain.clone());
    let ended = to_the_end(&mut driver, line, terms.secure_first, &terms.cut).await;
    Box::pin(driver.host.closed()).await;
    ended
}

/// Drives a machine and ends the connection if that ended well.
pub(crate) async fn to_the_end<M: Driven, H: Host<M>>(
    driver: &mut Driver<M, H>,
    line: &mut Line,
    secure_first: bool,
    cut: &Token,
) -> Result<(), Broken> {
    tokio::select! {
        ended = driver.run(line, secure_first) => ended?,
        () = cut.cancelled() => return Err(Broken::Cut),
    }
    tokio::select! {
        ended = line.end() => ended,
        () = cut.cancelled() => Err(Broken::Cut),
    }
}

/// A future whose panic is its result.
pub(crate) async fn unless_it_panics<T>(
    future: impl Future<Output = T>,
) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => words,
        (_, Some(words)) => words,
        _ => "without a word",
    }
}

/// Logs an end by who is to blame: a bug or a disk of ours, else the peer or the network.
fn report(service: Role, peer: &str, error: &Broken) {
    let service = service.as_str();
    let cause = std::error::Error::source(error).map(tracing::field::display);
    match error {
        Broken::OutOfTurn | Broken::Source(_) | Broken::Panicked => {
            tracing::error!(service, peer, %error, cause, "session ended by a fault of ours");
        }
        _ => tracing::debug!(service, peer, %error, cause, "session ended"),
    }
}
