//! The host as the driver of sessions sees it.

use std::io;
use std::ops::Range;

use postroom_imap::question::{Answer, News, Question, Source};
use postroom_imap::server::Server;
use postroom_mail::identifier::BlobId;
use postroom_net::Host;
use postroom_runtime::telemetry::ImapCommand;
use postroom_store::operation::Rendering;

use super::binary::Decoding;
use super::work::Work;
use super::{ImapHost, reply};
use crate::authenticator::Authenticator;

/// Octets of a body that are read at once.
const PIECE_OCTETS: u64 = 64 * 1024;

/// Octets of a message on their way to the client.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) blob: BlobId,
    pub(super) rendering: Rendering,
    /// What is left to read.
    pub(super) range: Range<u64>,
    /// Takes the transfer encoding off.
    pub(super) decoding: Option<Box<Decoding>>,
}

impl Stream {
    /// Whether all that was promised is sent.
    fn is_done(&self) -> bool {
        match &self.decoding {
            Some(decoding) => decoding.is_done(),
            None => self.range.is_empty(),
        }
    }
}

impl<A: Authenticator> Host<Server> for ImapHost<A> {
    async fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Authenticate(credentials) => self.authenticate(credentials).await,
            Question::Execute { request, .. } => self.execute(*request).await,
            Question::More => match self.work.take() {
                Some(work) => self.page(work).await,
                None => Answer::Done(Vec::new(), reply::SERVER_BUG),
            },
            Question::AppendBegin(head) => {
                self.note(ImapCommand::Append);
                self.append_begin(*head).await
            }
            Question::AppendEnd => self.append_end().await,
            Question::AppendAbandon => self.append_abandon(),
            Question::Poll => {
                self.note(ImapCommand::Idle);
                let work: Work = self.poll().await;
                self.page(work).await
            }
        }
    }

    async fn body(&mut self, octets: &[u8]) {
        self.append_body(octets).await;
    }

    async fn news(&mut self) -> News {
        match &mut self.selected {
            Some(selected) => selected.changed().await,
            None => std::future::pending().await,
        }
        News::Stir
    }

    fn drain() -> News {
        News::Drain
    }

    async fn read(&mut self, source: &mut Source, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let stream = usize::try_from(source.ticket)
            .ok()
            .and_then(|place| self.streams.get_mut(place))
            .ok_or(io::ErrorKind::NotFound)?;
        let end = stream.range.end.min(stream.range.start + PIECE_OCTETS);
        let piece = stream.range.start..end;
        let wanted = piece.end - piece.start;
        let store = self.imap.mailboxes.store();
        let octets = store
            .read(stream.blob, &stream.rendering, piece)
            .await
            .map_err(io::Error::other)?;
        if octets.len() as u64 != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.range.start = end;
        match &mut stream.decoding {
            Some(decoding) => decoding.feed(&octets, stream.range.is_empty(), buffer)?,
            None => buffer.extend_from_slice(&octets),
        }
        Ok(!stream.is_done())
    }
}
