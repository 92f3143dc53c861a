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
    /// The body that it speaks of.
    pub body: Option<RecordBody>,
}

/// The body that deliveries and queue entries of a record are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordBody {
    /// It came with the record.
    Brought(Brought),
    /// An earlier record brought it.
    Kept(Kept),
}

/// A body that is in the store already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub blob: BlobId,
    /// How long it is.
    pub octets: u64,
    /// The queue id of the message; queue entries go on under it.
    pub origin: ArrivalId,
}

/// A body that a record brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Its name from now on.
    pub blob: BlobId,
    /// How long it is.
    pub octets: u64,
    /// XXH3 of its octets.
    pub checksum: u64,
    /// The segment it has to itself; `None` when it follows the record.
    pub segment: Option<u64>,
}

impl RecordBody {
    /// Its name.
    pub fn blob(&self) -> BlobId {
        match self {
            Self::Brought(brought) => brought.blob,
            Self::Kept(kept) => kept.blob,
        }
    }

    /// How long it is.
    pub fn octets(&self) -> u64 {
        match self {
            Self::Brought(brought) => brought.octets,
            Self::Kept(kept) => kept.octets,
        }
    }
}

impl Record {
    /// Adds the record, without frame and body, to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.arrival.put(out);
        self.time.put(out);
        self.changes.put(out);
        self.journal.put(out);
        put_body(self.body.as_ref(), out);
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
            body: take_body(input)?,
        })
    }
}

/// One octet says which: none, brought or kept.
fn put_body(body: Option<&RecordBody>, out: &mut Vec<u8>) {
    match body {
        None => 0_u8.put(out),
        Some(RecordBody::Brought(brought)) => {
            1_u8.put(out);
            brought.put(out);
        }
        Some(RecordBody::Kept(kept)) => {
            2_u8.put(out);
            kept.put(out);
        }
    }
}

fn take_body(input: &mut Input<'_>) -> Result<Option<RecordBody>, Malformed> {
    Ok(match input.octet()? {
        0 => None,
        1 => Some(RecordBody::Brought(Coded::take(input)?)),
        2 => Some(RecordBody::Kept(Coded::take(input)?)),
        _ => return Err(Malformed),
    })
}

coded_struct!(Brought {
    blob,
    octets,
    checksum,
    segment
});

coded_struct!(Kept {
    blob,
    octets,
    origin
});
