//! A server whose certificate a private authority has issued, and which asks clients for one.

use std::sync::{Arc, Mutex};

use hellosign_sdk::apis::AccountApi;
use hellosign_sdk::{ApiError, Configuration, ConfigurationBuilder, ConfigurationError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::{ACCOUNT, client};

/// A TLS server for `sign.example`.
pub(super) struct TlsPeer {
    pub(super) port: u16,
    pub(super) ca_pem: String,
    /// A certificate of the same authority for a client, and its key.
    client_pem: (String, String),
    heard: Arc<Mutex<Vec<String>>>,
}

impl TlsPeer {
    pub(super) async fn start() -> Self {
        Self::start_with(false).await
    }

    async fn start_with(asks_for_a_certificate: bool) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = params.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(params, ca_key);
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let certificate =
                CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let (certificate, key) = issue("sign.example");
        let client_pem = issue("client.example");

        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = if asks_for_a_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, heard) = (acceptor.clone(), Arc::clone(&remembered));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut bytes = Vec::new();
                    while !bytes.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        bytes.push(byte);
                    }
                    heard.lock().unwrap().push(String::from_utf8(bytes).unwrap());
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ACCOUNT}", ACCOUNT.len());
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, ca_pem, client_pem, heard }
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// By the server's address, which its certificate is not for.
    fn configuration(&self) -> ConfigurationBuilder {
        Configuration::builder().server(&format!("https://127.0.0.1:{}", self.port))
    }
}

async fn get(configuration: ConfigurationBuilder) -> Result<String, ApiError> {
    let answer = AccountApi::new(&client(configuration)).account_get(None, None).await;
    answer.map(|answer| answer.account.email_address)
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let peer = TlsPeer::start().await;
    let named = || peer.configuration().tls_server_name("sign.example");
    let error = get(named()).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(get(named().root_certificates_pem(&peer.ca_pem)).await.unwrap(), "me@example.com");
    let several = format!("{}\n{}", TlsPeer::start().await.ca_pem, peer.ca_pem);
    assert_eq!(get(named().root_certificates_pem(several)).await.unwrap(), "me@example.com");
    let another = TlsPeer::start().await.ca_pem;
    assert!(get(named().root_certificates_pem(another)).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_certificate_has_to_be_for_the_host_or_for_the_name_that_is_expected() {
    let peer = TlsPeer::start().await;
    let trusting = || peer.configuration().root_certificates_pem(&peer.ca_pem);
    assert!(get(trusting()).await.unwrap_err().is_connect(), "it is for sign.example, not for 127.0.0.1");
    assert!(get(trusting().tls_server_name("other.example")).await.unwrap_err().is_connect());
    get(trusting().tls_server_name("sign.example")).await.unwrap();
    assert!(peer.heard()[0].contains(&format!("host: 127.0.0.1:{}\r\n", peer.port)), "HTTP's host stays");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let peer = TlsPeer::start_with(true).await;
    let trusting =
        || peer.configuration().root_certificates_pem(&peer.ca_pem).tls_server_name("sign.example");
    let error = get(trusting()).await.unwrap_err();
    assert!(error.is_transient() && error.status().is_none(), "{error:?}");
    let (certificate, key) = &peer.client_pem;
    get(trusting().client_certificate_pem(certificate, key)).await.unwrap();

    let other = TlsPeer::start().await.client_pem.1;
    let error = trusting().client_certificate_pem(certificate, other).build().unwrap_err();
    assert_eq!(
        error,
        ConfigurationError::InvalidClientCertificate("the key is another certificate's".to_owned())
    );
}
