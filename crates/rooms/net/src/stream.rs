//! A connection in clear text or under TLS, which holds no buffer while nothing moves.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use postroom_wire::machine::Tls;
use rustls::Connection;

use crate::buffers::{Buffers, SIZE};
use crate::socket::Socket;
use crate::tls::Side;

/// Plain octets that are put under TLS before any is sent: two records.
const SEALED_MAX: usize = 32 * 1024;
/// Spare room below which a buffer grows before it is read into.
const ROOM_MIN: usize = 4 * 1024;

/// What reading without waiting found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Octets were appended.
    Octets,
    /// Nothing yet.
    Nothing,
    /// The peer sends no more.
    End,
}

/// One connection.
pub(crate) struct Stream {
    socket: Arc<Socket>,
    tls: Option<Box<Connection>>,
}

impl Stream {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self { socket, tls: None }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Appends what has arrived to `unread` without waiting. An `unread` without room is given
    /// some: from `buffers` while it is small, by doubling when it is not.
    pub(crate) fn try_read(
        &mut self,
        unread: &mut Vec<u8>,
        buffers: &Buffers,
    ) -> io::Result<Found> {
        let Some(tls) = &mut self.tls else {
            make_room(unread, buffers);
            return match self.socket.try_append_to(unread) {
                Ok(0) => Ok(Found::End),
                Ok(_) => Ok(Found::Octets),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Found::Nothing),
                Err(error) => Err(error),
            };
        };
        loop {
            match take_plaintext(tls, unread, buffers)? {
                Found::Nothing => {}
                found => return Ok(found),
            }
            match tls.read_tls(&mut &*self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Found::Nothing);
                }
                Err(error) => return Err(error),
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that says why; a peer that cannot take it now goes without.
                let _ = tls.write_tls(&mut &*self.socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// Writes all of `bytes`. Not cancel safe: a part may have been written.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            return write_plain(&self.socket, bytes).await;
        };
        for piece in bytes.chunks(SEALED_MAX) {
            tls.writer().write_all(piece)?;
            send_records(&self.socket, tls).await?;
        }
        Ok(())
    }

    /// Whether TLS itself has something to say, such as the answer to a key update.
    pub(crate) fn has_records(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Sends what TLS itself has to say.
    pub(crate) async fn send_records(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => send_records(&self.socket, tls).await,
            None => Ok(()),
        }
    }

    /// Shakes hands. What the caller holds unread must be gone by now (RFC 3207 §4.2).
    pub(crate) async fn secure(&mut self, side: &Side) -> io::Result<Tls> {
        let tls = handshake(&self.socket, side).await?;
        let agreed = side.agreed(&tls);
        self.tls = Some(tls);
        Ok(agreed)
    }

    /// Says that nothing more is sent: close_notify (RFC 8446 §6.1), then the end of the TCP side.
    pub(crate) async fn end(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            send_records(&self.socket, tls).await?;
        }
        self.socket.end()
    }

    /// Throws away what arrives until the peer ends too. Closing over unread octets would make
    /// the kernel send a reset, which can overtake the last reply (RFC 1122 §4.2.2.13).
    pub(crate) async fn linger(&self, buffers: &Buffers) {
        let mut thrown = buffers.lend();
        while self.socket.readable().await.is_ok() {
            thrown.clear();
            match self.socket.try_append_to(&mut thrown) {
                Ok(0) => break,
                Ok(_) => tokio::task::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        buffers.take_back(thrown);
    }
}

fn make_room(unread: &mut Vec<u8>, buffers: &Buffers) {
    if unread.capacity() < SIZE {
        // Small: nothing, or what was kept of an unfinished line.
        let mut lent = buffers.lend();
        lent.extend_from_slice(unread);
        *unread = lent;
    }
    if unread.capacity() - unread.len() < ROOM_MIN {
        unread.reserve(SIZE);
    }
}

/// Moves all that is decrypted into `unread`.
fn take_plaintext(
    tls: &mut Connection,
    unread: &mut Vec<u8>,
    buffers: &Buffers,
) -> io::Result<Found> {
    let mut reader = tls.reader();
    let mut found = Found::Nothing;
    loop {
        let octets = match reader.fill_buf() {
            Ok([]) => {
                return Ok(if found == Found::Octets {
                    found
                } else {
                    Found::End
                });
            }
            Ok(plain) => {
                if found == Found::Nothing {
                    make_room(unread, buffers);
                    found = Found::Octets;
                }
                unread.extend_from_slice(plain);
                plain.len()
            }
            Err(error) => match error.kind() {
                // Without close_notify. SMTP and IMAP end by words of their own, so that a cut
                // takes nothing unnoticed.
                io::ErrorKind::UnexpectedEof if found == Found::Nothing => return Ok(Found::End),
                io::ErrorKind::WouldBlock | io::ErrorKind::UnexpectedEof => return Ok(found),
                _ => return Err(error),
            },
        };
        reader.consume(octets);
    }
}

async fn write_plain(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match (&*socket).write(bytes) {
            Ok(octets) => bytes = bytes.get(octets..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn send_records(socket: &Socket, tls: &mut Connection) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(&mut &*socket) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn handshake(socket: &Socket, side: &Side) -> io::Result<Box<Connection>> {
    let mut tls = Box::new(side.connection().map_err(io::Error::other)?);
    loop {
        send_records(socket, &mut tls).await?;
        if !tls.is_handshaking() {
            return Ok(tls);
        }
        match tls.read_tls(&mut &*socket) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {
                if let Err(error) = tls.process_new_packets() {
                    let _ = tls.write_tls(&mut &*socket);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable().await?,
            Err(error) => return Err(error),
        }
    }
}
