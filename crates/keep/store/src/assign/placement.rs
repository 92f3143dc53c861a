//! Delivering, flagging, expunging, copying and moving.

use postroom_mail::flag::{FlagChange, Flags, KEYWORDS_MAX, Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid};
use postroom_mail::uid_set::UidSet;

use super::Draft;
use crate::counters::PlacementState;
use crate::error::Refused;
use crate::log::change::{Change, Copied, Delivered, Flagged, KeywordPair};
use crate::operation::{Delivery, QuotaRule, STORABLE};
use crate::outcome::Done;

/// What [`crate::operation::Operation::StoreFlags`] asks for.
pub(super) struct FlagWish<'p> {
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) uids: &'p UidSet,
    pub(super) change: FlagChange,
    pub(super) flags: &'p Flags,
    pub(super) unchanged_since: Option<ModSeq>,
}

/// What [`crate::operation::Operation::Copy`] asks for.
pub(super) struct CopyWish<'p> {
    pub(super) account: AccountId,
    pub(super) from: MailboxId,
    pub(super) uids: &'p UidSet,
    pub(super) to: MailboxId,
    pub(super) is_move: bool,
}

impl Draft {
    pub(super) fn deliver(&mut self, delivery: &Delivery) -> Result<Done, Refused> {
        let Delivery {
            account, mailbox, ..
        } = *delivery;
        let octets = u32::try_from(delivery.rendering.octets()).map_err(|_| Refused::TooLarge)?;
        self.mailbox(account, mailbox)?;
        self.use_quota(account, u64::from(octets), delivery.quota)?;
        let (keywords, new_keywords) = self.keywords(account, mailbox, &delivery.flags.keywords)?;
        let mod_seq = self.next_mod_seq(account)?;
        self.counters.ids.email += 1;
        let email = EmailId(self.counters.ids.email);
        let found = self.mailbox(account, mailbox)?;
        let uid = take_uids(&mut found.uid_next, 1)?;
        found.mod_seq = mod_seq;
        found.octets += u64::from(octets);
        let uid_validity = found.uid_validity;
        let flags = SystemFlags(delivery.flags.system.0 & STORABLE.0);
        // A later operation of the plan that names UIDs of the mailbox sees it too.
        if let Some(placements) = self.counters.placements.get_mut(&mailbox) {
            placements.push(PlacementState {
                uid: uid.number(),
                mod_seq,
                octets,
                flags,
                keywords,
            });
        }
        self.changes.push(Change::Deliver(Delivered {
            account,
            mailbox,
            email,
            uid,
            mod_seq,
            flags,
            keywords,
            new_keywords,
            received: delivery.received,
            octets,
            rendering: delivery.rendering.clone(),
            parsed: delivery.parsed.clone(),
        }));
        Ok(Done::Delivered {
            email,
            uid,
            uid_validity,
        })
    }

    /// Takes room from the quota.
    fn use_quota(
        &mut self,
        account: AccountId,
        octets: u64,
        rule: QuotaRule,
    ) -> Result<(), Refused> {
        let found = self.account(account)?;
        let used = found.used.saturating_add(octets);
        if let Some(quota) = found.quota {
            let limit = match rule {
                QuotaRule::Enforce => quota,
                QuotaRule::Reserved => quota.saturating_add(quota / 10),
            };
            if used > limit {
                return Err(Refused::OverQuota { over: used - limit });
            }
        }
        found.used = used;
        Ok(())
    }

