//! The log: segment files of batches of records. It is the truth; the database is its index.
//!
//! A segment begins with its header, written twice. Then come batches, each a header and its
//! records, each record a frame, what it did, and the body it brought. A batch is written only
//! after the sync of the one before it has returned, and its header says so: what lies below such
//! an end and cannot be read is damage; what lies above every such end and cannot be read was
//! never acknowledged.

pub mod change;
pub(crate) mod codec;
pub mod frame;
pub mod record;
pub(crate) mod replay;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod writer;
