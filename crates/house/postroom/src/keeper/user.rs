//! Who a server runs as.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use postroom_config::Config;
use postroom_config::value;
use rustix::fs::{Gid, Uid, chown};

use crate::owner::Owner;
use crate::report::Failure;

/// Where users are listed (passwd(5)).
const USERS: &str = "/etc/passwd";

/// The user that a server becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}:{}", self.uid, self.gid)
    }
}

/// Whom a server that is started now becomes: `None` when it stays who it is.
///
/// Started as root for another user, the data directory is seen to: made where there is none,
/// given to the user where it is empty.
///
/// # Errors
/// When the user is not known, or the data directory is somebody else's: no file of another user
/// shall appear in it.
pub(crate) fn standing(config: &Config) -> Result<Option<User>, Failure> {
    let directory = &config.data_dir;
    let owner = Owner::of(directory);
    if !rustix::process::geteuid().is_root() {
        return match Owner::other(directory) {
            None => Ok(None),
            Some(owner) => Err(foreign(directory, owner).mend("start the server as that user")),
        };
    }
    let user = match &config.user {
        Some(user) => resolve(user)?,
        None => match owner {
            Some(owner) => User {
                uid: owner.uid,
                gid: owner.gid,
            },
            None => return Ok(None),
        },
    };
    match owner {
        Some(owner) if owner.uid == user.uid => {}
        Some(_) if is_empty(directory) => give(directory, user)?,
        None => make(directory, user)?,
        Some(owner) => {
            let mend = format!(
                "set user to that one, or give the folder away: chown -R {}:{} {}",
                user.uid,
                user.gid,
                directory.display()
            );
            return Err(foreign(directory, owner).mend(mend));
        }
    }
    Ok((user.uid != 0).then_some(user))
}

fn foreign(directory: &Path, owner: Owner) -> Failure {
    Failure::new(
        format!("{} belongs to user {}", directory.display(), owner.uid),
        "",
    )
}

fn resolve(user: &value::User) -> Result<User, Failure> {
    let unknown = |what: String| {
        Failure::new(
            what,
            "add the user (useradd --system postroom), or set user = \"UID:GID\"",
        )
    };
    let users = fs::read_to_string(USERS)
        .map_err(|error| unknown(format!("{USERS} cannot be read: {error}")))?;
    find(user, &users).ok_or_else(|| unknown(format!("there is no user {user} in {USERS}")))
}

/// The user of that name or number in the text of passwd(5).
fn find(user: &value::User, users: &str) -> Option<User> {
    let read = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (
            fields.next()?.to_owned(),
            fields.next()?,
            fields.next()?.parse().ok()?,
            fields.next()?.parse().ok()?,
        );
        Some((name, User { uid, gid }))
    };
    let mut listed = users.lines().filter_map(read);
    match user {
        value::User::Number {
            uid,
            gid: Some(gid),
        } => Some(User {
            uid: *uid,
            gid: *gid,
        }),
        value::User::Number { uid, gid: None } => listed
            .find(|(_, listed)| listed.uid == *uid)
            .map(|(_, listed)| listed),
        value::User::Name(wanted) => listed
            .find(|(name, _)| **name == **wanted)
            .map(|(_, listed)| listed),
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Makes the data directory, for `user` alone; folders above it that are not there are root's.
fn make(directory: &Path, user: User) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::because(
            format_args!("{} cannot be made", directory.display()),
            &error,
        )
    };
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    give(directory, user)
}

fn give(directory: &Path, user: User) -> Result<(), Failure> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    chown(directory, Some(uid), Some(gid)).map_err(|error| {
        let what = format!("{} cannot be given to {user}", directory.display());
        Failure::because(what, &io::Error::from(error))
    })
}

/// Whether a server that root starts would stay root.
pub(crate) fn stays_root(config: &Config) -> bool {
    let is_roots = |path: &Path| fs::metadata(path).map_or(true, |folder| folder.uid() == 0);
    match &config.user {
        Some(user) => matches!(resolve(user), Ok(User { uid: 0, .. })),
        None => is_roots(&config.data_dir),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nmail:x:8:12::/var/mail:\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let name = |name: &str| value::User::Name(name.into());
        let number = |uid, gid| value::User::Number { uid, gid };
        let mail = Some(User { uid: 8, gid: 12 });
        assert_eq!(find(&name("mail"), USERS), mail);
        assert_eq!(find(&number(8, None), USERS), mail);
        assert_eq!(find(&number(8, Some(12)), ""), mail);
        assert_eq!(find(&name("nobody"), USERS), None);
        assert_eq!(find(&number(9, None), USERS), None);
    }
}
