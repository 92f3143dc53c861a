//! Health and metrics: the pages behind the `http` role.

use std::fs;

use postroom_net::http::{Method, Request, Response, Site};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::telemetry::{CONTENT_TYPE, EntryState, HttpPage, HttpStatus, Telemetry};
use postroom_store::error::Stopped;
use postroom_store::store::Store;

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers for the house. Clones look at the same one.
#[derive(Clone)]
pub struct Observer {
    store: Store,
    telemetry: Telemetry,
    clock: Clock,
    drain: Token,
}

impl Observer {
    /// Looks at a house that ends when `drain` is asked for.
    pub fn new(store: Store, telemetry: Telemetry, clock: Clock, drain: Token) -> Self {
        let started = clock.wall().unix_seconds();
        telemetry.process.start.set(started);
        Self {
            store,
            telemetry,
            clock,
            drain,
        }
    }

    /// Why no mail is taken now, in one line.
    fn trouble(&self) -> Option<&'static str> {
        if self.drain.is_cancelled() {
            return Some("draining: the server ends");
        }
        let standing = self.store.standing();
        match standing.stopped {
            Some(Stopped::Log) => Some("the log failed: mend the disk and start the server again"),
            Some(Stopped::Database) => {
                Some("the database fails: no change is taken until it works")
            }
            Some(Stopped::Closing) => Some("closing"),
            None if standing.is_accepting() => None,
            None => Some("the disk is full up to store.reserve: free some space"),
        }
    }

    /// Looks at what is not counted as it happens, and writes the page.
    async fn metrics(&self) -> String {
        let metrics = &self.telemetry;
        let standing = self.store.standing();
        metrics.store.free_octets.set(standing.free_octets);
        metrics.store.reserve_octets.set(standing.reserve_octets);
        let is_stopped = standing.stopped.is_some();
        metrics.store.is_stopped.set(is_stopped.into());
        // A store that is too busy to count leaves the counts of the last look.
        if let Ok(counts) = self.store.queue_counts(self.clock.wall()).await {
            let entries = &metrics.queue.entries;
            entries.at(EntryState::Due).set(counts.due);
            entries.at(EntryState::Waiting).set(counts.waiting);
            entries.at(EntryState::Held).set(counts.held);
        }
        if let Some(octets) = resident() {
            metrics.process.resident_octets.set(octets);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // The folder being read is one of them.
            let open = files.count().saturating_sub(1);
            metrics.process.open_files.set(open as u64);
        }
        metrics.render()
    }

    async fn page(&self, page: HttpPage, request: &Request<'_>) -> Response {
        let plain = |status, body: &str| Response {
            status,
            content_type: TEXT,
            body: format!("{body}\n"),
        };
        if request.method == Method::Other {
            return plain(HttpStatus::MethodNotAllowed, "GET and HEAD only");
        }
        match page {
            HttpPage::Health => plain(HttpStatus::Ok, "ok"),
            HttpPage::Ready => match self.trouble() {
                None => plain(HttpStatus::Ok, "ready"),
                Some(trouble) => plain(HttpStatus::Unavailable, trouble),
            },
            HttpPage::Metrics if !request.peer.address.ip().to_canonical().is_loopback() => {
                plain(HttpStatus::Forbidden, "from this machine only")
            }
            HttpPage::Metrics => Response {
                status: HttpStatus::Ok,
                content_type: CONTENT_TYPE,
                body: self.metrics().await,
            },
            HttpPage::Other => plain(HttpStatus::NotFound, "nothing here"),
        }
    }
}

impl Site for Observer {
    async fn answer(&self, request: Request<'_>) -> Response {
        let page = match request.path {
            "/healthz" => HttpPage::Health,
            "/readyz" => HttpPage::Ready,
            "/metrics" => HttpPage::Metrics,
            _ => HttpPage::Other,
        };
        let response = self.page(page, &request).await;
        let requests = self.telemetry.http.requests.at(page);
        requests.at(response.status).increment();
        response
    }
}

/// Octets of memory in use (proc_pid_status(5), `VmRSS`).
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
