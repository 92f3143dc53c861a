//! MAIL and RCPT.

use postroom_delivery::expand::{Expansion, Target};
use postroom_delivery::facts::Facts;
use postroom_mail::address::{Address, ForwardPath, NonAscii};
use postroom_mail::envelope::Recipient;
use postroom_mail::reply::{self, Reply};
use postroom_runtime::telemetry::{RecipientVerdict, TransactionOutcome};
use postroom_smtp::server::{RecipientWish, SenderWish};

use super::story::Refusal;
use super::{RefusedRecipient, Session, Transaction};
use crate::reserve::Reservation;
use crate::stages::{Candidate, Case, Moment};

impl Session {
    pub(super) async fn sender(&mut self, wish: SenderWish) -> Reply {
        let started = self.inner().parts.clock.now();
        self.abandon(TransactionOutcome::Abandoned);
        if !self.inner().parts.store.is_accepting() {
            return self.refuse_sender("store", reply::STORE_FULL);
        }
        let case = Case {
            sender: Some(&wish),
            ..self.case()
        };
        if let Some((stage, reply)) = self.judge(Moment::Sender, &case).await.refusal {
            return self.refuse_sender(stage, reply);
        }
        self.transaction = Some(Transaction {
            arrival: self.inner().parts.store.new_arrival(),
            sender: wish,
            recipients: Vec::new(),
            refused: None,
            facts: Facts::default(),
            reservations: Vec::new(),
            gather: None,
            started,
            message_id: None,
        });
        reply::SENDER_NOTED
    }

    fn refuse_sender(&self, stage: &'static str, reply: Reply) -> Reply {
        let refusal = Refusal {
            what: "sender",
            stage,
            recipient: None,
            reply: &reply,
        };
        self.tell_refusal(&refusal, None);
        reply
    }

    /// One reply for each; those with a 2xx are kept.
    pub(super) async fn recipients(&mut self, wishes: Vec<RecipientWish>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let reply = self.recipient(wish).await;
            let verdict = match reply.code {
                200..=299 => RecipientVerdict::Accepted,
                400..=499 => RecipientVerdict::Deferred,
                _ => RecipientVerdict::Refused,
            };
            let recipients = &self.inner().parts.telemetry.intake.recipients;
            recipients.at(self.peer.role).at(verdict).increment();
            replies.push(reply);
        }
        replies
    }

    async fn recipient(&mut self, wish: RecipientWish) -> Reply {
        let Some(address) = self.complete(wish.forward_path) else {
            return reply::NO_SUCH_ADDRESS;
        };
        let Some(mut transaction) = self.transaction.take() else {
            return reply::MAIL_FIRST;
        };
        let verdict = self.judge_recipient(&address, &mut transaction).await;
        self.transaction = Some(transaction);
        match verdict {
            Ok(reservations) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.reservations.extend(reservations);
                    transaction.recipients.push(Recipient {
                        address,
                        notify: wish.notify,
                        orcpt: wish.orcpt,
                    });
                }
                reply::RECIPIENT_NOTED
            }
            Err((stage, reply)) => {
                let refusal = Refusal {
                    what: "recipient",
                    stage,
                    recipient: Some(&address),
                    reply: &reply,
                };
                self.tell_refusal(&refusal, self.transaction.as_ref());
                if let Some(transaction) = &mut self.transaction {
                    let refused = RefusedRecipient { address, stage };
                    transaction.refused.get_or_insert(refused);
                }
                reply
            }
        }
    }

    async fn judge_recipient(
        &self,
        address: &Address,
        transaction: &mut Transaction,
    ) -> Result<Vec<Reservation>, (&'static str, Reply)> {
        let delivery = &self.inner().parts.delivery;
        let expansion = delivery.expand(address, &mut transaction.facts).await;
        let case = Case {
            sender: Some(&transaction.sender),
            recipient: Some(Candidate {
                expansion: &expansion,
            }),
            ..self.case()
        };
        if let Some(refusal) = self.judge(Moment::Recipient, &case).await.refusal {
            return Err(refusal);
        }
        match expansion {
            Ok(expansion) => self.reserve(&expansion, transaction).await,
            Err(error) => Err(("recipient-exists", error.reply())),
        }
    }

    /// Promises room to a recipient whose mailbox has a quota; an alias of several is refused only
    /// when none of them has room.
    async fn reserve(
        &self,
        expansion: &Expansion,
        transaction: &Transaction,
    ) -> Result<Vec<Reservation>, (&'static str, Reply)> {
        let mut reservations = Vec::new();
        let (mut has_room, mut may_have_room) = (!expansion.remotes.is_empty(), false);
        for target in &expansion.targets {
            match self.reserve_one(target, transaction).await? {
                Room::Boundless => has_room = true,
                Room::Promised(reservation) => {
                    has_room = true;
                    reservations.push(reservation);
                }
                Room::Later => may_have_room = true,
                Room::Never => {}
            }
        }
        match (has_room, may_have_room) {
            (true, _) => Ok(reservations),
            (false, true) => Err(("quota", reply::OVER_QUOTA)),
            (false, false) => Err(("quota", reply::ABOVE_QUOTA)),
        }
    }

    async fn reserve_one(
        &self,
        target: &Target,
        transaction: &Transaction,
    ) -> Result<Room, (&'static str, Reply)> {
        let Some(quota) = target.quota else {
            return Ok(Room::Boundless);
        };
        let announced = transaction.sender.size_octets;
        if announced.is_some_and(|octets| octets > quota) {
            return Ok(Room::Never);
        }
        let octets = announced.unwrap_or(self.inner().limits.reserve_octets);
        let used = match self.inner().parts.store.account(target.account).await {
            Ok(Some(account)) => account.used,
            // Gone since it was looked up: the plan will say so.
            Ok(None) => return Ok(Room::Boundless),
            Err(_) => return Err(("quota", reply::TRY_LATER)),
        };
        let reservations = &self.inner().reservations;
        let promise = reservations.take(target.account, octets, used, quota);
        Ok(promise.map_or(Room::Later, Room::Promised))
    }

    /// `<Postmaster>` is the postmaster of this server (RFC 5321 §4.5.1).
    fn complete(&self, path: ForwardPath) -> Option<Address> {
        match path {
            ForwardPath::Address(address) => Some(address),
            ForwardPath::Postmaster => {
                let named = self.inner().parts.delivery.limits().postmaster.clone();
                named.or_else(|| {
                    let text = format!("postmaster@{}", self.inner().limits.hostname);
                    Address::parse(&text, NonAscii::Refused).ok()
                })
            }
        }
    }
}

/// What a mailbox has for a message that is still to come.
enum Room {
    Boundless,
    Promised(Reservation),
    /// Not now: what the mailbox holds must shrink first.
    Later,
    /// The message alone is above the quota.
    Never,
}
