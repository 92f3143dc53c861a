//! One committed plan in the log.

use postroom_mail::identifier::{ArrivalId, BlobId};
use postroom_runtime::clock::Timestamp;

use crate::journal::JournalLine;
use crate::log::change::Change;
use crate::log::codec::{self, Coded, Input, Malformed, coded_struct};

/// The version of records that this release writes; it reads this one and all before it.
const VERSION: u8 = 1;

/// One committed plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its plan.
    pub arrival: ArrivalId,
    /// Civil time of the plan.
    pub time: Timestamp,
    /// In order.
    pub changes: Vec<Change>,
    /// Written with it.
    pub journal: Vec<JournalLine>,
    /// The body it brought.
    pub body: Option<RecordBody>,
}

/// A body that a record brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBody {
    /// Its name from now on.
    pub blob: BlobId,
    /// How long it is.
    pub octets: u64,
    /// XXH3 of its octets.
    pub checksum: u64,
    /// The segment it has to itself; `None` when it follows the record.
    pub segment: Option<u64>,
}

impl Record {
    /// Adds the record, without frame and body, to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.arrival.put(out);
        self.time.put(out);
        self.changes.put(out);
        self.journal.put(out);
        self.body.put(out);
    }

    /// Reads what [`Record::put`] wrote. Any bytes may be given; the memory taken is
    /// proportional to them.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

impl Coded for Record {
    fn put(&self, out: &mut Vec<u8>) {
        Self::put(self, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Malformed> {
        if input.octet()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            arrival: Coded::take(input)?,
            time: Coded::take(input)?,
            changes: Coded::take(input)?,
            journal: Coded::take(input)?,
            body: Coded::take(input)?,
        })
    }
}

coded_struct!(RecordBody {
    blob,
    octets,
    checksum,
    segment
});
