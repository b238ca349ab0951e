//! A way to any server, a database's for example, that is slow, silent or gone when the test says so.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Bytes read at once. Two times this many chunks at most are under way.
const CHUNK: usize = 16 * 1024;
const CHUNKS: usize = 64;

/// How the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each byte takes so long in each direction.
    Open(Duration),
    Cut,
    Silent,
    Gone,
}

/// Passes connections on, as well as the test lets it. It has a thread of its own, so tests need no runtime.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    serving: Option<JoinHandle<()>>,
}

impl TcpProxy {
    /// An open way to this server.
    ///
    /// # Panics
    /// Where there is no port or thread for it.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (way, ways) = watch::channel(Way::Open(Duration::ZERO));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let serving = thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                accept(listener, server, ways).await;
            });
        });
        Self { address, way, serving: Some(serving) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on everything takes this long, in each direction: an answer comes after twice that at the soonest.
    pub fn delay(&self, each_way: Duration) {
        self.way.send_replace(Way::Open(each_way));
    }

    /// Ends all connections, and each new one as soon as it is made.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Lets nothing through: connections are accepted and stay, and no byte arrives. What was sent meanwhile arrives
    /// when the way is open again.
    pub fn silence(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Opens the way again, without any delay.
    pub fn open(&self) {
        self.delay(Duration::ZERO);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.way.send_replace(Way::Gone);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, mut ways: watch::Receiver<Way>) {
    let connections = ways.clone();
    // The runtime ends with this, and all of its connections with it.
    tokio::select! {
        _ = ways.wait_for(|way| *way == Way::Gone) => {}
        () = async {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, connections.clone()));
            }
        } => {}
    }
}

async fn pass(client: TcpStream, server: SocketAddr, ways: watch::Receiver<Way>) {
    let mut cut = ways.clone();
    let both = async {
        pause(&mut ways.clone()).await;
        let Ok(upstream) = TcpStream::connect(server).await else { return };
        // A delay is the test's, and no one else's.
        let _ = client.set_nodelay(true).and_then(|()| upstream.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = upstream.into_split();
        tokio::join!(
            carry(from_client, to_server, ways.clone()),
            carry(from_server, to_client, ways.clone())
        );
    };
    tokio::select! {
        _ = cut.wait_for(|way| *way == Way::Cut) => {}
        () = both => {}
    }
}

/// One direction. Chunks wait side by side, so a slow way is not a narrow one.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    ways: watch::Receiver<Way>,
) {
    let (sent, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    let mut way = ways.clone();
    let read = async move {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            if from.read_buf(&mut chunk).await.is_ok_and(|read| read > 0) {
                let due = Instant::now() + pause(&mut way).await;
                if sent.send((due, chunk)).await.is_ok() {
                    continue;
                }
            }
            return;
        }
    };
    let mut way = ways;
    let write = async move {
        while let Some((due, chunk)) = under_way.recv().await {
            tokio::time::sleep_until(due).await;
            pause(&mut way).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

/// Waits until the way is open, and gives its delay.
async fn pause(ways: &mut watch::Receiver<Way>) -> Duration {
    match ways.wait_for(|way| matches!(way, Way::Open(_))).await.map(|way| *way) {
        Ok(Way::Open(delay)) => delay,
        // The proxy is gone, or going.
        _ => Duration::ZERO,
    }
}
