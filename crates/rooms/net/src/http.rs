//! HTTP/1.1 on an accepted connection: heads, requests and answers under the bounds of net.
//!
//! What is asked for is answered by a [`Site`]. Bodies of requests are not read: the connection
//! closes after the answer to a request that has one.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use postroom_runtime::telemetry::HttpStatus;
use tokio::time::{Sleep, timeout};

use crate::limits::Ground;
use crate::line::Line;
use crate::peer::Peer;
use crate::session::{Terms, tell_panic, unless_it_panics};
use crate::socket::Socket;

/// Octets of the head of a request; a larger one gets 431.
const HEAD_OCTETS_MAX: usize = 16 * 1024;
/// Header fields of a request; more get 431.
const FIELDS_MAX: usize = 64;
/// Requests of one connection; the last one's answer closes it.
const REQUESTS_MAX: usize = 1_000;
/// How long an answer may take; then 503.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Octets that are read at once.
const PIECE_OCTETS: usize = 4 * 1024;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To have a page.
    Get,
    /// To have the head of a page.
    Head,
    /// Anything else.
    Other,
}

/// One request.
#[derive(Debug)]
pub struct Request<'r> {
    /// What is wanted.
    pub method: Method,
    /// Of which page: a path without its query.
    pub path: &'r str,
    /// Who asks.
    pub peer: &'r Peer,
}

/// One answer. To HEAD it is sent without its body.
#[derive(Debug)]
pub struct Response {
    /// How it went.
    pub status: HttpStatus,
    /// What the body is.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
}

/// What is behind a listener of HTTP. Clones are the same site.
pub trait Site: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<'_>) -> impl Future<Output = Response> + Send;
}

/// Serves one connection to its end. A panic in it ends it alone.
pub(crate) async fn run<S: Site>(
    ground: Arc<Ground>,
    socket: Arc<Socket>,
    peer: Peer,
    terms: Terms,
    site: S,
) {
    let from = peer.address.ip();
    let limits = &ground.limits;
    let wire = Wire {
        socket: Arc::clone(&socket),
        stall_max: limits.write_stall_max,
        stalled: None,
    };
    let requests = AtomicUsize::new(0);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let is_last = requests.fetch_add(1, Ordering::Relaxed) + 1 >= REQUESTS_MAX;
        let (site, peer) = (&site, &peer);
        async move { Ok::<_, Infallible>(attend(site, peer, &request, is_last).await) }
    });
    let connection = http1::Builder::new()
        .timer(Clock)
        .header_read_timeout(limits.http_head_max)
        .max_buf_size(HEAD_OCTETS_MAX)
        .max_headers(FIELDS_MAX)
        .serve_connection(wire, service);
    let mut connection = pin!(connection);
    let driving = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = terms.drain.cancelled() => connection.as_mut().graceful_shutdown(),
            () = terms.cut.cancelled() => return Ok(()),
        }
        tokio::select! {
            ended = connection => ended,
            () = terms.cut.cancelled() => Ok(()),
        }
    };
    match unless_it_panics(driving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let peer = (ground.show_peer)(from);
            tracing::debug!(service = terms.service.as_str(), %peer, %error, "session ended");
        }
        Err(panic) => tell_panic(&ground, &terms, from, panic.as_ref()),
    }
    // A peer that is still sending a head that was refused must be able to read why.
    let _ = socket.end();
    let line = Line::new(Arc::clone(&ground), socket);
    tokio::select! {
        () = Box::pin(line.linger(&terms.drain)) => {}
        () = terms.cut.cancelled() => {}
    }
}

async fn attend<S: Site>(
    site: &S,
    peer: &Peer,
    request: &hyper::Request<Incoming>,
    is_last: bool,
) -> hyper::Response<Page> {
    let method = match *request.method() {
        hyper::Method::GET => Method::Get,
        hyper::Method::HEAD => Method::Head,
        _ => Method::Other,
    };
    peer.note_command(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Other => "other",
    });
    let asked = Request {
        method,
        path: request.uri().path(),
        peer,
    };
    let answer = match timeout(ANSWER_TIME_MAX, site.answer(asked)).await {
        Ok(answer) => answer,
        Err(_) => Response {
            status: HttpStatus::Unavailable,
            content_type: "text/plain; charset=utf-8",
            body: "no answer in time\n".to_owned(),
        },
    };
    let mut response = hyper::Response::new(Page(Some(answer.body.into())));
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status.code())
        .unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers_mut();
    let mut put = |name, value| fields.insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, answer.content_type);
    put(header::CACHE_CONTROL, "no-store");
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if answer.status == HttpStatus::MethodNotAllowed {
        put(header::ALLOW, "GET, HEAD");
    }
    if is_last {
        put(header::CONNECTION, "close");
    }
    response
}

/// A body that is sent whole.
struct Page(Option<Bytes>);

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let whole = self.0.take().filter(|bytes| !bytes.is_empty());
        Poll::Ready(whole.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// The connection as hyper reads and writes it.
struct Wire {
    socket: Arc<Socket>,
    stall_max: Duration,
    /// When the peer has not read for too long; while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE_OCTETS];
        let room = buffer.remaining().min(piece.len());
        let piece = &mut piece[..room];
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read_into(piece) {
                Ok(octets) => {
                    buffer.put_slice(&piece[..octets]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.socket.poll_write_ready(cx)?.is_pending() {
                let stall_max = self.stall_max;
                let stalled = self
                    .stalled
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_max)));
                ready!(stalled.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            match io::Write::write(&mut &*self.socket, bytes) {
                Ok(octets) => {
                    self.stalled = None;
                    return Poll::Ready(Ok(octets));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.end())
    }
}

/// Timers for hyper.
#[derive(Clone, Copy, Debug)]
struct Clock;

impl hyper::rt::Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Alarm(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Alarm(Box::pin(tokio::time::sleep_until(deadline.into()))))
    }
}

struct Alarm(Pin<Box<Sleep>>);

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl hyper::rt::Sleep for Alarm {}
