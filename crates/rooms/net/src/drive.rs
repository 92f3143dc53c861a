//! The driver: does what a machine says, one step after the other.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Instant;

use postroom_runtime::group::Token;
use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;

use crate::broken::Broken;
use crate::host::{Driven, Host};
use crate::line::Line;
use crate::stream::Found;
use crate::tls::Side;

/// Calls without progress after which a machine is taken for stuck; two or three are honest.
const SPINS_MAX: u32 = 1_000;

/// An event that waits to be told; `Bytes` are looked up when it is.
enum Cue<M: Machine> {
    Bytes,
    Answer(M::Answer),
    News(M::News),
    Secured(Tls),
    Ready,
    Expired,
    Closed,
}

/// What ended a wait.
enum Wake<M: Machine> {
    Readable,
    News(M::News),
    Drain,
    Due,
}

/// One machine, its host and their connection.
pub(crate) struct Driver<M: Driven, H: Host<M>> {
    pub(crate) host: H,
    pub(crate) machine: M,
    tls: Option<Side>,
    /// Asks this session to end.
    drain: Token,
    drain_told: bool,
    /// The deadline that `Expired` was last told for.
    expired: Option<Instant>,
    end_told: bool,
    /// How often the machine came back without taking anything, on end.
    spins: u32,
}

impl<M: Driven, H: Host<M>> Driver<M, H> {
    pub(crate) fn new(machine: M, host: H, tls: Option<Side>, drain: Token) -> Self {
        Self {
            host,
            machine,
            tls,
            drain,
            drain_told: false,
            expired: None,
            end_told: false,
            spins: 0,
        }
    }

    /// Drives until the session is over. With `secure_first` the handshake comes before all else,
    /// and `Secured` before the first `Ready`; so do the `Bytes` of a peer that did not wait for
    /// the greeting.
    pub(crate) async fn run(&mut self, line: &mut Line, secure_first: bool) -> Result<(), Broken> {
        if secure_first {
            let agreed = self.secure(line).await?;
            let (_, next) = step(&mut self.machine, Cue::Secured(agreed), line);
            if matches!(next, Next::Close) {
                return line.flush().await;
            }
        }
        if line.read_early().await? {
            let (taken, _) = step(&mut self.machine, Cue::Bytes, line);
            line.take(taken);
        }
        let mut cue = Some(Cue::Ready);
        while let Some(now) = cue {
            // Answers that are there at once must not keep the other sessions from their turn.
            tokio::task::consume_budget().await;
            cue = self.turn(now, line).await?;
        }
        line.flush().await
    }

    /// Tells one event and does what the machine says to it; nothing at its end.
    async fn turn(&mut self, cue: Cue<M>, line: &mut Line) -> Result<Option<Cue<M>>, Broken> {
        let (taken, next) = step(&mut self.machine, cue, line);
        let is_spin = taken == 0 && matches!(next, Next::Again);
        self.spins = if is_spin { self.spins + 1 } else { 0 };
        match next {
            Next::Body(octets) => {
                // Boxed, as answers are: an idle session does not carry room for their state.
                Box::pin(self.host.body(octets)).await;
                line.take(taken);
                Ok(Some(Cue::Bytes))
            }
            Next::Read => {
                line.take(taken);
                self.read(line).await
            }
            Next::Again => {
                line.take(taken);
                if self.spins > SPINS_MAX {
                    return Err(Broken::OutOfTurn);
                }
                Ok(Some(Cue::Bytes))
            }
            Next::Flush => {
                line.take(taken);
                line.flush().await?;
                Ok(Some(Cue::Ready))
            }
            Next::Ask(question) => {
                line.take(taken);
                self.ask(question, line).await
            }
            Next::Send(source) => {
                line.take(taken);
                Box::pin(self.send(source, line)).await?;
                Ok(Some(Cue::Ready))
            }
            Next::StartTls => self.secure(line).await.map(|tls| Some(Cue::Secured(tls))),
            Next::Close => Ok(None),
            // No machine offers it yet.
            Next::Compress => Err(Broken::OutOfTurn),
        }
    }

    /// Flushes and waits for bytes, news, time or the end. Nothing when the end was told before: a
    /// machine that waits on would wait for ever.
    async fn read(&mut self, line: &mut Line) -> Result<Option<Cue<M>>, Broken> {
        line.flush().await?;
        loop {
            if self.drain.is_cancelled() && !self.drain_told {
                self.drain_told = true;
                return Ok(Some(Cue::News(H::drain())));
            }
            let deadline = self.machine.deadline();
            if deadline <= line.now() {
                return self.tell_expired(deadline).map(Some);
            }
            match line.try_read()? {
                Found::Octets => return Ok(Some(Cue::Bytes)),
                Found::Nothing => {}
                Found::End if self.end_told => return Ok(None),
                Found::End => {
                    self.end_told = true;
                    return Ok(Some(Cue::Closed));
                }
            }
            line.rest().await?;
            let left = deadline.saturating_duration_since(line.now());
            let wake = tokio::select! {
                ready = line.readable() => ready.map(|()| Wake::<M>::Readable)?,
                news = self.host.news() => Wake::News(news),
                () = self.drain.cancelled(), if !self.drain_told => Wake::Drain,
                () = tokio::time::sleep(left) => Wake::Due,
            };
            match wake {
                Wake::Readable | Wake::Drain | Wake::Due => {}
                Wake::News(news) => return Ok(Some(Cue::News(news))),
            }
        }
    }

