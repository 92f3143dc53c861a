//! Segment files: their names, their making, and handles to read them.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postroom_runtime::disk::{Disk, DiskFile};

use crate::log::frame::{SEGMENT_HEADER, SegmentHeader};

/// Handles of segments kept open for reading.
const HANDLES_MAX: usize = 128;

/// What a segment file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum SegmentKind {
    /// Batches of records.
    Log,
    /// One body that was too large for memory.
    Body,
}

/// One file of the segment directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentName {
    pub(crate) number: u64,
    pub(crate) kind: SegmentKind,
}

impl SegmentName {
    fn file(self) -> String {
        let extension = match self.kind {
            SegmentKind::Log => "log",
            SegmentKind::Body => "body",
        };
        format!("{:016x}.{extension}", self.number)
    }

    fn parse(name: &str) -> Option<Self> {
        let (number, extension) = name.split_once('.')?;
        let kind = match extension {
            "log" => SegmentKind::Log,
            "body" => SegmentKind::Body,
            _ => return None,
        };
        let number = u64::from_str_radix(number, 16).ok()?;
        let found = Self { number, kind };
        (found.file() == name).then_some(found)
    }
}

/// The directory of segments.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    next: AtomicU64,
    handles: Mutex<HashMap<SegmentName, Arc<dyn DiskFile>>>,
}

/// A segment that was just made.
#[derive(Debug)]
pub(crate) struct NewSegment {
    pub(crate) name: SegmentName,
    pub(crate) file: Arc<dyn DiskFile>,
}

impl Segments {
    /// The directory and the segments in it, by number.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
    ) -> io::Result<(Self, Vec<SegmentName>)> {
        disk.create_directory(&directory)?;
        if let Some(above) = directory.parent() {
            disk.sync_directory(above)?;
        }
        let mut names: Vec<_> = disk
            .list(&directory)?
            .iter()
            .filter_map(|name| SegmentName::parse(name))
            .collect();
        names.sort_unstable();
        let next = names.last().map_or(1, |name| name.number + 1);
        let segments = Self {
            disk,
            directory,
            next: AtomicU64::new(next),
            handles: Mutex::default(),
        };
        Ok((segments, names))
    }

    /// Never makes a segment of a number up to `number`.
    pub(crate) fn raise(&self, number: u64) {
        self.next
            .fetch_max(number.saturating_add(1), Ordering::Relaxed);
    }

    /// Makes a segment with its header. Its directory entry is durable; its content is not.
    pub(crate) fn create(&self, kind: SegmentKind, seed: u64) -> io::Result<NewSegment> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = SegmentName { number, kind };
        let file = self.disk.create(&self.path(name))?;
        let header = SegmentHeader {
            segment: number,
            seed,
        };
        file.append(&header.bytes())?;
        self.disk.sync_directory(&self.directory)?;
        Ok(NewSegment { name, file })
    }

    /// A handle to read a segment.
    pub(crate) fn handle(&self, name: SegmentName) -> io::Result<Arc<dyn DiskFile>> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = handles.get(&name) {
            return Ok(Arc::clone(file));
        }
        let file = self.disk.open(&self.path(name))?;
        if handles.len() >= HANDLES_MAX {
            handles.clear();
        }
        handles.insert(name, Arc::clone(&file));
        Ok(file)
    }

    /// Removes a segment that nothing names.
    pub(crate) fn remove(&self, name: SegmentName) -> io::Result<()> {
        self.handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&name);
        self.disk.remove(&self.path(name))
    }

    /// Octets free where the segments lie.
    pub(crate) fn free(&self) -> io::Result<u64> {
        self.disk.free(&self.directory)
    }

    fn path(&self, name: SegmentName) -> PathBuf {
        self.directory.join(name.file())
    }
}

/// Octets of a body segment before the body.
pub(crate) const BODY_START: u64 = SEGMENT_HEADER as u64;
