//! The driver and its listeners over real sockets on loopback, with a protocol small enough to
//! see through.

#[cfg(test)]
mod child;
#[cfg(test)]
mod client;
#[cfg(test)]
mod exhaustion;
#[cfg(test)]
mod http;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod outward;
#[cfg(test)]
mod parrot;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod tls;