    /// Has a question answered. An answer that is there at once costs no write of its own, so
    /// that replies to pipelined commands leave together (RFC 2920 §3.2).
    async fn ask(
        &mut self,
        question: M::Question,
        line: &mut Line,
    ) -> Result<Option<Cue<M>>, Broken> {
        line.note_unread();
        let mut answer = Box::pin(self.host.answer(question));
        if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
            if self.drain.is_cancelled() && !self.drain_told {
                self.drain_told = true;
                let cue = Cue::News(H::drain());
                if !tell_while_asked(&mut self.machine, cue, line).await? {
                    return Ok(None);
                }
            }
            return Ok(Some(Cue::Answer(answer)));
        }
        if let Err(broken) = line.flush().await {
            // What was asked may be a commit: it is seen through, though nobody will hear of it.
            answer.await;
            return Err(broken);
        }
        loop {
            let deadline = self.machine.deadline();
            let left = deadline.saturating_duration_since(line.now());
            let cue = tokio::select! {
                biased;
                // Before the answer: the command in hand is to be the last.
                () = self.drain.cancelled(), if !self.drain_told => {
                    self.drain_told = true;
                    Cue::News(H::drain())
                }
                answer = &mut answer => return Ok(Some(Cue::Answer(answer))),
                () = tokio::time::sleep(left), if self.expired != Some(deadline) => {
                    self.expired = Some(deadline);
                    Cue::Expired
                }
            };
            match tell_while_asked(&mut self.machine, cue, line).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(broken) => {
                    answer.await;
                    return Err(broken);
                }
            }
        }
    }

    /// Tells the machine what the peer said before the connection failed: one that refuses and
    /// leaves in the middle of what it is sent has said why. Whether the machine ended the session
    /// by what it heard.
    pub(crate) async fn hear_last(&mut self, line: &mut Line) -> bool {
        line.read_last().await;
        let mut cue = Cue::Bytes;
        for _ in 0..SPINS_MAX {
            let (taken, next) = step(&mut self.machine, cue, line);
            cue = match next {
                Next::Again => Cue::Bytes,
                Next::Ask(question) => Cue::Answer(self.host.answer(question).await),
                Next::Close => return true,
                _ => return false,
            };
            line.take(taken);
            line.out.clear();
        }
        false
    }

    /// Streams a source, no longer than until the machine's deadline.
    async fn send(&mut self, mut source: M::Source, line: &mut Line) -> Result<(), Broken> {
        let mut piece = line.lend();
        loop {
            if self.machine.deadline() <= line.now() {
                return Err(Broken::Stalled);
            }
            piece.clear();
            let more = self
                .host
                .read(&mut source, &mut piece)
                .await
                .map_err(Broken::Source)?;
            line.send(&piece).await?;
            if !more {
                break;
            }
        }
        line.take_back(piece);
        Ok(())
    }

    /// Shakes hands; a drain does not wait for a peer that has not.
    async fn secure(&mut self, line: &mut Line) -> Result<Tls, Broken> {
        let side = self.tls.as_ref().ok_or(Broken::OutOfTurn)?;
        let agreed = tokio::select! {
            agreed = line.secure(side) => agreed?,
            () = self.drain.cancelled(), if !self.drain_told => return Err(Broken::Cut),
        };
        self.host.secured(&agreed);
        Ok(agreed)
    }

    /// A machine that stays in a state whose time is over has not answered `Expired`.
    fn tell_expired(&mut self, deadline: Instant) -> Result<Cue<M>, Broken> {
        if self.expired.replace(deadline) == Some(deadline) {
            return Err(Broken::OutOfTurn);
        }
        Ok(Cue::Expired)
    }
}

/// One step of a machine over what is unread.
fn step<'i, M: Machine>(machine: &mut M, cue: Cue<M>, line: &'i mut Line) -> (usize, Next<'i, M>) {
    let now = line.now();
    let (unread, out) = line.parts();
    tell(machine, now, cue, unread, out)
}

fn tell<'i, M: Machine>(
    machine: &mut M,
    now: Instant,
    cue: Cue<M>,
    unread: &'i [u8],
    out: &mut Output,
) -> (usize, Next<'i, M>) {
    let event = match cue {
        Cue::Bytes => return machine.step(now, Event::Bytes(unread), out),
        Cue::Answer(answer) => Event::Answer(answer),
        Cue::News(news) => Event::News(news),
        Cue::Secured(tls) => Event::Secured(tls),
        Cue::Ready => Event::Ready,
        Cue::Expired => Event::Expired,
        Cue::Closed => Event::Closed,
    };
    // Only bytes can be taken.
    let (_, next) = machine.step(now, event, out);
    (0, next)
}

/// Tells a machine something while its question is out: it may speak, wait on or close.
/// False when it closes.
async fn tell_while_asked<M: Driven>(
    machine: &mut M,
    mut cue: Cue<M>,
    line: &mut Line,
) -> Result<bool, Broken> {
    loop {
        let next = match step(machine, cue, line).1 {
            Next::Read | Next::Again => Ok(true),
            Next::Flush => Err(()),
            Next::Close => Ok(false),
            _ => return Err(Broken::OutOfTurn),
        };
        line.flush().await?;
        match next {
            Ok(goes_on) => return Ok(goes_on),
            Err(()) => cue = Cue::Ready,
        }
    }
}
