//! HTTP: what is asked well, and what is asked badly.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use postroom_net::http::{Method, Request, Response, Site};
use postroom_net::{Ground, Limits, Listener, Refusal, Security, Service};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::telemetry::{Direction, HttpStatus, Role, Telemetry};
use postroom_runtime::watched::Watched;
use tokio::runtime::Runtime;

use crate::rig::{LONG, ample};

/// What a connection may rest in the tests of that bound.
const SHORT: Duration = Duration::from_millis(200);

#[derive(Clone)]
struct Echo;

impl Site for Echo {
    async fn answer(&self, request: Request<'_>) -> Response {
        assert_ne!(request.path, "/panic", "asked for");
        let status = match request.method {
            Method::Get | Method::Head => HttpStatus::Ok,
            Method::Other => HttpStatus::MethodNotAllowed,
        };
        Response {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{} from {}\n", request.path, request.peer.address.ip()),
        }
    }
}

struct House {
    address: SocketAddr,
    ground: Watched<Ground>,
    drain: Token,
    group: TaskGroup,
    runtime: Runtime,
}

impl House {
    fn start(limits: Limits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let ground = Watched::new(Ground::new(
            Clock::system(),
            Telemetry::default(),
            limits,
            Box::new(|_| false),
            Box::new(|peer| peer.to_string().into()),
        ));
        let service = Service {
            role: Role::Http,
            security: Security::Clear,
            refusal: Refusal {
                full: Arc::from(&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..]),
                broken: Arc::from(&b""[..]),
            },
        };
        let (group, drain) = (TaskGroup::default(), Token::new());
        let address = runtime.block_on(async {
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.address();
            let ground = ground.clone();
            group.spawn(listener.serve_http(ground, service, drain.clone(), Echo));
            address
        });
        Self {
            address,
            ground,
            drain,
            group,
            runtime,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Says `request` and reads until the server closes.
    fn whole(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        rest(&mut stream)
    }
}

/// What comes until the end; a reset is an end too.
fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn a_page_is_answered_and_its_head_alone() {
    let house = House::start(ample());
    let ask = |method| {
        house.whole(&format!(
            "{method} /page?query HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        ))
    };
    let got = ask("GET");
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert!(got.contains("\r\ncontent-length: 21\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\n/page from 127.0.0.1\n"), "{got}");
    let head = ask("HEAD");
    assert!(head.contains("\r\ncontent-length: 21\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let other = ask("DELETE");
    assert!(other.starts_with("HTTP/1.1 405 "), "{other}");
    assert!(other.contains("\r\nallow: GET, HEAD\r\n"), "{other}");
    let ground = house.ground.get();
    let octets = ground.telemetry().net.octets.at(Role::Http);
    assert!(octets.at(Direction::In).value() > 0);
    assert!(octets.at(Direction::Out).value() > got.len() as u64);
}

#[test]
fn a_connection_may_ask_again_but_not_for_ever() {
    let house = House::start(ample());
    let got = house.whole(&"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1_200));
    assert_eq!(got.matches("HTTP/1.1 200 OK").count(), 1_000);
    assert_eq!(got.matches("connection: close").count(), 1);
}

#[test]
fn a_giant_head_is_refused_while_it_comes() {
    let house = House::start(ample());
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let got = house.whole(&long);
    assert!(got.starts_with("HTTP/1.1 431 "), "{got}");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
    let got = house.whole(&many);
    assert!(got.starts_with("HTTP/1.1 431 "), "{got}");
}

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let house = House::start(Limits {
        http_head_max: SHORT,
        linger_max: SHORT,
        ..ample()
    });
    // Nothing at all, half a head, and nothing after an answer.
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let got = house.whole(said);
        assert_eq!(got.contains("200 OK"), said.ends_with("\r\n\r\n"), "{got}");
    }
}

#[test]
fn what_is_not_http_gets_400() {
    let house = House::start(ample());
    for nonsense in [
        "EHLO example.org\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let got = house.whole(nonsense);
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 400 "), "{got}");
    }
}

#[test]
fn a_body_is_not_hoarded() {
    let house = House::start(Limits {
        linger_max: SHORT,
        ..ample()
    });
    // It is answered at once, and what comes of the body is thrown away for a short while.
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n";
    let got = house.whole(&format!("{head}{}", "x".repeat(64 * 1024)));
    assert!(got.starts_with("HTTP/1.1 405 "), "{got}");
    while house.ground.get().sessions() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_ends_one_connection_alone() {
    let house = House::start(ample());
    assert_eq!(house.whole("GET /panic HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    assert_eq!(house.ground.get().telemetry().net.panics.value(), 1);
    let got = house.whole("GET / HTTP/1.0\r\n\r\n");
    assert!(got.contains("200 OK"), "{got}");
}

#[test]
fn a_drain_ends_what_rests() {
    let house = House::start(ample());
    let mut resting = house.connect();
    resting
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    resting.read_exact(&mut answer).unwrap();
    let mut silent = house.connect();
    while house.ground.get().sessions() < 2 {
        std::thread::yield_now();
    }
    house.drain.cancel();
    rest(&mut resting);
    assert_eq!(rest(&mut silent), "");
    house.runtime.block_on(async {
        tokio::time::timeout(LONG, house.group.wait())
            .await
            .unwrap();
    });
}
