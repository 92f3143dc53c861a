//! Runtimes: one thread for a command, several for a server.

use tokio::runtime::{Builder, Runtime};

use crate::report::Failure;

/// Threads of a server that wait on sockets.
const WORKERS_MIN: usize = 2;

/// The runtime of one command.
pub(crate) fn of_a_command() -> Result<Runtime, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("no runtime", &error))
}

/// The runtime of a server.
pub(crate) fn of_a_server() -> Result<Runtime, Failure> {
    let workers = std::thread::available_parallelism()
        .map_or(WORKERS_MIN, usize::from)
        .max(WORKERS_MIN);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Failure::because("the runtime does not start", &error))
}
