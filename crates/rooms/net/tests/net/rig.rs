//! A listener of parrots, as a test needs it.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::Duration;

use postroom_net::{Closer, Ground, Limits, Listener, Peer, Refusal, Security, Service, tls};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::telemetry::{Role, Telemetry};
use postroom_runtime::watched::Watched;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};

use crate::parrot::{Keeper, Parrot, Perch};

/// Nothing here takes this long; a wait that does has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Threads of a rig.
const WORKERS: usize = 2;

/// Limits under which nothing ends early.
pub(crate) fn ample() -> Limits {
    Limits {
        drain_grace: LONG,
        ..Limits::default()
    }
}

/// How the listener speaks TLS.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Clear,
    StartTls,
    Implicit(&'static [&'static str]),
}

pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) perch: Arc<Perch>,
    pub(crate) ground: Arc<Ground>,
    /// What new sessions stand on.
    pub(crate) grounds: Watched<Ground>,
    pub(crate) closer: Closer,
    pub(crate) drain: Token,
    waiting: Receiver<()>,
    ended: Receiver<()>,
    group: TaskGroup,
    runtime: Option<Runtime>,
}

impl Rig {
    pub(crate) fn start(mode: Mode, limits: Limits) -> Self {
        Self::with(mode, limits, LONG, |_| true)
    }

    pub(crate) fn with(
        mode: Mode,
        limits: Limits,
        patience: Duration,
        exempt: fn(IpAddr) -> bool,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .unwrap();
        let clock = Clock::system();
        let (waiting_in, waiting) = mpsc::sync_channel(64);
        let (ended_in, ended) = mpsc::channel();
        let perch = Arc::new(Perch {
            waiting: waiting_in,
            gate: Semaphore::new(0),
            mail: Notify::new(),
            ended: Mutex::new(ended_in),
            patience,
        });
        let grounds = Watched::new(Ground::new(
            clock.clone(),
            Telemetry::default(),
            limits,
            Box::new(exempt),
            Box::new(|peer| peer.to_string().into()),
        ));
        let drain = Token::new();
        let group = TaskGroup::default();
        let (address, closer) = runtime.block_on(async {
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let (address, closer) = (listener.address(), listener.closer());
            let open = opening(&perch, &clock);
            let grounds = grounds.clone();
            group.spawn(listener.serve(grounds, service(mode), drain.clone(), open));
            (address, closer)
        });
        Self {
            address,
            perch,
            ground: grounds.get(),
            grounds,
            closer,
            drain,
            waiting,
            ended,
            group,
            runtime: Some(runtime),
        }
    }

    /// Serves one more listener, in clear text.
    pub(crate) fn serve_also(&self, bind: impl FnOnce() -> Listener) {
        let _context = self.runtime.as_ref().unwrap().enter();
        let open = opening(&self.perch, &Clock::system());
        let (ground, drain) = (self.grounds.clone(), self.drain.clone());
        let service = service(Mode::Clear);
        self.group.spawn(bind().serve(ground, service, drain, open));
    }

    /// Does `act` while no task of the rig runs.
    pub(crate) fn held_back<T>(&self, act: impl FnOnce() -> T) -> T {
        let barrier = Arc::new(Barrier::new(WORKERS + 1));
        let _context = self.runtime.as_ref().unwrap().enter();
        for _ in 0..WORKERS {
            let barrier = Arc::clone(&barrier);
            self.group.spawn(async move {
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let done = act();
        barrier.wait();
        done
    }

    /// Waits until a question stands at the gate.
    pub(crate) fn wait_for_question(&self) {
        self.waiting.recv_timeout(LONG).unwrap();
    }

    /// Waits until a session is over.
    pub(crate) fn wait_for_end(&self) {
        self.ended.recv_timeout(LONG).unwrap();
    }

    /// Whether no session has ended that was not waited for.
    pub(crate) fn none_ended(&self) -> bool {
        self.ended.try_recv().is_err()
    }

    /// Takes the port from the listener.
    pub(crate) fn close(&self) {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(async {
            tokio::time::timeout(LONG, self.closer.close())
                .await
                .unwrap();
        });
    }

    /// Waits until the listener and all its sessions are over, after a drain.
    pub(crate) fn wait_for_all(&self) {
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(async {
            tokio::time::timeout(LONG, self.group.wait()).await.unwrap();
        });
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn opening(
    perch: &Arc<Perch>,
    clock: &Clock,
) -> impl Fn(Peer) -> (Parrot, Keeper) + Send + Sync + 'static {
    let (seat, clock) = (Arc::clone(perch), clock.clone());
    move |peer| {
        let keeper = Keeper {
            perch: Arc::clone(&seat),
            peer,
            body: 0,
        };
        (Parrot::new(&seat, clock.now()), keeper)
    }
}

fn service(mode: Mode) -> Service {
    Service {
        role: Role::Smtp,
        security: match mode {
            Mode::Clear => Security::Clear,
            Mode::StartTls => Security::StartTls(tls::server(certificate(), &[]).unwrap()),
            Mode::Implicit(names) => Security::Implicit(tls::server(certificate(), names).unwrap()),
        },
        refusal: Refusal {
            full: (*b"full\r\n").into(),
            broken: (*b"broken\r\n").into(),
        },
    }
}

#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn certificate() -> Arc<dyn ResolvesServerCert> {
    Arc::new(One(Arc::clone(certified())))
}

/// The certificate of all rigs, which clients are to trust.
pub(crate) fn trusted() -> CertificateDer<'static> {
    certified().cert[0].clone()
}

fn certified() -> &'static Arc<CertifiedKey> {
    static CERTIFIED: OnceLock<Arc<CertifiedKey>> = OnceLock::new();
    CERTIFIED.get_or_init(|| {
        let pem = identity().as_bytes();
        let chain = vec![CertificateDer::from_pem_slice(pem).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
        let provider = aws_lc_rs::default_provider();
        Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap())
    })
}

/// Where a rig in another process finds the identity of its parent.
pub(crate) const IDENTITY: &str = "POSTROOM_NET_TEST_IDENTITY";

/// Certificate and key of all rigs, in PEM.
pub(crate) fn identity() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| {
        std::env::var(IDENTITY).unwrap_or_else(|_| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.self_signed(&key).unwrap().pem() + &key.serialize_pem()
        })
    })
}
