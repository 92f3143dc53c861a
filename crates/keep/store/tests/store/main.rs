//! Tests of the store through its handle.

mod conformance;
mod crash;
mod damage;
mod failure;
mod fixture;
mod plans;
mod record;
