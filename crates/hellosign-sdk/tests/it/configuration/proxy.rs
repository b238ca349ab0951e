//! Through a proxy that reads its requests, opens tunnels, and wants to know who asks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::{Configuration, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::client;
use super::tls::TlsPeer;
use crate::peer::{Peer, TOKENS, answer, refresh};

/// An HTTP proxy on loopback.
struct HttpProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl HttpProxy {
    /// Demands these credentials, where there are some; takes every name for 127.0.0.1.
    async fn start(authorization: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, authorization, Arc::clone(&remembered)));
            }
        });
        Self { address, heads }
    }

    fn settings(&self) -> Proxy {
        Proxy::new(format!("http://{}", self.address))
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut client: TcpStream,
    authorization: Option<&str>,
    heads: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        bytes.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes.clone()).ok()?;
    heads.lock().unwrap().push(head.clone());
    if authorization.is_some_and(|wanted| {
        !head.contains(&format!("roxy-authorization: {wanted}\r\n"))
            && !head.contains(&format!("roxy-Authorization: {wanted}\r\n"))
    }) {
        let refusal =
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
        return client.write_all(refusal).await.ok();
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let is_tunnel = method == "CONNECT";
    let authority = if is_tunnel { target } else { target.strip_prefix("http://")?.split('/').next()? };
    let port = authority.rsplit_once(':')?.1;
    let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()?;
    if is_tunnel {
        client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await.ok()?;
    } else {
        server.write_all(&bytes).await.ok()?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

#[tokio::test]
async fn a_request_in_the_clear_is_read_by_the_proxy() {
    let (peer, proxy) = (Peer::start(answer("200 OK", "", TOKENS)).await, HttpProxy::start(None).await);
    let oauth = OAuthApi::new(&client(peer.configuration().proxy(proxy.settings())));
    oauth.oauth_token_refresh(&refresh()).await.unwrap();
    let head = &proxy.heads()[0];
    assert!(
        head.starts_with(&format!("POST http://{}/oauth/token?refresh HTTP/1.1\r\n", peer.address)),
        "{head}"
    );
    assert!(!head.to_lowercase().contains("proxy-authorization"));
}

#[tokio::test]
async fn to_an_https_host_there_is_a_tunnel() {
    let (peer, proxy) = (TlsPeer::start().await, HttpProxy::start(Some("Basic bWU6cGE6c3M=")).await);
    let settings = proxy.settings().with_credentials("me", "pa:ss");
    let configuration = Configuration::builder()
        .server(&format!("https://sign.example:{}", peer.port))
        .root_certificates_pem(&peer.ca_pem)
        .api_key("the-api-key")
        .proxy(settings);
    AccountApi::new(&client(configuration)).account_get(None, None).await.unwrap();
    let heads = proxy.heads();
    assert!(heads[0].starts_with(&format!("CONNECT sign.example:{} HTTP/1.1\r\n", peer.port)), "{heads:?}");
    assert!(!heads[0].contains("dGhlLWFwaS1rZXk"), "the host's credentials are not the proxy's business");
    let heard = peer.heard();
    assert!(heard[0].contains("authorization: Basic dGhlLWFwaS1rZXk6\r\n"), "{heard:?}");
    assert!(!heard[0].to_lowercase().contains("proxy-"), "nor the proxy's the host's: {heard:?}");
}

#[tokio::test]
async fn credentials_are_for_the_proxy() {
    let peer = Peer::start(answer("200 OK", "", TOKENS)).await;
    let proxy = HttpProxy::start(Some("Basic bWU6cGE6c3M=")).await;
    let with = |settings| OAuthApi::new(&client(peer.configuration().proxy(settings)));
    with(proxy.settings().with_credentials("me", "pa:ss")).oauth_token_refresh(&refresh()).await.unwrap();
    let error = with(proxy.settings()).oauth_token_refresh(&refresh()).await.unwrap_err();
    assert_eq!(error.status(), Some(407));

    let tls = TlsPeer::start().await;
    let configuration = Configuration::builder()
        .server(&format!("https://sign.example:{}", tls.port))
        .root_certificates_pem(&tls.ca_pem)
        .proxy(proxy.settings().with_credentials("me", "hunter2"));
    let error = OAuthApi::new(&client(configuration)).oauth_token_refresh(&refresh()).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("the proxy"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn some_hosts_are_reached_without_it() {
    let (peer, proxy) = (Peer::start(answer("200 OK", "", TOKENS)).await, HttpProxy::start(None).await);
    for (without, is_used) in [
        (vec!["127.0.0.0/8"], false),
        (vec!["example.com", "127.0.0.1"], false),
        (vec!["*"], false),
        (vec!["example.com", "10.0.0.0/8"], true),
        (vec![], true),
    ] {
        let before = proxy.heads().len();
        let settings = proxy.settings().without(without.clone());
        let oauth = OAuthApi::new(&client(peer.configuration().proxy(settings)));
        oauth.oauth_token_refresh(&refresh()).await.unwrap();
        assert_eq!(proxy.heads().len() > before, is_used, "{without:?}");
    }
}
