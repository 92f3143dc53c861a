//! A scripted remote MTA on loopback, which behaves as its [`Personality`] says and remembers
//! every octet.
//!
//! ```no_run
//! use postroom_testkit::remote::{Deed, Moment, Personality, Remote};
//!
//! let remote = Remote::start(
//!     Personality::default().does(Moment::Recipient("bob@"), Deed::Say("550 5.1.1 Nobody")),
//! );
//! // … something sends mail to remote.address() …
//! assert_eq!(remote.wait_for_messages(1)[0].recipients, ["anna@example.org"]);
//! ```

mod personality;
mod record;
mod session;
mod tls;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use personality::{Deed, Moment, Personality, StartTls};
pub use record::{Message, SessionRecord};
use session::Session;
use tls::Identity;

/// Nothing here takes this long; a wait that does has failed.
const LONG: Duration = Duration::from_secs(30);

/// A listening MTA. Its sessions are cut when it is dropped.
pub struct Remote {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What the sessions of a remote share.
struct Shared {
    identity: Identity,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    personality: Personality,
    sessions: Vec<SessionRecord>,
    messages: Vec<Message>,
    /// The connections of the sessions that are open, by the number of the session.
    streams: Vec<Option<TcpStream>>,
    open: usize,
    is_stopping: bool,
}

impl Remote {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When the system has no port or no randomness for a certificate.
    pub fn start(personality: Personality) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(loopback, personality).expect("a free port on loopback")
    }

    /// Listens on `address`.
    ///
    /// # Errors
    /// When the port is taken or the address is not this machine's.
    pub fn start_at(address: SocketAddr, personality: Personality) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            identity: Identity::new(&personality.name),
            state: Mutex::new(State {
                personality,
                sessions: Vec::new(),
                messages: Vec::new(),
                streams: Vec::new(),
                open: 0,
                is_stopping: false,
            }),
            changed: Condvar::new(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared))
        };
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate in PEM, signed by itself for the personality's name.
    pub fn certificate(&self) -> &str {
        self.shared.identity.pem()
    }

    /// Behaves otherwise from the next session on.
    pub fn become_another(&self, personality: Personality) {
        self.shared.lock().personality = personality;
    }

    /// The messages whose end was reached, in the order of their ends, whatever was said to them.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.lock().messages.clone()
    }

    /// The messages that were accepted, so far as the remote knows.
    pub fn accepted(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(Message::is_accepted);
        messages
    }

    /// Every session so far, in the order of connections.
    pub fn sessions(&self) -> Vec<SessionRecord> {
        self.shared.lock().sessions.clone()
    }

    /// The command lines of all sessions.
    pub fn commands(&self) -> Vec<String> {
        let sessions = self.sessions();
        sessions
            .into_iter()
            .flat_map(|session| session.commands)
            .collect()
    }

    /// Waits until `count` messages have come, and returns them.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for_messages(&self, count: usize) -> Vec<Message> {
        let state = self
            .shared
            .wait_until(|state| state.messages.len() >= count);
        state.messages.clone()
    }

    /// Waits until `count` sessions have begun and none is open, and returns them.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for_sessions(&self, count: usize) -> Vec<SessionRecord> {
        let is_done = |state: &State| state.sessions.len() >= count && state.open == 0;
        self.shared.wait_until(is_done).sessions.clone()
    }

    /// That every line that came ends in CRLF, with no other CR, no other LF and no NUL.
    ///
    /// # Panics
    /// When it is not so.
    pub fn assert_no_stray_octets(&self) {
        for session in self.sessions() {
            let stray = session.stray();
            assert!(
                stray.is_none(),
                "a stray octet: {}",
                stray.unwrap_or_default()
            );
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is remembered, and wakes whoever waits for it.
    fn note<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    fn wait_for_stop(&self) {
        let is_running = |state: &mut State| !state.is_stopping;
        drop(self.changed.wait_while(self.lock(), is_running));
    }

    fn wait_until(&self, is_done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let (state, waited) = self
            .changed
            .wait_timeout_while(self.lock(), LONG, |state| !is_done(state))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !waited.timed_out(),
            "what the remote was to see did not come"
        );
        state
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.shared.note(|state| {
            state.is_stopping = true;
            for stream in state.streams.iter().flatten() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut running = Vec::new();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let begun = shared.note(|state| {
            if state.is_stopping {
                return None;
            }
            state.streams.push(Some(stream.try_clone().ok()?));
            state.sessions.push(SessionRecord::default());
            state.open += 1;
            Some((state.sessions.len() - 1, state.personality.clone()))
        });
        let Some((number, personality)) = begun else {
            break;
        };
        let shared = Arc::clone(shared);
        running.push(std::thread::spawn(move || {
            let mut session = Session::new(number, &shared, personality, stream);
            session.run();
            drop(session);
            shared.note(|state| {
                // Closed with the last handle.
                state.streams[number] = None;
                state.open -= 1;
            });
        }));
    }
    for session in running {
        let _ = session.join();
    }
}
