//! A disk in memory that loses power: what was not synced is lost, torn or kept, as a seed says.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postroom_runtime::disk::{Disk, DiskFile};

/// Octets that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct FaultyDisk(Arc<Power>);

/// What the files of one disk share.
#[derive(Debug)]
struct Power {
    files: Mutex<BTreeMap<PathBuf, Entry>>,
    /// Directories made here, and whether the one above says durably that they are there.
    directories: Mutex<BTreeMap<PathBuf, bool>>,
    /// Calls that change or sync something, so far.
    calls: AtomicU64,
    /// The power goes with this call.
    cut: AtomicU64,
    /// Appends fail from here on.
    fault: Mutex<Option<Fault>>,
    /// A sync that says it is done and is not.
    lie: Mutex<Option<Lie>>,
    free: AtomicU64,
}

/// A sync that does nothing, as if the program did not ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Of the content of files with this extension.
    Content(&'static str),
    /// Of the entries of this directory.
    Entries(PathBuf),
}

/// A failure of the disk while the power stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every append fails after half of its octets.
    Append,
    /// Every sync fails.
    Sync,
}

#[derive(Debug, Clone)]
struct Entry {
    content: Arc<Mutex<Content>>,
    /// Whether the directory says durably that the file is there.
    is_durable: bool,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug)]
struct MemoryFile {
    path: PathBuf,
    power: Arc<Power>,
    content: Arc<Mutex<Content>>,
}

impl Default for FaultyDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl FaultyDisk {
    /// An empty disk whose power stays.
    pub fn new() -> Self {
        Self(Arc::new(Power {
            files: Mutex::default(),
            directories: Mutex::default(),
            calls: AtomicU64::new(0),
            cut: AtomicU64::new(u64::MAX),
            fault: Mutex::new(None),
            lie: Mutex::new(None),
            free: AtomicU64::new(1 << 40),
        }))
    }

    /// Cuts the power at the `call`-th call that changes or syncs something: it and all later
    /// calls fail.
    pub fn cut_at(&self, call: u64) {
        self.0.cut.store(call, Ordering::SeqCst);
    }

    /// Calls so far that changed or synced something.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Whether the power is gone.
    pub fn is_cut(&self) -> bool {
        self.calls() >= self.0.cut.load(Ordering::SeqCst)
    }

    /// Fails from now on.
    pub fn fail(&self, fault: Fault) {
        *lock(&self.0.fault) = Some(fault);
    }

    /// From now on that sync does nothing.
    pub fn lie(&self, lie: Lie) {
        *lock(&self.0.lie) = Some(lie);
    }

    /// Works again: the fault is gone and the power is back, with all that was written.
    pub fn mend(&self) {
        *lock(&self.0.fault) = None;
        self.cut_at(u64::MAX);
    }

    /// What `free` says from now on.
    pub fn set_free(&self, octets: u64) {
        self.0.free.store(octets, Ordering::SeqCst);
    }

    /// The disk as it is found when power is back: synced octets are there; of the others the
    /// seed says, sector by sector, which are; files whose directory was not synced may be gone.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut files = BTreeMap::new();
        for (path, entry) in lock(&self.0.files).iter() {
            if !self.is_entered(path, entry) && dice.roll(2) == 0 {
                continue;
            }
            let content = lock(&entry.content);
            let bytes = tear(&content, &mut dice);
            files.insert(path.clone(), durable(bytes));
        }
        Self::of(files)
    }

    /// The disk as it would be had every unsynced write been lost: the worst case for an
    /// acknowledgement without its sync.
    #[must_use]
    pub fn only_synced(&self) -> Self {
        let files = lock(&self.0.files);
        let kept = files
            .iter()
            .filter(|(path, entry)| self.is_entered(path, entry));
        Self::of(
            kept.map(|(path, entry)| {
                let content = lock(&entry.content);
                let bytes = content.bytes[..content.synced].to_vec();
                (path.clone(), durable(bytes))
            })
            .collect(),
        )
    }

    /// The octets of a file.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let files = lock(&self.0.files);
        let entry = files.get(path).expect("the file is there");
        lock(&entry.content).bytes.clone()
    }

    /// A disk like this one where one file has other octets.
    #[must_use]
    pub fn with_bytes(&self, path: &Path, bytes: Vec<u8>) -> Self {
        let mut files = BTreeMap::new();
        for (name, entry) in lock(&self.0.files).iter() {
            files.insert(name.clone(), durable(lock(&entry.content).bytes.clone()));
        }
        files.insert(path.to_owned(), durable(bytes));
        Self::of(files)
    }

    /// Paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        lock(&self.0.files).keys().cloned().collect()
    }

    /// Whether every directory entry on the way to a file made here is durable.
    fn is_entered(&self, path: &Path, entry: &Entry) -> bool {
        let directories = lock(&self.0.directories);
        let above = path.parent().and_then(|above| directories.get(above));
        entry.is_durable && above.copied().unwrap_or(true)
    }

    fn of(files: BTreeMap<PathBuf, Entry>) -> Self {
        let disk = Self::new();
        *lock(&disk.0.files) = files;
        disk
    }
}

