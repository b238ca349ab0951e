//! Whom TLS trusts, and what it shows.

use std::fmt;
use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::connector::Connector;
use crate::configuration::ConfigurationError;

/// Connects to http and https hosts.
pub(super) type Outer = HttpsConnector<Connector>;

/// Settings as they were given.
#[derive(Clone, Default)]
pub(crate) struct Pem {
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    pub(crate) server_name: Option<String>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// Settings that have been read and can be used.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    roots: Vec<CertificateDer<'static>>,
    client: Option<Arc<CertifiedKey>>,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// # Errors
    /// What cannot be read or does not go together, without showing it.
    pub(crate) fn parse(pem: &Pem) -> Result<Self, ConfigurationError> {
        let mut roots = Vec::new();
        for pem in &pem.roots {
            let found = certificates(pem).map_err(ConfigurationError::InvalidRootCertificates)?;
            for certificate in &found {
                RootCertStore::empty()
                    .add(certificate.clone())
                    .map_err(|error| ConfigurationError::InvalidRootCertificates(error.to_string()))?;
            }
            roots.extend(found);
        }
        let client = pem.client.as_ref().map(|(certificates, key)| certified_key(certificates, key));
        let server_name = pem.server_name.clone().map(|name| {
            let trimmed = name.trim_start_matches('[').trim_end_matches(']').to_owned();
            ServerName::try_from(trimmed).map_err(|_| ConfigurationError::InvalidServerName(name))
        });
        Ok(Self {
            roots,
            client: client.transpose().map_err(ConfigurationError::InvalidClientCertificate)?.map(Arc::new),
            server_name: server_name.transpose()?,
        })
    }

    /// What connects to hosts.
    pub(super) fn connector(&self, connector: Connector, is_https: bool) -> Outer {
        let builder = HttpsConnectorBuilder::new().with_tls_config(self.config(is_https)).https_or_http();
        let builder = match self.server_name.clone().map(FixedServerNameResolver::new) {
            Some(name) => builder.with_server_name_resolver(name),
            None => builder,
        };
        builder.enable_http1().wrap_connector(connector)
    }

    /// Where it is needed the system's certificates are read. One that cannot be read is one that
    /// nothing is trusted by: the connection that needs it fails and says so.
    fn config(&self, is_needed: bool) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        if is_needed {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots.add_parsable_certificates(self.roots.iter().cloned());
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        match &self.client {
            Some(key) => config
                .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(key)))),
            None => config.with_no_client_auth(),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("extra_roots", &self.roots.len())
            .field("has_client_certificate", &self.client.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("there is none".to_owned()),
        Ok(found) => Ok(found),
        Err(_) => Err("it is cut short or not base64".to_owned()),
    }
}

fn certified_key(pem: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain = certificates(pem).map_err(|error| format!("as to the certificate, {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "the key is not PEM of PKCS #8, PKCS #1 or SEC 1".to_owned())?;
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|_| "the key is none of RSA, ECDSA and Ed25519".to_owned())?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("the key is another certificate's".to_owned())
        }
        // Where a key does not tell its public half they are taken to match.
        Ok(()) | Err(rustls::Error::InconsistentKeys(_)) => Ok(certified),
        Err(error) => Err(error.to_string()),
    }
}
