//! Tests of the store through its handle.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod record;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tending;