fn durable(bytes: Vec<u8>) -> Entry {
    let synced = bytes.len();
    Entry {
        content: Arc::new(Mutex::new(Content { bytes, synced })),
        is_durable: true,
    }
}

/// Writes reach a disk in any order and in sectors; a sector that was never written reads as
/// zeros, and the length may have grown without them.
fn tear(content: &Content, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = content.bytes[..content.synced].to_vec();
    let unsynced = &content.bytes[content.synced..];
    if unsynced.is_empty() {
        return bytes;
    }
    let grown = dice.roll(unsynced.len() + 1);
    let mut at = 0;
    while at < grown {
        let to_boundary = SECTOR - (content.synced + at) % SECTOR;
        let end = grown.min(at + to_boundary);
        if dice.roll(3) == 0 {
            bytes.resize(content.synced + end, 0);
        } else {
            bytes.extend_from_slice(&unsynced[at..end]);
        }
        at = end;
    }
    bytes
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap_or(0)
    }
}

impl Power {
    /// Counts one call; an error once the power is cut.
    fn call(&self) -> io::Result<()> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if number >= self.cut.load(Ordering::SeqCst) {
            return Err(io::Error::other("the power is cut"));
        }
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let powered = self.power.call();
        let fault = *lock(&self.power.fault);
        let mut content = lock(&self.content);
        if powered.is_err() || fault == Some(Fault::Append) {
            content.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(io::Error::other("the append failed"));
        }
        content.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.power.call()?;
        if *lock(&self.power.fault) == Some(Fault::Sync) {
            return Err(io::Error::other("the sync failed"));
        }
        if let Some(Lie::Content(extension)) = *lock(&self.power.lie)
            && self
                .path
                .extension()
                .is_some_and(|found| found == extension)
        {
            return Ok(());
        }
        let mut content = lock(&self.content);
        content.synced = content.bytes.len();
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = lock(&self.content);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.bytes.get(start..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.content).bytes.len() as u64)
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.call()?;
        let mut files = lock(&self.0.files);
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::default();
        files.insert(
            path.to_owned(),
            Entry {
                content: Arc::clone(&content),
                is_durable: false,
            },
        );
        Ok(self.file(path, content))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let files = lock(&self.0.files);
        let entry = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(path, Arc::clone(&entry.content)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let files = lock(&self.0.files);
        let inside = files.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.call()?;
        match lock(&self.0.files).remove(path) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.0.call()?;
        let holds_files = lock(&self.0.files)
            .keys()
            .any(|file| file.parent() == Some(path));
        lock(&self.0.directories)
            .entry(path.to_owned())
            .or_insert(holds_files);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.call()?;
        if *lock(&self.0.lie) == Some(Lie::Entries(path.to_owned())) {
            return Ok(());
        }
        let mut files = lock(&self.0.files);
        for (name, entry) in files.iter_mut() {
            entry.is_durable |= name.parent() == Some(path);
        }
        for (name, is_durable) in lock(&self.0.directories).iter_mut() {
            *is_durable |= name.parent() == Some(path);
        }
        Ok(())
    }

    fn free(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.0.free.load(Ordering::SeqCst))
    }
}

impl FaultyDisk {
    fn file(&self, path: &Path, content: Arc<Mutex<Content>>) -> Arc<dyn DiskFile> {
        Arc::new(MemoryFile {
            path: path.to_owned(),
            power: Arc::clone(&self.0),
            content,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
