//! Blocking work on a bounded number of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// Threads for work that blocks: hashing, reading files, querying the database.
///
/// At most `waiting_max` pieces of work wait; the next is refused, so that callers shed load
/// rather than hoard it. Dropping the last clone ends the threads after the work they have.
#[derive(Clone, Debug)]
pub struct BlockingPool {
    sender: mpsc::SyncSender<Work>,
}

/// Blocking work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As much work waits as may.
    #[error("too much work is waiting")]
    Full,
    /// The work panicked, or the pool ended before it began.
    #[error("the work was cut off")]
    Lost,
}

impl BlockingPool {
    /// Starts `threads` threads named `name`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(name: &str, threads: usize, waiting_max: usize) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel::<Work>(waiting_max);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work_off(&receiver))?;
        }
        Ok(Self { sender })
    }

    /// Does `work` on a thread of the pool.
    ///
    /// If the returned future is dropped the work is still done.
    pub async fn run<T, F>(&self, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Work = Box::new(move || {
            let _ = answer.send(work());
        });
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::TrySendError::Full(_) => PoolError::Full,
            mpsc::TrySendError::Disconnected(_) => PoolError::Lost,
        })?;
        result.await.map_err(|_| PoolError::Lost)
    }
}

fn work_off(receiver: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(work) = next else { return };
        // A panic ends that piece of work alone: its caller sees `Lost`.
        let _ = catch_unwind(AssertUnwindSafe(work));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_and_a_panic_costs_only_itself() {
        let pool = BlockingPool::start("test", 1, 4).unwrap();
        let lost = pool.run(|| -> u8 { panic!("on purpose") }).await;
        assert_eq!(lost, Err(PoolError::Lost));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }
}
