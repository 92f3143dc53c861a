//! Users of this machine.

use std::fs;

/// Where users are named.
const USERS: &str = "/etc/passwd";

/// The name of a user; `uid-1000` for one that the file of users does not name. A name service is
/// not asked. Reads a file: not for a thread that must not wait.
pub fn name(uid: u32) -> String {
    let users = fs::read_to_string(USERS).unwrap_or_default();
    name_in(&users, uid).unwrap_or_else(|| format!("uid-{uid}"))
}

/// The user of a number: `name:x:uid:…` (passwd(5)).
fn name_in(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    };
    users.lines().find_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/bin/sh\nbroken\n";
        assert_eq!(name_in(users, 33).as_deref(), Some("www-data"));
        assert_eq!(name_in(users, 3), None);
    }
}
