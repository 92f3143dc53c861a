//! Ports that are free.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::random::Random;

/// Offsets are below the range the kernel gives to outgoing connections (from 32768).
const OFFSET_MIN: u16 = 10_000;
const OFFSETS: u64 = 17_000;

/// Tries to find an offset.
const TRIES_MAX: u32 = 200;

/// What listens (the usual ports, to which the offset is added).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Mail from a server in front of this one.
    Lmtp = 24,
    /// Mail from other servers.
    Smtp = 25,
    /// Health and metrics.
    Http = 80,
    /// Retrieval, TLS by STARTTLS.
    Imap = 143,
    /// Submission, TLS from the start.
    Submissions = 465,
    /// Submission, TLS by STARTTLS.
    Submission = 587,
    /// Retrieval, TLS from the start.
    Imaps = 993,
}

impl Role {
    const ALL: [Self; 7] = [
        Self::Lmtp,
        Self::Smtp,
        Self::Http,
        Self::Imap,
        Self::Submissions,
        Self::Submission,
        Self::Imaps,
    ];

    pub(super) fn address(self, offset: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, offset + self as u16).into()
    }
}

/// An offset at which each role finds its port free just now.
///
/// # Panics
/// When none is found.
pub(super) fn free_offset() -> u16 {
    let mut random = Random::fresh();
    for _ in 0..TRIES_MAX {
        let offset = OFFSET_MIN + u16::try_from(random.below(OFFSETS)).unwrap_or(0);
        let is_free = |role: &Role| TcpListener::bind(role.address(offset)).is_ok();
        if Role::ALL.iter().all(is_free) {
            return offset;
        }
    }
    panic!("no free ports in {TRIES_MAX} tries");
}
