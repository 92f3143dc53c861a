//! What attempts at next hops come to, kept in a real store.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod reports;
