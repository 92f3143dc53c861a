//! postroom.
fn main() {}
