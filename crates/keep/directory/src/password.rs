//! Hashes of passwords: made with ARGON2ID, verified in the schemes that other servers left behind.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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

/// Memory of ARGON2ID, handed from one hash to the next; as many pieces as hash at the same time.
///
/// Taken anew for each hash it would not fit into the hole that the last one left in the heap,
/// by the few octets that aligning it costs: the heap would grow by 19 MiB with every login until
/// all arenas of the allocator are full.
#[derive(Debug, Default)]
pub struct Workspace(Mutex<Vec<Vec<Block>>>);

impl Workspace {
    /// Runs ARGON2 on memory that was used before, or on new memory.
    fn derive(
        &self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        out: &mut [u8],
    ) -> argon2::Result<()> {
        let mut memory = self.pieces().pop().unwrap_or_default();
        let blocks = argon2.params().block_count();
        if memory.len() < blocks {
            memory = vec![Block::default(); blocks];
        }
        let used = memory.get_mut(..blocks).unwrap_or_default();
        let derived = argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, used);
        self.pieces().push(memory);
        derived
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes a password with ARGON2ID and a new salt. Cost: tens of milliseconds and `cost.memory_kib`
/// of memory; not for an async worker.
///
/// # Panics
/// Never for a [`Cost`] that [`Params`] takes; others fall back to the default cost.
pub fn hash(password: &str, cost: Cost, random: &Random, workspace: &Workspace) -> String {
    let mut salt = [0; SALT_OCTETS];
    random.fill(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    workspace
        .derive(&argon2, password, &salt, &mut out)
        .expect("invariant: salt and password have lengths that ARGON2ID takes");
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).expect("invariant: numbers are parameters"),
        salt: Some(Salt::new(&salt).expect("invariant: the length of a salt")),
        hash: Some(Output::new(&out).expect("invariant: the length of an output")),
    };
    hash.to_string()
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
pub fn verify(hash: &str, password: &str, workspace: &Workspace) -> bool {
    if password.len() > PASSWORD_OCTETS_MAX {
        return false;
    }
    match split(hash) {
        Some((Scheme::Argon2id, text)) => argon2id(text, password, workspace).unwrap_or(false),
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

/// Whether verifying `hash` takes at least the work of a new hash of this cost.
pub(crate) fn costs(hash: &str, cost: Cost) -> bool {
    let Some((Scheme::Argon2id, text)) = split(hash) else {
        return false;
    };
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    PasswordHash::new(text)
        .ok()
        .and_then(|hash| Params::try_from(&hash).ok())
        .is_some_and(|params| work(&params) >= work(&cost.params()))
}

/// Takes as long as [`verify`] does with a hash of `cost`: for accounts that do not exist.
pub fn pretend(password: &str, cost: Cost, workspace: &Workspace) {
    if password.len() <= PASSWORD_OCTETS_MAX {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        // Nobody looks at the outcome.
        let _ = workspace.derive(&argon2, password, &[0; SALT_OCTETS], &mut out);
    }
}

/// `None` when the text is no ARGON2ID hash or lacks one of its parts.
fn argon2id(text: &str, password: &str, workspace: &Workspace) -> Option<bool> {
    let hash = PasswordHash::new(text).ok()?;
    let version = match hash.version {
        Some(version) => Version::try_from(version).ok()?,
        None => Version::default(),
    };
    let params = Params::try_from(&hash).ok()?;
    let expected = hash.hash.as_ref()?.as_bytes();
    let mut found = [0; Output::MAX_LENGTH];
    let found = found.get_mut(..expected.len())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
    workspace
        .derive(&argon2, password, hash.salt.as_ref()?, found)
        .ok()?;
    Some(found.ct_eq(expected).into())
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
        let workspace = Workspace::default();
        let one = hash("correct horse", CHEAP, &random, &workspace);
        assert!(one.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_ne!(one, hash("correct horse", CHEAP, &random, &workspace));
        assert!(verify(&one, "correct horse", &workspace));
        assert!(verify(
            &format!("{{ARGON2ID}}{one}"),
            "correct horse",
            &workspace
        ));
        assert!(!verify(&one, "correct horsf", &workspace));
        assert!(!verify(&one, "", &workspace));
    }

    #[test]
    fn memory_is_used_again_whatever_a_hash_asks_for() {
        let (random, workspace) = (Random::seeded(2), Workspace::default());
        let large = Cost {
            memory_kib: 256,
            passes: 2,
        };
        let hashes = [CHEAP, large, CHEAP].map(|cost| hash("secret", cost, &random, &workspace));
        for hash in &hashes {
            assert!(verify(hash, "secret", &workspace));
            assert!(!verify(hash, "Secret", &workspace));
        }
        // The reference implementation of the crate, on memory of its own, agrees.
        let known = PasswordHash::new(&hashes[1]).unwrap();
        assert!(Argon2::default().verify_password(b"secret", &known).is_ok());
        assert_eq!(workspace.pieces().len(), 1);
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
        let workspace = Workspace::default();
        for hash in hashes {
            assert_eq!(check(hash), Ok(()), "{hash}");
            assert!(verify(hash, "Tr0ub4dor&3 ü", &workspace), "{hash}");
            assert!(!verify(hash, "wrong", &workspace), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_and_never_verifies() {
        let workspace = Workspace::default();
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
            assert!(!verify(text, "secret", &workspace), "{text}");
            assert!(!verify(text, "", &workspace), "{text}");
        }
    }
}
