//! How a session with a next hop comes about.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use postroom_net::Ground;
use postroom_net::connect::{Destination, Leash, Over, connect};
use postroom_runtime::watched::Watched;
use postroom_smtp::client::Client;

use crate::session::Session;

/// A session on its way to its end.
pub type Dialled<'d> = Pin<Box<dyn Future<Output = Over<Client, Session>> + Send + 'd>>;

/// Whoever connects to next hops: the net, or a network that a test makes up.
pub trait Dial: Debug + Send + Sync {
    /// As [`connect`] does.
    fn dial(
        &self,
        destination: Destination,
        leash: Leash,
        machine: Client,
        host: Session,
    ) -> Dialled<'_>;
}

/// The net, for sessions that stand on this ground as it is when they begin.
#[derive(Debug)]
pub struct Net(pub Watched<Ground>);

impl Dial for Net {
    fn dial(
        &self,
        destination: Destination,
        leash: Leash,
        machine: Client,
        host: Session,
    ) -> Dialled<'_> {
        Box::pin(async move {
            let ground = self.0.get();
            connect(&ground, destination, leash, machine, host).await
        })
    }
}
