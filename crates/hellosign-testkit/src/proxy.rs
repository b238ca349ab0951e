//! A way to a server that fails when the test says so.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Before the server has seen anything.
    BeforeRequest,
    /// When the server has done what was asked and answered: nobody gets the answer.
    AfterCommit,
}

/// Passes requests on, one for each connection, and cuts some of them.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    open: AtomicUsize,
    answers: AtomicUsize,
    before: AtomicUsize,
    after: AtomicUsize,
    held: Mutex<Option<oneshot::Receiver<()>>>,
}

impl FaultProxy {
    /// A proxy in front of this server.
    ///
    /// # Panics
    /// Where there is no port for it.
    pub async fn spawn(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                state.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let passed = pass(client, server, Arc::clone(&state)).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                    passed
                });
            }
        });
        Self { address, state, serving }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next so many requests fail like this.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        self.state.left(fault).store(count, Ordering::SeqCst);
    }

    /// Keeps the answer to the next request until this is told to let it go.
    #[must_use]
    pub fn hold_next_answer(&self) -> oneshot::Sender<()> {
        let (release, held) = oneshot::channel();
        *self.state.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        release
    }

    /// Waits until nothing of what clients have sent is on its way any more. They have to be gone.
    ///
    /// # Panics
    /// Where it cannot be reached.
    pub async fn settle(&self) {
        // Connections are accepted in turn: where this one was, those before it were.
        let mut last = TcpStream::connect(self.address).await.expect("a connection");
        last.shutdown().await.expect("its end");
        let _ = last.read_u8().await;
        while self.state.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// How many requests the server has answered.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.state.answers.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn left(&self, fault: Fault) -> &AtomicUsize {
        match fault {
            Fault::BeforeRequest => &self.before,
            Fault::AfterCommit => &self.after,
        }
    }

    fn is_next(&self, fault: Fault) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.left(fault).fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, state: Arc<State>) -> io::Result<()> {
    while let Some(request) = read_message(&mut client).await? {
        if state.is_next(Fault::BeforeRequest) {
            return Ok(());
        }
        let held = state.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut upstream = TcpStream::connect(server).await?;
        upstream.write_all(&request).await?;
        let answer = read_message(&mut upstream).await?.unwrap_or_default();
        state.answers.fetch_add(1, Ordering::SeqCst);
        if state.is_next(Fault::AfterCommit) {
            return Ok(());
        }
        if let Some(held) = held {
            // Dropped is as good as told.
            let _ = held.await;
        }
        client.write_all(&answer).await?;
    }
    Ok(())
}

/// A request or an answer with the body that its length announces; `None` at the end.
async fn read_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
        let length: usize = head.lines().find_map(length).unwrap_or(0);
        if bytes.len() >= head.len() + 4 + length {
            return Ok(Some(bytes));
        }
    }
}
