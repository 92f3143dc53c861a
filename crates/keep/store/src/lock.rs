//! Who may open a data directory: one process at a time, on a file system that keeps its word.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use postroom_runtime::disk::Disk;
use rustix::fs::{FlockOperation, flock, statfs};

use crate::error::OpenError;
use crate::log::frame::FORMAT;

/// Octets read of a lock file.
const HOLDER_OCTETS_MAX: u64 = 512;

/// File systems that lose or share what is written to them, by their magic number.
pub const FILE_SYSTEMS: [(u64, &str); 8] = [
    (0x0102_1994, "tmpfs"),
    (0x8584_58F6, "ramfs"),
    (0x794C_7630, "overlayfs"),
    (0x0000_6969, "nfs"),
    (0x6573_5546, "fuse"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x0102_1997, "9p"),
];

/// The right to use a data directory; given back when dropped, also by a crash.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes `lock` in `directory` and writes into it who has it: host, boot id and pid.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| failed(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(OpenError::Locked {
                    path: directory.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(error) => return Err(failed(&path, error.into())),
        }
        write_holder(&mut file).map_err(|source| failed(&path, source))?;
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    let line = format!(
        "{} (boot {}), pid {}\n",
        kernel("hostname"),
        kernel("random/boot_id"),
        std::process::id()
    );
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(line.as_bytes())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(HOLDER_OCTETS_MAX).read_to_string(&mut text);
    match (read, text.lines().next()) {
        (Ok(_), Some(line)) if !line.is_empty() => line.to_owned(),
        _ => "another process".to_owned(),
    }
}

fn kernel(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/kernel/{name}"))
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Makes the data directory if need be, and refuses one that cannot keep mail: `accepted` names
/// file systems that are taken all the same.
pub(crate) fn prepare(
    disk: &dyn Disk,
    directory: &Path,
    accepted: &[Box<str>],
) -> Result<(), OpenError> {
    make(disk, directory).map_err(|source| failed(directory, source))?;
    let found = statfs(directory).map_err(|error| failed(directory, error.into()))?;
    // The type of `f_type` differs between platforms; the magic numbers have 32 bits.
    let magic = found.f_type.cast_unsigned() & 0xFFFF_FFFF;
    let name = FILE_SYSTEMS
        .iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, name)| *name);
    match name {
        Some(name) if !accepted.iter().any(|accept| &**accept == name) => {
            Err(OpenError::FileSystem {
                path: directory.to_owned(),
                name,
            })
        }
        _ => Ok(()),
    }
}

/// Every directory that is made is entered durably in the one above it.
fn make(disk: &dyn Disk, directory: &Path) -> io::Result<()> {
    let missing: Vec<_> = directory
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    disk.create_directory(directory)?;
    for made in missing {
        match made.parent() {
            Some(above) if !above.as_os_str().is_empty() => disk.sync_directory(above)?,
            _ => disk.sync_directory(Path::new("."))?,
        }
    }
    Ok(())
}

/// Refuses a directory of a newer format; writes the format into one that has none.
pub(crate) fn check_format(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join("format");
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found <= FORMAT => Ok(()),
            Ok(found) => Err(OpenError::Newer {
                found,
                known: FORMAT,
            }),
            Err(_) => Err(failed(&path, io::ErrorKind::InvalidData.into())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_format(&path).map_err(|source| failed(&path, source))
        }
        Err(source) => Err(failed(&path, source)),
    }
}

/// Whole or not at all: a crash must not leave an empty file.
fn write_format(path: &Path) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(format!("{FORMAT}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

pub(crate) fn failed(path: &Path, source: io::Error) -> OpenError {
    OpenError::Disk {
        path: PathBuf::from(path),
        source,
    }
}