    pub(super) fn store_flags(&mut self, wish: &FlagWish<'_>) -> Result<Done, Refused> {
        let current = self.mailbox(wish.account, wish.mailbox)?.mod_seq;
        let (keywords, new_keywords) = if wish.change == FlagChange::Remove {
            let known = &self.mailbox(wish.account, wish.mailbox)?.keywords;
            (numbers(known, &wish.flags.keywords), Vec::new())
        } else {
            self.keywords(wish.account, wish.mailbox, &wish.flags.keywords)?
        };
        let flags = SystemFlags(wish.flags.system.0 & STORABLE.0);
        let mut done = UidSet::new();
        let mut modified = UidSet::new();
        let mut changing = UidSet::new();
        let placements = self.counters.placements.entry(wish.mailbox).or_default();
        for placement in placements
            .iter()
            .filter(|placement| wish.uids.contains(placement.uid))
        {
            if wish
                .unchanged_since
                .is_some_and(|since| placement.mod_seq > since)
            {
                modified.insert(placement.uid);
                continue;
            }
            done.insert(placement.uid);
            if changed(placement, wish.change, flags, &keywords)
                != (placement.flags, placement.keywords)
            {
                changing.insert(placement.uid);
            }
        }
        if changing.is_empty() {
            self.forget_keywords(wish.account, wish.mailbox, new_keywords.len())?;
            return Ok(Done::Flagged {
                changed: done,
                modified,
                mod_seq: current,
            });
        }
        let mod_seq = self.next_mod_seq(wish.account)?;
        self.mailbox(wish.account, wish.mailbox)?.mod_seq = mod_seq;
        let placements = self.counters.placements.entry(wish.mailbox).or_default();
        for placement in placements
            .iter_mut()
            .filter(|placement| changing.contains(placement.uid))
        {
            (placement.flags, placement.keywords) =
                changed(placement, wish.change, flags, &keywords);
            placement.mod_seq = mod_seq;
        }
        self.changes.push(Change::Flag(Flagged {
            account: wish.account,
            mailbox: wish.mailbox,
            mod_seq,
            uids: changing,
            change: wish.change,
            flags,
            keywords,
            new_keywords,
        }));
        Ok(Done::Flagged {
            changed: done,
            modified,
            mod_seq,
        })
    }

    pub(super) fn expunge(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &UidSet,
        only_deleted: bool,
    ) -> Result<Done, Refused> {
        let current = self.mailbox(account, mailbox)?.mod_seq;
        let gone = self.take_placements(mailbox, |placement| {
            uids.contains(placement.uid)
                && (!only_deleted || placement.flags.contains(SystemFlags::DELETED))
        });
        let uids: UidSet = gone.iter().map(|placement| placement.uid).collect();
        if uids.is_empty() {
            return Ok(Done::Expunged {
                uids,
                mod_seq: current,
            });
        }
        let mod_seq = self.next_mod_seq(account)?;
        let octets = gone
            .iter()
            .map(|placement| u64::from(placement.octets))
            .sum();
        let found = self.mailbox(account, mailbox)?;
        found.mod_seq = mod_seq;
        found.octets = found.octets.saturating_sub(octets);
        let found = self.account(account)?;
        found.used = found.used.saturating_sub(octets);
        self.changes.push(Change::Expunge {
            account,
            mailbox,
            mod_seq,
            uids: uids.clone(),
        });
        Ok(Done::Expunged { uids, mod_seq })
    }

    pub(super) fn copy(&mut self, wish: &CopyWish<'_>) -> Result<Done, Refused> {
        self.mailbox(wish.account, wish.to)?;
        let source_names = self.mailbox(wish.account, wish.from)?.keywords.clone();
        let chosen: Vec<PlacementState> = self
            .counters
            .placements
            .get(&wish.from)
            .into_iter()
            .flatten()
            .filter(|placement| wish.uids.contains(placement.uid))
            .copied()
            .collect();
        if chosen.is_empty() {
            let uid_validity = self.mailbox(wish.account, wish.to)?.uid_validity;
            return Ok(Done::Copied {
                from: Vec::new(),
                to: Vec::new(),
                uid_validity,
            });
        }
        let octets = chosen
            .iter()
            .map(|placement| u64::from(placement.octets))
            .sum();
        if !wish.is_move {
            self.use_quota(wish.account, octets, QuotaRule::Enforce)?;
        }
        let (keywords, new_keywords) = self.pair_keywords(wish, &source_names, &chosen)?;
        let mod_seq = self.next_mod_seq(wish.account)?;
        let count = u32::try_from(chosen.len()).map_err(|_| Refused::UidsMax)?;
        let target = self.mailbox(wish.account, wish.to)?;
        let first = take_uids(&mut target.uid_next, count)?;
        target.mod_seq = mod_seq;
        target.octets += octets;
        let uid_validity = target.uid_validity;
        self.note_copies(wish.to, &chosen, first, mod_seq, &keywords);
        if wish.is_move {
            let uids: UidSet = chosen.iter().map(|placement| placement.uid).collect();
            self.take_placements(wish.from, |placement| uids.contains(placement.uid));
            let source = self.mailbox(wish.account, wish.from)?;
            source.mod_seq = mod_seq;
            source.octets = source.octets.saturating_sub(octets);
        }
        self.changes.push(Change::Copy(Copied {
            account: wish.account,
            from: wish.from,
            to: wish.to,
            mod_seq,
            uids: chosen.iter().map(|placement| placement.uid).collect(),
            first,
            is_move: wish.is_move,
            keywords,
            new_keywords,
        }));
        Ok(Done::Copied {
            from: chosen
                .iter()
                .filter_map(|placement| Uid::new(placement.uid))
                .collect(),
            to: (first.number()..)
                .take(chosen.len())
                .filter_map(Uid::new)
                .collect(),
            uid_validity,
        })
    }

