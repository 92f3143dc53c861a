//! Several sessions of one account do what they like; each believes only what it is told.
//!
//! Every answer is held to what RFC 9051 §7.4, §7.5.1 and RFC 7162 promise, and after a NOOP each
//! client knows what the store holds. Whoever comes back with QRESYNC from any moment that any
//! client remembers is level with the store. A failure names its seed: `POSTROOM_SEED=17 cargo
//! test -p postroom-retrieval --test model` plays it alone; `POSTROOM_SEEDS=5000` plays more of them.

#[path = "support/believer.rs"]
mod believer;
#[path = "support/house.rs"]
mod house;
#[path = "support/world.rs"]
mod world;

use house::House;
use world::World;

/// Seeds of one run.
const SEEDS: u64 = 300;

/// Commands of one seed.
const STEPS: u32 = 60;

#[test]
fn what_clients_believe_is_what_the_store_holds() {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let seeds = match number("POSTROOM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("POSTROOM_SEEDS").unwrap_or(SEEDS),
    };
    let house = House::still();
    for seed in seeds {
        World::new(&house, seed).play(STEPS);
    }
}
