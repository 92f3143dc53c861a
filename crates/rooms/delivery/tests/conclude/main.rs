//! What attempts at next hops come to, kept in a real store.

mod fixture;
mod outcomes;
mod reports;
