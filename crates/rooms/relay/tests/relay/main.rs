//! Relay over a real store, names of the test's own, and remotes of every temper.

#[cfg(test)]
mod content;
#[cfg(test)]
mod destination;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod loops;
#[cfg(test)]
mod outcome;
