//! What goes between a server and its keeper: one packet a question, one an answer, on a socket
//! of theirs alone (unix(7), SOCK_SEQPACKET).

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recv, recvmsg, sendmsg,
};

/// Octets of a question: a path of the longest length, and what is asked of it.
const ASK_OCTETS_MAX: usize = 4096 + 1;

/// Octets of an answer: an error number of the system, 0 when a descriptor comes with it.
const ANSWER_OCTETS: usize = 4;

/// What a server asks of its keeper.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A port, bound and listening.
    Bind(SocketAddr),
    /// A file or folder, to read.
    Open(PathBuf),
}

impl Ask {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Bind(address) => format!("B{address}").into_bytes(),
            Self::Open(path) => [b"O", path.as_os_str().as_bytes()].concat(),
        }
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        let (kind, rest) = packet.split_first()?;
        match kind {
            b'B' => Some(Self::Bind(std::str::from_utf8(rest).ok()?.parse().ok()?)),
            b'O' => Some(Self::Open(OsStr::from_bytes(rest).into())),
            _ => None,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address) => write!(f, "{address}"),
            Self::Open(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Sends a question.
pub(crate) fn send(line: BorrowedFd<'_>, ask: &Ask) -> io::Result<()> {
    let packet = ask.encode();
    if packet.len() > ASK_OCTETS_MAX {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    rustix::net::send(line, &packet, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Takes a question.
///
/// # Errors
/// `UnexpectedEof` when the server is gone, `InvalidData` for no question of ours.
pub(crate) fn receive(line: BorrowedFd<'_>) -> io::Result<Ask> {
    let mut packet = [0; ASK_OCTETS_MAX];
    let (octets, _) = recv(line, &mut packet, RecvFlags::empty())?;
    if octets == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let packet = packet.get(..octets).unwrap_or_default();
    Ask::decode(packet).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Sends an answer.
pub(crate) fn send_answer(line: BorrowedFd<'_>, answer: io::Result<OwnedFd>) -> io::Result<()> {
    let (number, fd) = match answer {
        Ok(fd) => (0, Some(fd)),
        Err(error) => (error.raw_os_error().unwrap_or(NOT_ALLOWED), None),
    };
    let fds = fd.as_ref().map(AsFd::as_fd);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(fd) = &fds {
        control.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(fd)));
    }
    let number = i32::to_le_bytes(number);
    sendmsg(
        line,
        &[IoSlice::new(&number)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// EACCES, which a keeper also answers for what it does not give.
pub(crate) const NOT_ALLOWED: i32 = rustix::io::Errno::ACCESS.raw_os_error();

/// Takes an answer.
pub(crate) fn receive_answer(line: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut number = [0; ANSWER_OCTETS];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        line,
        &mut [IoSliceMut::new(&mut number)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes != ANSWER_OCTETS {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the keeper is gone",
        ));
    }
    let mut fds = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    match (i32::from_le_bytes(number), fds.next()) {
        (0, Some(fd)) => Ok(fd),
        (0, None) => Err(io::ErrorKind::InvalidData.into()),
        (number, _) => Err(io::Error::from_raw_os_error(number)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC;
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    }

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let (server, keeper) = pair();
        for ask in [
            Ask::Bind("[::1]:25".parse().unwrap()),
            Ask::Open("/etc/mail key.pem".into()),
        ] {
            send(server.as_fd(), &ask).unwrap();
            assert_eq!(receive(keeper.as_fd()).unwrap(), ask);
        }
        assert!(send(server.as_fd(), &Ask::Open("x".repeat(5_000).into())).is_err());
        rustix::net::send(&server, b"Bnowhere", SendFlags::empty()).unwrap();
        let strange = receive(keeper.as_fd()).unwrap_err();
        assert_eq!(strange.kind(), io::ErrorKind::InvalidData);
        drop(server);
        let gone = receive(keeper.as_fd()).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_answer_is_a_descriptor_or_an_error() {
        let (server, keeper) = pair();
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        send_answer(keeper.as_fd(), Ok(file.into())).unwrap();
        let mut text = String::new();
        let mut file = std::fs::File::from(receive_answer(server.as_fd()).unwrap());
        file.read_to_string(&mut text).unwrap();
        assert!(text.contains(')'), "{text}");

        let refused = io::Error::from_raw_os_error(NOT_ALLOWED);
        send_answer(keeper.as_fd(), Err(refused)).unwrap();
        let error = receive_answer(server.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        drop(keeper);
        let gone = receive_answer(server.as_fd()).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }
}
