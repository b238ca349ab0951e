//! A connection that somebody keeps an eye on: a client that does not say, or does not read, is let go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::limits::Limits;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its first request's first byte.
    New,
    /// The rest of a head.
    Head,
    /// Us.
    Handling,
    /// The client, to read its answer.
    Answering,
    /// Another request.
    Idle,
}

impl Phase {
    const ALL: [Self; 5] = [Self::New, Self::Head, Self::Handling, Self::Answering, Self::Idle];

    /// How long it may last; `None` where others see to it.
    fn limit(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::New | Self::Head => Some(limits.head_timeout),
            Self::Handling => None,
            Self::Answering => Some(limits.answer_timeout),
            Self::Idle => Some(limits.keep_alive),
        }
    }
}

/// In which phase a connection is, and since when. Its stream and its service say so as they go, which takes no timer:
/// one look every now and then finds what has lasted too long.
#[derive(Debug)]
pub(super) struct Watch {
    accepted_at: Instant,
    /// Milliseconds after that, times eight; and the phase.
    state: AtomicU64,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { accepted_at: Instant::now(), state: AtomicU64::new(Phase::New as u64) }
    }

    /// The phase that begins now.
    pub(super) fn enter(&self, phase: Phase) {
        let now = u64::try_from(self.accepted_at.elapsed().as_millis()).unwrap_or(u64::MAX >> 3);
        self.state.store(now << 3 | phase as u64, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        Phase::ALL[(self.state.load(Ordering::Relaxed) & 7) as usize % Phase::ALL.len()]
    }

    /// The phase that has lasted longer than it may.
    fn overdue(&self, limits: &Limits) -> Option<Phase> {
        let since = Duration::from_millis(self.state.load(Ordering::Relaxed) >> 3);
        let phase = self.phase();
        let lasted = self.accepted_at.elapsed().saturating_sub(since);
        phase.limit(limits).filter(|limit| lasted >= *limit).map(|_| phase)
    }

    /// Completes when a phase has lasted longer than it may: no later than a quarter of the shortest of them after
    /// that.
    pub(super) async fn overstayed(&self, limits: &Limits) -> Phase {
        let shortest = limits.head_timeout.min(limits.answer_timeout).min(limits.keep_alive);
        let look = (shortest / 4).max(Duration::from_millis(1));
        loop {
            tokio::time::sleep(look).await;
            if let Some(phase) = self.overdue(limits) {
                return phase;
            }
        }
    }
}

/// A stream that tells the watch what comes and goes.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) stream: TcpStream,
    pub(super) watch: Arc<Watch>,
}

impl Watched {
    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        // What an answer has left to say after a pause.
        if matches!(result, Poll::Ready(Ok(_)) | Poll::Pending) && self.watch.phase() == Phase::Idle {
            self.watch.enter(Phase::Answering);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && matches!(self.watch.phase(), Phase::New | Phase::Idle) {
            self.watch.enter(Phase::Head);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Everything that there was to write is written: the next thing is another request, or more of a body that comes
    /// bit by bit.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.watch.phase() == Phase::Answering {
            self.watch.enter(Phase::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
