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

/// In which phase a connection is. Its stream and its service say so as they go, which takes neither a timer nor a
/// look at a clock: who looks every now and then, and finds what it has found before, knows how long it has lasted.
#[derive(Debug)]
pub(super) struct Watch {
    /// How many phases there have been, times eight; and the phase.
    state: AtomicU64,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { state: AtomicU64::new(Phase::New as u64) }
    }

    /// The phase that begins now. Only the connection's own task says so.
    pub(super) fn enter(&self, phase: Phase) {
        let next = (self.state.load(Ordering::Relaxed) >> 3).wrapping_add(1);
        self.state.store(next << 3 | phase as u64, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        Phase::ALL[(self.state.load(Ordering::Relaxed) & 7) as usize % Phase::ALL.len()]
    }

    /// Completes when a phase has lasted longer than it may: no earlier, and later by no more than half of the
    /// shortest of them.
    pub(super) async fn overstayed(&self, limits: &Limits) -> Phase {
        let shortest = limits.head_timeout.min(limits.answer_timeout).min(limits.keep_alive);
        let look = (shortest / 4).max(Duration::from_millis(1));
        let mut seen = (self.state.load(Ordering::Relaxed), Instant::now());
        loop {
            tokio::time::sleep(look).await;
            let state = self.state.load(Ordering::Relaxed);
            if state != seen.0 {
                seen = (state, Instant::now());
                continue;
            }
            let phase = self.phase();
            if phase.limit(limits).is_some_and(|limit| seen.1.elapsed() >= limit) {
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
