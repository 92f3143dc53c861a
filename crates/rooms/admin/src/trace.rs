//! What became of a message.

mod story;

use postroom_mail::address::{Address, NonAscii};
use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use postroom_store::journal::{Mention, Sought};
use serde_json::Value;

use crate::answer::{Failure, Story};
use crate::handler::{Admin, told};
use crate::request::Trace;

/// Stories that one request gets at most.
pub const STORIES_MAX: usize = 1_000;

/// Rows of the queue that are looked at for one message.
const WAITING_MAX: usize = 1_000;

impl Admin {
    /// The stories that are asked for, newest first.
    pub(crate) async fn trace(&self, wanted: &Trace) -> Result<Value, Failure> {
        let of = wanted.of.trim();
        if let Ok(arrival) = of.parse::<ArrivalId>() {
            let found = self.story_of(arrival).await?;
            return told(&[found.ok_or_else(|| unknown(of))?]);
        }
        let sought = Sought {
            names: self.names(of)?,
            is_login: wanted.logins,
            since: wanted
                .since
                .map_or(Timestamp(0), Timestamp::from_unix_seconds),
            limit: (wanted.limit as usize).clamp(1, STORIES_MAX),
        };
        let mut stories = Vec::new();
        for mention in self.store.find_in_journal(sought).await? {
            stories.extend(self.story(mention, wanted.logins).await?);
        }
        if stories.is_empty() {
            return Err(unknown(of));
        }
        told(&stories)
    }

    /// The ways in which the journal may name what an operator wrote.
    fn names(&self, of: &str) -> Result<Vec<Box<str>>, Failure> {
        let inner = of.strip_prefix('<').and_then(|of| of.strip_suffix('>'));
        if inner.is_none() && !of.contains('@') {
            let what = format!("{of:?} is no queue id, no Message-ID and no address");
            return Err(Failure::new(
                what,
                "a queue id has 13 letters and digits; write a Message-ID with its < and >",
            ));
        }
        let bare = inner.unwrap_or(of);
        let mut names: Vec<Box<str>> = vec![bare.into(), format!("<{bare}>").into()];
        if let Ok(address) = Address::parse(bare, NonAscii::Allowed) {
            names.push(self.privacy.address(&address));
            names.push(self.privacy.name(&address.lookup_key()));
        }
        Ok(names)
    }

    async fn story(&self, mention: Mention, is_login: bool) -> Result<Option<Story>, Failure> {
        if let Some(arrival) = mention.arrival {
            return self.story_of(arrival).await;
        }
        let mut lines = self.store.journal_of_session(mention.session).await?;
        if is_login {
            lines.retain(|line| matches!(&*line.what, "connect" | "login"));
        }
        Ok((!lines.is_empty()).then(|| story::of_session(&lines)))
    }

    async fn story_of(&self, arrival: ArrivalId) -> Result<Option<Story>, Failure> {
        let lines = self.store.journal_of(arrival).await?;
        let session = lines.iter().map(|line| line.session).find(|one| *one != 0);
        let before = match session {
            Some(session) => self.store.journal_of_session(session).await?,
            None => Vec::new(),
        };
        let waiting = self.store.queue_rows_of(arrival, WAITING_MAX).await?;
        if lines.is_empty() && waiting.is_empty() {
            return Ok(None);
        }
        Ok(Some(story::of_message(
            arrival,
            &before,
            &lines,
            !waiting.is_empty(),
        )))
    }
}

fn unknown(of: &str) -> Failure {
    Failure::new(
        format!("the journal says nothing of {of}"),
        "it is kept as long as journal.keep and journal.max_bytes say; what was said before \
         MAIL and RCPT names nobody",
    )
}
