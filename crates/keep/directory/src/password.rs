//! Hashes of passwords: made with ARGON2ID, verified in the schemes that other servers left behind.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom_runtime::random::Random;
use sha_crypt::ShaCrypt;
use subtle::ConstantTimeEq;

/// Octets of a password that are looked at; longer ones never match.
pub const PASSWORD_OCTETS_MAX: usize = 1024;

/// What a new ARGON2ID hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// The second recommendation of OWASP: 19 MiB, two passes.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

impl Cost {
    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, None).unwrap_or_default()
    }
}

/// A text is no hash that this server can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of ARGON2ID, SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT or SSHA")]
pub struct SchemeError;

/// How a password was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Argon2id,
    BlfCrypt,
    ShaCrypt,
    Ssha,
}

/// Octets of a salt.
const SALT_OCTETS: usize = 16;

/// Hashes a password with ARGON2ID and a new salt. Cost: tens of milliseconds and `cost.memory_kib`
/// of memory; not for an async worker.
///
/// # Panics
/// Never for a [`Cost`] that [`Params`] takes; others fall back to the default cost.
pub fn hash(password: &str, cost: Cost, random: &Random) -> String {
    let mut salt = [0; SALT_OCTETS];
    random.fill(&mut salt);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params())
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash: PasswordHash| hash.to_string())
        .expect("invariant: salt and password have lengths that ARGON2ID takes")
}

/// Checks that `hash` can be verified, with or without the `{SCHEME}` that Dovecot writes in front.
///
/// # Errors
/// When its scheme is none of those known.
pub fn check(hash: &str) -> Result<(), SchemeError> {
    let (scheme, text) = split(hash).ok_or(SchemeError)?;
    let is_whole = match scheme {
        Scheme::Argon2id => PasswordHash::new(text).is_ok(),
        Scheme::BlfCrypt => text.len() == 60,
        Scheme::ShaCrypt => text.split('$').count() >= 4,
        Scheme::Ssha => STANDARD
            .decode(text)
            .is_ok_and(|bytes| bytes.len() > SHA1_OCTETS),
    };
    if is_whole { Ok(()) } else { Err(SchemeError) }
}

/// Whether `password` is the one that was hashed. Cost: that of the hash; not for an async worker.
pub fn verify(hash: &str, password: &str) -> bool {
    if password.len() > PASSWORD_OCTETS_MAX {
        return false;
    }
    match split(hash) {
        Some((Scheme::Argon2id, text)) => PasswordHash::new(text).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        }),
        Some((Scheme::BlfCrypt, text)) => bcrypt::verify(password, text).unwrap_or(false),
        Some((Scheme::ShaCrypt, text)) => sha_crypt::PasswordHash::new(text).is_ok_and(|hash| {
            ShaCrypt::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        }),
        Some((Scheme::Ssha, text)) => ssha(text, password),
        None => false,
    }
}

const SHA1_OCTETS: usize = 20;

/// `{SSHA}`: SHA-1 over password and salt, then the salt (RFC 2307 as OpenLDAP extended it).
fn ssha(text: &str, password: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(text) else {
        return false;
    };
    let Some((expected, salt)) = bytes.split_at_checked(SHA1_OCTETS) else {
        return false;
    };
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(password.as_bytes());
    context.update(salt);
    context.finish().as_ref().ct_eq(expected).into()
}

fn split(hash: &str) -> Option<(Scheme, &str)> {
    if let Some((name, text)) = hash.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let scheme = match name.to_ascii_uppercase().as_str() {
            "ARGON2ID" => Scheme::Argon2id,
            "BLF-CRYPT" => Scheme::BlfCrypt,
            "SHA256-CRYPT" | "SHA512-CRYPT" => Scheme::ShaCrypt,
            "CRYPT" => return bare(text),
            "SSHA" => Scheme::Ssha,
            _ => return None,
        };
        return Some((scheme, text));
    }
    bare(hash)
}

/// A hash in modular crypt format, known by its first field.
fn bare(text: &str) -> Option<(Scheme, &str)> {
    let scheme = match text.strip_prefix('$')?.split('$').next()? {
        "argon2id" => Scheme::Argon2id,
        "2a" | "2b" | "2y" => Scheme::BlfCrypt,
        "5" | "6" => Scheme::ShaCrypt,
        _ => return None,
    };
    Some((scheme, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
    };

    #[test]
    fn a_new_hash_verifies_its_own_password_alone() {
        let random = Random::seeded(1);
        let one = hash("correct horse", CHEAP, &random);
        assert!(one.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_ne!(one, hash("correct horse", CHEAP, &random));
        assert!(verify(&one, "correct horse"));
        assert!(verify(&format!("{{ARGON2ID}}{one}"), "correct horse"));
        assert!(!verify(&one, "correct horsf"));
        assert!(!verify(&one, ""));
    }

    /// Made with libxcrypt 4.4 and SHA-1 of the standard library of Python.
    #[test]
    fn hashes_of_other_servers_verify() {
        let hashes = [
            "{SHA512-CRYPT}$6$rounds=5000$saltstring$Ga5AZEygZM1NsNVqg4jctvUhmVhSsznDVkQmmM6IPjrP4OWfs5C01G1.BTa8TZCmMw6DGy9qo/WlOQE75rVcE.",
            "$6$abcdefgh01234567$MLIW5YLEvDk.mec12aAFx5wsUTjCUWz7FkMwNMf5CR9KWGN8rmM7LnDKpGDyoGmhIcRkxCbKsXLBmRJ9iPwf0.",
            "{SHA256-CRYPT}$5$abcdefgh$iBRMNCoMjK.I.gL6/nhOzNQjKp1sQ.7a6XLhaXdfub0",
            "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuu0r2BWCkxzoI379TrCxBDTxgD3NIDFOW",
            "{CRYPT}$5$rounds=1000$zz$uPgQCcfn3Hk3S/9o6V.3anxHpn6/3PuQgX/dEK/Qnb8",
            "{SSHA}XbGTxJc7Iego5woCKM6IR3/vokBzYWx0c2FsdA==",
        ];
        for hash in hashes {
            assert_eq!(check(hash), Ok(()), "{hash}");
            assert!(verify(hash, "Tr0ub4dor&3 ü"), "{hash}");
            assert!(!verify(hash, "wrong"), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_and_never_verifies() {
        for text in [
            "",
            "plain",
            "{PLAIN}secret",
            "{SSHA}",
            "{SSHA}!!",
            "$1$salt$x",
            "$2y$10$short",
            "$argon2id$",
        ] {
            assert_eq!(check(text), Err(SchemeError), "{text}");
            assert!(!verify(text, "secret"), "{text}");
            assert!(!verify(text, ""), "{text}");
        }
    }
}
