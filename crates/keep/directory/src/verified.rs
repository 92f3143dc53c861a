//! Sign-ins that were verified a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use postroom_mail::identifier::AccountId;
use postroom_runtime::random::Random;

/// How long a verified sign-in stands without hashing again.
const VERIFIED_FOR: Duration = Duration::from_mins(10);

/// Remembers that a password matched a hash, without remembering the password: the key is an HMAC
/// with a key of this process over account, hash and password. A changed hash is another key.
pub(crate) struct Verified {
    key: hmac::Key,
    known: Mutex<HashMap<[u8; 32], Instant>>,
    entries_max: usize,
}

/// Names one combination of account, hash and password.
pub(crate) struct Proof([u8; 32]);

impl Verified {
    pub(crate) fn new(random: &Random, entries_max: usize) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            known: Mutex::default(),
            entries_max,
        }
    }

    /// The proof of a combination. Lengths go in too, so that no two combinations meet.
    pub(crate) fn proof(&self, account: AccountId, hash: &str, password: &str) -> Proof {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&account.0.to_le_bytes());
        for text in [hash, password] {
            context.update(&(text.len() as u64).to_le_bytes());
            context.update(text.as_bytes());
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        Proof(bytes)
    }

    pub(crate) fn is_known(&self, proof: &Proof, now: Instant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&proof.0)
            .is_some_and(|since| now.duration_since(*since) < VERIFIED_FOR)
    }

    pub(crate) fn remember(&self, proof: &Proof, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.entries_max {
            known.clear();
        }
        known.insert(proof.0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_f07_no_two_sign_ins_share_a_proof() {
        let verified = Verified::new(&Random::seeded(7), 10);
        let now = postroom_runtime::clock::Clock::system().now();
        verified.remember(&verified.proof(AccountId(1), "hash", "word"), now);
        assert!(verified.is_known(&verified.proof(AccountId(1), "hash", "word"), now));
        for (account, hash, password) in [
            (2, "hash", "word"),
            (1, "hashw", "ord"),
            (1, "has", "hword"),
            (1, "hash", "worD"),
            (1, "hash", ""),
        ] {
            assert!(!verified.is_known(&verified.proof(AccountId(account), hash, password), now));
        }
        assert!(!verified.is_known(
            &verified.proof(AccountId(1), "hash", "word"),
            now + VERIFIED_FOR
        ));
    }

    #[test]
    fn the_number_of_sign_ins_kept_is_bounded() {
        let verified = Verified::new(&Random::seeded(7), 4);
        let now = postroom_runtime::clock::Clock::system().now();
        for account in 0..9 {
            verified.remember(&verified.proof(AccountId(account), "hash", "word"), now);
        }
        assert!(verified.known.lock().unwrap().len() <= 4);
    }
}
