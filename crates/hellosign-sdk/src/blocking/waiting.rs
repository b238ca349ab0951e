//! Waiting for a future on a thread that runs nothing else.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread that moves bytes and watches the clock for the callers. It ends when this is dropped.
pub(super) struct Background {
    runtime: Handle,
    _ends_when_dropped: oneshot::Sender<()>,
}

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (sender, dropped) = oneshot::channel::<()>();
        thread::Builder::new().name("hellosign-sdk".to_owned()).spawn(move || {
            // The error is what is waited for: that the sender is gone.
            let _ = runtime.block_on(dropped);
        })?;
        Ok(Self { runtime: handle, _ends_when_dropped: sender })
    }

    /// Runs a future on this thread, its connections and timers on the other. It may be called
    /// anywhere; inside of an asynchronous task it holds up that task's thread.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        let _context = self.runtime.enter();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
