//! The menu of the house.
fn main() {}
