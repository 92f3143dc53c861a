//! What a keeper gives to its server.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use postroom_config::Config;
use rustix::fs::OFlags;

use crate::access::Access;
use crate::kept::wire::{Ask, NOT_ALLOWED};
use crate::settings::Settings;

/// Write for group or others, and the bit that lets only owners take files out of a folder.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Links on the way to a file; more are refused, as by the kernel (path_resolution(7)).
const LINKS_MAX: u32 = 40;

/// The list that is fixed when the keeper starts.
pub(super) struct Given {
    settings: Settings,
    /// The configuration, and the files and folders that it names.
    named: Vec<PathBuf>,
}

impl Given {
    pub(super) fn new(settings: &Settings, config: &Config) -> Self {
        let mut named = config.secrets();
        // A name that cannot be made absolute was not read either.
        named.extend(std::path::absolute(settings.file()).ok());
        Self {
            settings: settings.clone(),
            named,
        }
    }

    /// Opens what is asked for, if it is to be given.
    pub(super) fn answer(&self, ask: &Ask) -> io::Result<OwnedFd> {
        match ask {
            Ask::Bind(address) => self.bind(*address),
            Ask::Open(path) => self.open(path),
        }
    }

    fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let parent = path.parent().unwrap_or(path);
        let is_named = self.named.iter().any(|named| named == path);
        let is_in_folder = is_pem(path) && self.named.iter().any(|named| named == parent);
        if !(is_named || is_in_folder) {
            return Err(io::Error::from_raw_os_error(NOT_ALLOWED));
        }
        let path = laid_by_root(path)?;
        // A pipe or a terminal in its place must not hold the keeper up.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)?;
        is_plain(&file)?;
        Ok(file.into())
    }

    fn bind(&self, address: SocketAddr) -> io::Result<OwnedFd> {
        let loaded = self.settings.try_load(&Access::default());
        let is_named = loaded.is_ok_and(|loaded| {
            loaded
                .config
                .listen
                .every_socket()
                .any(|named| named == address)
        });
        if !is_named {
            return Err(io::Error::from_raw_os_error(NOT_ALLOWED));
        }
        postroom_net::bind(address).map(OwnedFd::from)
    }
}

fn is_pem(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pem")
}

fn is_plain(file: &File) -> io::Result<()> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(NOT_ALLOWED))
}

/// The place that `path` leads to, if only root can have laid every link and folder on the way:
/// the server must not have another file opened by laying a link.
fn laid_by_root(path: &Path) -> io::Result<PathBuf> {
    let not_allowed = || io::Error::from_raw_os_error(NOT_ALLOWED);
    let mut place = PathBuf::from("/");
    let mut ahead: Vec<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            place.pop();
            continue;
        }
        let folder = fs::symlink_metadata(&place)?;
        let is_open = folder.mode() & OTHERS_WRITE != 0;
        if folder.uid() != 0 || (is_open && folder.mode() & STICKY == 0) {
            return Err(not_allowed());
        }
        let next = place.join(name);
        let entry = fs::symlink_metadata(&next)?;
        // What lies in a sticky folder can be replaced by its owner.
        if is_open && entry.uid() != 0 {
            return Err(not_allowed());
        }
        if !entry.is_symlink() {
            place = next;
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(not_allowed());
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            place = PathBuf::from("/");
        }
        ahead.extend(names(&target));
    }
    Ok(place)
}

/// The names in a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::Prefix(_) | Component::RootDir => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Lies below this folder of the build, which may be anyone's.
    fn scratch(name: &str) -> PathBuf {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("postroom-given-{name}-{id}"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn links_are_followed_where_root_alone_lays_them() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = scratch("links");
        fs::write(folder.join("key"), "").unwrap();
        symlink("../", folder.join("up")).unwrap();
        let around = folder.join("up").join(folder.file_name().unwrap());
        symlink(around.join("key"), folder.join("link")).unwrap();
        let real = fs::canonicalize(folder.join("key")).unwrap();
        assert_eq!(laid_by_root(&folder.join("link")).unwrap(), real);
        symlink(folder.join("loop"), folder.join("loop")).unwrap();
        assert!(laid_by_root(&folder.join("loop")).is_err());
        let absent = laid_by_root(&folder.join("absent")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);

        // Now its owner could put anything in the place of the key.
        rustix::fs::chown(&folder, Some(rustix::fs::Uid::from_raw(65_534)), None).unwrap();
        for name in ["key", "link"] {
            let error = laid_by_root(&folder.join(name)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{name}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
