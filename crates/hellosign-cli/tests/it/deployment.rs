//! What `deploy/` has: units, an image, a cluster's description. Nothing here can start those; what can be checked is.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Output};
use std::thread;

use tempfile::TempDir;

use crate::harness::{Command, python};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn deployed(file: &str) -> String {
    let path = project().join("deploy").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The units, with the binary where it is rather than where it will be installed.
struct Units(TempDir);

impl Units {
    fn new() -> Self {
        let units = Self(tempfile::tempdir().expect("a directory"));
        units.put("hellosign.socket", &deployed("systemd/hellosign.socket"));
        units.put("hellosign.service", &deployed("systemd/hellosign.service"));
        units
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let text = text.replace("/usr/bin/hellosign", env!("CARGO_BIN_EXE_hellosign"));
        fs::write(self.path(name), text).expect("a file");
    }

    /// What systemd has to say about them: nothing, if they are well.
    fn complaints(&self) -> String {
        let units = ["hellosign.service", "hellosign.socket"].map(|name| self.path(name));
        let output = analyze(StdCommand::new("systemd-analyze").args(["verify", "--man=no"]).args(units));
        format!("{}{}", output.status, String::from_utf8_lossy(&output.stderr))
    }
}

fn analyze(command: &mut StdCommand) -> Output {
    command.env("SYSTEMD_LOG_LEVEL", "warning").output().expect("systemd-analyze runs")
}

#[test]
fn systemd_takes_the_units_as_they_are() {
    let units = Units::new();
    assert_eq!(units.complaints(), "exit status: 0");
    for (name, good, bad) in [
        ("hellosign.service", "ProtectSystem=strict", "ProtectSystem=strickt"),
        ("hellosign.service", "PrivateTmp=", "PrivateTemp="),
        ("hellosign.socket", "ListenStream=127.0.0.1:8065", "ListenStream=127.0.0.1:http"),
        ("hellosign.service", "ExecStart=/usr/bin/", "ExecStart=/usr/bin/no/"),
    ] {
        let units = Units::new();
        let text = deployed(&format!("systemd/{name}"));
        assert!(text.contains(good), "{good} is not in {name}");
        units.put(name, &text.replace(good, bad));
        assert_ne!(units.complaints(), "exit status: 0", "{bad} in {name}");
    }
}

#[test]
fn the_service_can_do_little_beyond_its_work() {
    let exposure = |text: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let unit = directory.path().join("hellosign.service");
        fs::write(&unit, text).expect("a file");
        // In tenths; systemd's own word for up to 2 is OK.
        let arguments = ["security", "--offline=true", "--no-pager", "--threshold=15"];
        analyze(StdCommand::new("systemd-analyze").args(arguments).arg(unit)).status.success()
    };
    let unit = deployed("systemd/hellosign.service");
    assert!(exposure(&unit));
    assert!(!exposure(&unit.replace("CapabilityBoundingSet=\n", "")));
}

#[test]
fn the_files_and_the_page_name_options_that_there_are() {
    let help = |command: &[&str]| Command::new(command.iter().chain(&["--help"])).run().stdout;
    let commands: [&[&str]; 5] = [
        &["server"],
        &["server", "migrate"],
        &["server", "copy"],
        &["server", "keys", "add"],
        &["server", "settings"],
    ];
    let helps: String = commands.into_iter().map(help).collect();
    let has = |option: &str| helps.split_whitespace().any(|word| word == option);
    let page = fs::read_to_string(project().join("docs/production.md")).expect("the page");
    let files = ["systemd/hellosign.service", "debian/hellosign.default", "kubernetes/hellosign.yaml"];
    for text in files.map(deployed).into_iter().chain([page]) {
        let words = text.split([' ', '=', '\'', '"', '`', '\n', '(', ')', ',', '.', ';', ':', '|']);
        let named: Vec<_> = words.filter(|word| word.starts_with("--") && !word.starts_with("---")).collect();
        // One of them is an option of `cargo deb`.
        let missing: Vec<_> = named.iter().filter(|word| !has(word) && **word != "--dbgsym").collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(!named.is_empty(), "the options are not found in {text}");
    }
    assert!(!has("--no-such-option"));
}

#[test]
fn the_cluster_s_description_is_yaml_of_the_kinds_that_it_should_be() {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/openapi/requirements.txt");
    let list = "import sys, yaml\nfor document in yaml.safe_load_all(sys.stdin): print(document['kind'])";
    let file = fs::File::open(project().join("deploy/kubernetes/hellosign.yaml")).expect("a file");
    let output = StdCommand::new(python(&requirements)).args(["-c", list]).stdin(file).output();
    let output = output.expect("Python runs");
    let kinds = String::from_utf8_lossy(&output.stdout);
    let kinds: Vec<_> = kinds.lines().collect();
    assert_eq!(kinds, ["Secret", "Deployment", "PodDisruptionBudget", "Service"], "{output:?}");
}

#[test]
fn the_image_s_health_check_tells_well_from_unwell() {
    let dockerfile = deployed("docker/Dockerfile");
    let check =
        dockerfile.split("HEALTHCHECK").nth(1).and_then(|rest| rest.split("CMD ").nth(1)).expect("a check");
    let check: Vec<String> = serde_json::from_str(check.lines().next().expect("a line")).expect("JSON");
    let is_well = |port: u16| {
        let check = check.iter().map(|word| word.replace("/8066", &format!("/{port}")));
        let check: Vec<_> = check.collect();
        StdCommand::new(&check[0]).args(&check[1..]).status().expect("the check runs").success()
    };
    assert!(is_well(answer_once("200 OK")));
    assert!(!is_well(answer_once("503 Service Unavailable")));
    let nobody =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    assert!(!is_well(nobody));
}

/// A server on the port that it gives back, for one request of the health check's.
fn answer_once(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.extend(byte);
        }
        assert!(request.starts_with(b"GET /healthz HTTP/1.1\r\nHost: "));
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").expect("an answer");
    });
    port
}
