//! Groups of tasks: every task has a parent that awaits it and one token that asks it to end.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Asks tasks to end; a child ends with its parent.
pub type Token = CancellationToken;

/// Asks a token's tasks to end when it is dropped.
pub type Guard = tokio_util::sync::DropGuard;

/// Tasks that end before their parent does.
#[derive(Clone, Debug, Default)]
pub struct TaskGroup {
    tracker: TaskTracker,
    token: Token,
}

impl TaskGroup {
    /// A group that ends when `parent` does.
    pub fn child_of(parent: &Token) -> Self {
        Self {
            tracker: TaskTracker::new(),
            token: parent.child_token(),
        }
    }

    /// Asks the tasks of this group to end.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Runs a task in this group.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Tasks that have not ended.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether all tasks have ended.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Waits until every task has ended. Cancel safe.
    pub async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
