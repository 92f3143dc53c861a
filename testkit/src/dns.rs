//! A name server for tests, on a port of its own, by UDP and TCP.

mod message;
mod zone;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use zone::{Said, Zone};

/// Octets of a message by UDP (RFC 1035 §2.3.4); above it the answer is cut and TCP asked for.
const UDP_OCTETS_MAX: usize = 512;
/// Tries to find a port that is free for both.
const PORTS_MAX: u32 = 50;
/// How long a connection may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Answers questions about its zone until it is dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    zone: Mutex<Zone>,
    asked: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl DnsServer {
    /// Serves a zone on loopback. Each line has a name, a type and what it says: `A`, `AAAA`,
    /// `MX`, `CNAME`, `TXT`; for names that misbehave `SERVFAIL`, `REFUSED`, `NXDOMAIN` or
    /// `TIMEOUT`; `EMPTY` has no records. A name that is on no line, and above none, does not
    /// exist.
    ///
    /// # Panics
    /// When a line is none of these or there is no port.
    pub fn start(zone: &str) -> Self {
        let (udp, tcp) = bind();
        let address = tcp.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            zone: Mutex::new(Zone::parse(zone)),
            asked: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let by_udp = Arc::clone(&shared);
        thread::spawn(move || serve_udp(&udp, &by_udp));
        let by_tcp = Arc::clone(&shared);
        thread::spawn(move || serve_tcp(&tcp, &by_tcp));
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves another zone from now on.
    pub fn set(&self, zone: &str) {
        *lock(&self.shared.zone) = Zone::parse(zone);
    }

    /// The questions so far: `MX example.org`.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared.asked).clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Both threads look up from their waits.
        let _ = TcpStream::connect(self.address);
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
    }
}

fn bind() -> (UdpSocket, TcpListener) {
    for _ in 0..PORTS_MAX {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = tcp.local_addr().expect("a bound socket has an address");
        if let Ok(udp) = UdpSocket::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let request = buffer.get(..length).unwrap_or_default();
        if let Some(answer) = shared.answer(request, UDP_OCTETS_MAX) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || serve_connection(stream, &shared));
    }
}

/// Messages with their length in front (RFC 1035 §4.2.2).
fn serve_connection(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(SILENCE_MAX));
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut request).is_err() {
            return;
        }
        let Some(answer) = shared.answer(&request, usize::from(u16::MAX)) else {
            continue;
        };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes(), answer.as_slice()].concat();
        if stream.write_all(&framed).is_err() {
            return;
        }
    }
}

impl Shared {
    /// The answer to a request; none where the zone says nothing, or to what is no request.
    fn answer(&self, request: &[u8], octets_max: usize) -> Option<Vec<u8>> {
        let question = message::parse(request)?;
        lock(&self.asked).push(question.to_string());
        match lock(&self.zone).answer(&question.name, question.kind) {
            Said::Nothing => None,
            Said::Code(code) => Some(question.reply(code, &[], octets_max)),
            Said::Records(records) => Some(question.reply(0, &records, octets_max)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
