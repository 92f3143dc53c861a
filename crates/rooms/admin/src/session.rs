//! Who is connected.

use std::sync::Arc;

use postroom_net::{Ground, OpenSession};
use postroom_runtime::watched::Watched;
use serde_json::Value;

use crate::answer::{self, Failure};
use crate::handler::{Admin, told};

impl Admin {
    pub(crate) fn session_list(&self) -> Result<Value, Failure> {
        let ground = self.ground()?;
        let now = self.clock.wall().unix_seconds();
        let rows = ground.open_sessions().into_iter();
        told(&rows.map(|open| row(open, &ground, now)).collect::<Vec<_>>())
    }

    pub(crate) fn session_end(&self, id: &str) -> Result<Value, Failure> {
        let number = u64::from_str_radix(id, 16).map_err(|_| {
            Failure::new(
                format!("{id:?} is no session"),
                "write it as `postroom sessions list` does",
            )
        })?;
        if self.ground()?.end_session(number) {
            return Ok(Value::Null);
        }
        Err(Failure::new(
            format!("there is no session {id}"),
            "it may have ended; see: postroom sessions list",
        ))
    }

    fn ground(&self) -> Result<Arc<Ground>, Failure> {
        self.ground.as_ref().map(Watched::get).ok_or_else(|| {
            Failure::new(
                "no server runs on this data directory",
                "start it: postroom serve",
            )
        })
    }
}

fn row(open: OpenSession, ground: &Ground, now: u64) -> answer::Session {
    let since = open.since.unix_seconds();
    answer::Session {
        id: format!("{:016x}", open.id),
        role: open.role.as_str().to_owned(),
        peer: match open.user {
            Some(user) => format!("uid {user}"),
            None => ground.show_peer(open.address.ip().to_canonical()).into(),
        },
        account: open.account.map(Into::into),
        since,
        seconds: now.saturating_sub(since),
        command: open.command.to_owned(),
        octets_in: open.octets_in,
        octets_out: open.octets_out,
        tls: open.tls.map(str::to_owned),
    }
}
