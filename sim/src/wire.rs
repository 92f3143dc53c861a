//! A machine with its host, and a wire that carries octets in pieces.

use std::sync::Arc;

use postroom_net::{Driven, Host as RoomHost};
use postroom_wire::transcript::Host;
use tokio::runtime::Runtime;

/// A room's host whose answers are waited for.
pub(crate) struct Hosted<M, H> {
    runtime: Arc<Runtime>,
    host: H,
    machine: std::marker::PhantomData<M>,
}

impl<M: Driven, H: RoomHost<M>> Hosted<M, H> {
    pub(crate) fn new(runtime: &Arc<Runtime>, host: H) -> Self {
        Self {
            runtime: Arc::clone(runtime),
            host,
            machine: std::marker::PhantomData,
        }
    }

    /// The session is over.
    pub(crate) fn closed(&mut self) {
        self.runtime.block_on(self.host.closed());
    }
}

impl<M: Driven, H: RoomHost<M>> Host for Hosted<M, H> {
    type Machine = M;

    fn answer(&mut self, question: M::Question) -> Option<M::Answer> {
        Some(self.runtime.block_on(self.host.answer(question)))
    }

    fn body(&mut self, octets: &[u8]) {
        self.runtime.block_on(self.host.body(octets));
    }

    fn stream(&mut self, mut source: M::Source, out: &mut Vec<u8>) {
        let read = async {
            while self
                .host
                .read(&mut source, out)
                .await
                .expect("what was promised can be read")
            {}
        };
        self.runtime.block_on(read);
    }
}
