//! Room that messages on their way have been promised.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postroom_mail::identifier::AccountId;

/// Octets promised to open transactions, by account.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reservations(Arc<Mutex<HashMap<AccountId, u64>>>);

/// A promise to one account; ends with its transaction.
#[derive(Debug)]
pub(crate) struct Reservation {
    all: Reservations,
    account: AccountId,
    octets: u64,
}

impl Reservations {
    /// Promises `octets` to an account that uses `used` of `quota`; `None` when they do not fit
    /// beside what is promised already.
    pub(crate) fn take(
        &self,
        account: AccountId,
        octets: u64,
        used: u64,
        quota: u64,
    ) -> Option<Reservation> {
        let mut promised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = promised.get(&account).copied().unwrap_or(0);
        let after = before.saturating_add(octets);
        if used.saturating_add(after) > quota {
            return None;
        }
        promised.insert(account, after);
        Some(Reservation {
            all: self.clone(),
            account,
            octets,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut promised = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(octets) = promised.get_mut(&self.account) {
            *octets = octets.saturating_sub(self.octets);
            if *octets == 0 {
                promised.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_add_up_and_end_with_their_transaction() {
        let reservations = Reservations::default();
        let anna = AccountId(1);
        let first = reservations.take(anna, 60, 0, 100);
        assert!(first.is_some());
        assert!(reservations.take(anna, 60, 0, 100).is_none());
        assert!(reservations.take(AccountId(2), 60, 0, 100).is_some());
        drop(first);
        assert!(reservations.take(anna, 60, 0, 100).is_some());
        assert!(reservations.0.lock().unwrap().is_empty());
    }
}
