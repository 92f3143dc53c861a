//! The pages of health and metrics, asked without a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::IpAddr;

use postroom_admin::observe::Observer;
use postroom_net::Peer;
use postroom_net::http::{Method, Request, Response, Site};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::telemetry::{HttpStatus, Telemetry};
use postroom_store::store::{Options, Store};

struct House {
    observer: Observer,
    store: Store,
    drain: Token,
    folder: std::path::PathBuf,
}

impl House {
    async fn open(name: &str, reserve: u64) -> Self {
        let folder = std::env::temp_dir().join(format!("admin-{name}-{}", std::process::id()));
        let store = Store::open(Options {
            reserve,
            accept_filesystem: vec!["tmpfs".into(), "overlayfs".into()],
            ..Options::new(&folder)
        });
        let store = store.await.unwrap();
        let drain = Token::new();
        let observer = Observer::new(
            store.clone(),
            Telemetry::default(),
            Clock::system(),
            drain.clone(),
        );
        Self {
            observer,
            store,
            drain,
            folder,
        }
    }

    async fn ask(&self, path: &str, from: &str) -> Response {
        let from: IpAddr = from.parse().unwrap();
        let peer = Peer::detached((from, 40_000).into(), "127.0.0.1:80".parse().unwrap());
        let request = Request {
            method: Method::Get,
            path,
            peer: &peer,
        };
        self.observer.answer(request).await
    }

    async fn close(self) {
        self.store.close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_alone() {
    let house = House::open("metrics", 0).await;
    for near in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(
            house.ask("/metrics", near).await.status,
            HttpStatus::Ok,
            "{near}"
        );
    }
    for far in ["192.0.2.1", "10.0.0.1", "fe80::1", "::ffff:192.0.2.1"] {
        let answer = house.ask("/metrics", far).await;
        assert_eq!(answer.status, HttpStatus::Forbidden, "{far}");
        assert!(!answer.body.contains("postroom_"), "{}", answer.body);
        assert_eq!(house.ask("/readyz", far).await.status, HttpStatus::Ok);
    }
    assert_eq!(
        house.ask("/metrics/", "::1").await.status,
        HttpStatus::NotFound
    );
    let page = house.ask("/metrics", "::1").await.body;
    let forbidden = "postroom_http_requests_total{page=\"metrics\",status=\"403\"} 4\n";
    assert!(page.contains(forbidden), "{page}");
    house.close().await;
}

#[tokio::test]
async fn who_ends_or_has_no_room_is_not_ready() {
    let house = House::open("ready", 0).await;
    assert_eq!(house.ask("/readyz", "::1").await.status, HttpStatus::Ok);
    house.drain.cancel();
    let answer = house.ask("/readyz", "::1").await;
    assert_eq!(answer.status, HttpStatus::Unavailable);
    assert!(answer.body.starts_with("draining"), "{}", answer.body);
    assert_eq!(house.ask("/healthz", "::1").await.status, HttpStatus::Ok);
    house.close().await;

    let house = House::open("full", u64::MAX).await;
    assert_eq!(
        house.ask("/readyz", "::1").await.status,
        HttpStatus::Unavailable
    );
    house.store.close().await;
    let answer = house.ask("/readyz", "::1").await;
    assert_eq!(answer.body, "closing\n");
    house.close().await;
}
