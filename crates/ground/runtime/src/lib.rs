//! Clock, randomness, task groups, the blocking pool, disks and secrets.
