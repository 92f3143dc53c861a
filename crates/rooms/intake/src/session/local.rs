//! Users of this machine, who are known by their user id.

use postroom_mail::address::{Address, NonAscii};
use postroom_mail::reply;
use postroom_runtime::user;
use postroom_smtp::server::{Answer, Standing};

use super::Session;
use crate::stages::{LocalUser, Login, Who};

impl Session {
    /// Welcomes a user of this machine as one who is signed in.
    pub(super) async fn welcome_local(&mut self, uid: u32) -> Answer {
        let limits = &self.inner().limits;
        let is_trusted = uid == 0 || Some(uid) == limits.trusted_user;
        let named = self.inner().parts.heavy.run(move || user::name(uid)).await;
        let Ok(name) = named else {
            return Answer::Verdict(reply::TRY_LATER);
        };
        let address = format!("{name}@{}", limits.hostname);
        let Ok(address) = Address::parse(&address, NonAscii::Refused) else {
            return Answer::Verdict(reply::TRY_LATER);
        };
        let shown = self.inner().parts.privacy.address(&address);
        self.peer.note_account(&shown);
        self.login = Some(Login {
            who: Who::Local(LocalUser {
                uid,
                address,
                is_trusted,
            }),
            name: shown,
        });
        Answer::Welcome(Standing::Trusted)
    }
}
