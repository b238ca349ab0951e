//! The way to the database is encrypted, and the other end is who it should be.

use std::fs;
use std::path::{Path, PathBuf};

use hellosign_testkit::Postgres;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::harness::Command;

/// An authority that nobody knows but by its file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = directory.join(name);
        fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server's certificate and its key.
    fn issue(&self, host: &str, last_year: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[test]
fn only_the_right_server_is_told_anything() {
    let directory = tempfile::tempdir().unwrap();
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = postgres.create_database();
    let password = url.split_once("://").unwrap().1.split_once(':').unwrap().1.split_once('@').unwrap().0;
    let (ours, theirs) =
        (Authority::new(directory.path(), "ours.pem"), Authority::new(directory.path(), "theirs.pem"));
    let node = |options: &str| {
        let file = directory.path().join("url");
        fs::write(&file, format!("{url}?{options}")).unwrap();
        let command = Command::new(["server", "--listen", "127.0.0.1:0", "--database-url-file"]).arg(file);
        command.arg("--key-file").arg(directory.path().join("key")).env("RUST_LOG", "trace")
    };
    let trusting = |authority: &Authority| {
        node(&format!("sslmode=verify-full&sslrootcert={}", authority.file.display()))
    };
    let refused = |command: Command, word: &str| {
        let ended = command.run();
        assert!(!ended.stderr.contains(password), "the password is in {:?}", ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("the database cannot be used") && ended.stderr.contains(word),
            "{word}: {ended:?}"
        );
    };

    refused(trusting(&ours), "TLS");
    let (certificate, key) = ours.issue("127.0.0.1", 2050);
    postgres.enable_tls(&certificate, &key);
    let ended = trusting(&ours).start().stop();
    assert!(!ended.stderr.contains(password), "the password is in the log");
    refused(trusting(&theirs), "certificate");
    // Nor does the machine trust it, and what is not verified is not used.
    refused(node("sslmode=require"), "certificate");

    for (host, last_year, word) in
        [("db.example.com", 2050, "not valid for name"), ("127.0.0.1", 2001, "expired")]
    {
        let (certificate, key) = ours.issue(host, last_year);
        postgres.enable_tls(&certificate, &key);
        // It takes the new ones as it is told to read its configuration.
        postgres.set("ssl", "off");
        postgres.set("ssl", "on");
        refused(trusting(&ours), word);
    }

    let missing = node("sslrootcert=/nowhere.pem&sslmode=verify-full").run();
    missing.assert_refused(&["the root certificates in /nowhere.pem cannot be used"]);
    node("sslmode=prefer").run().assert_refused(&["sslmode is neither verify-full nor disable"]);
}