    /// The numbers in the target of the keywords that the chosen placements bear.
    fn pair_keywords(
        &mut self,
        wish: &CopyWish<'_>,
        source_names: &[Keyword],
        chosen: &[PlacementState],
    ) -> Result<(Vec<KeywordPair>, Vec<Keyword>), Refused> {
        let borne = chosen.iter().fold(KeywordSet::NONE, |all, placement| {
            all.with(&placement.keywords)
        });
        let mut pairs = Vec::new();
        let mut new = Vec::new();
        for number in borne.indices() {
            let Some(name) = source_names.get(number) else {
                continue;
            };
            let (set, mut added) =
                self.keywords(wish.account, wish.to, std::slice::from_ref(name))?;
            new.append(&mut added);
            let to = set.indices().next();
            if let (Ok(from), Some(Ok(to))) = (u8::try_from(number), to.map(u8::try_from)) {
                pairs.push(KeywordPair { from, to });
            }
        }
        Ok((pairs, new))
    }

    /// Numbers of keywords in a mailbox; those it has not are added and given back.
    fn keywords(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        wanted: &[Keyword],
    ) -> Result<(KeywordSet, Vec<Keyword>), Refused> {
        let known = &mut self.mailbox(account, mailbox)?.keywords;
        let mut new = Vec::new();
        for keyword in wanted {
            if !known.contains(keyword) {
                if known.len() >= KEYWORDS_MAX {
                    return Err(Refused::KeywordsMax);
                }
                known.push(keyword.clone());
                new.push(keyword.clone());
            }
        }
        Ok((numbers(known, wanted), new))
    }

    /// Takes back keywords that were added for nothing.
    fn forget_keywords(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        count: usize,
    ) -> Result<(), Refused> {
        let known = &mut self.mailbox(account, mailbox)?.keywords;
        known.truncate(known.len().saturating_sub(count));
        Ok(())
    }

    fn note_copies(
        &mut self,
        to: MailboxId,
        chosen: &[PlacementState],
        first: Uid,
        mod_seq: ModSeq,
        pairs: &[KeywordPair],
    ) {
        let Some(placements) = self.counters.placements.get_mut(&to) else {
            return;
        };
        for (source, uid) in chosen.iter().zip(first.number()..) {
            let mut keywords = KeywordSet::NONE;
            for pair in pairs {
                if source.keywords.contains(usize::from(pair.from)) {
                    keywords.insert(usize::from(pair.to));
                }
            }
            placements.push(PlacementState {
                uid,
                mod_seq,
                keywords,
                ..*source
            });
        }
    }

    fn take_placements(
        &mut self,
        mailbox: MailboxId,
        is_taken: impl Fn(&PlacementState) -> bool,
    ) -> Vec<PlacementState> {
        let placements = self.counters.placements.entry(mailbox).or_default();
        let (taken, kept) = placements.iter().partition(|placement| is_taken(placement));
        *placements = kept;
        taken
    }
}

fn changed(
    placement: &PlacementState,
    change: FlagChange,
    flags: SystemFlags,
    keywords: &KeywordSet,
) -> (SystemFlags, KeywordSet) {
    match change {
        FlagChange::Replace => (flags, *keywords),
        FlagChange::Add => (
            placement.flags.with(flags),
            placement.keywords.with(keywords),
        ),
        FlagChange::Remove => (
            placement.flags.without(flags),
            placement.keywords.without(keywords),
        ),
    }
}

/// Numbers of those wanted that are known.
fn numbers(known: &[Keyword], wanted: &[Keyword]) -> KeywordSet {
    let mut set = KeywordSet::NONE;
    for keyword in wanted {
        if let Some(number) = known.iter().position(|other| other == keyword) {
            set.insert(number);
        }
    }
    set
}

/// Gives out `count` UIDs and returns the first.
fn take_uids(next: &mut u32, count: u32) -> Result<Uid, Refused> {
    let first = Uid::new(*next).ok_or(Refused::UidsMax)?;
    *next = next.checked_add(count).ok_or(Refused::UidsMax)?;
    Ok(first)
}
