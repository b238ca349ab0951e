//! A real Prometheus, for one test.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{get, post_form, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A file of `deploy/` that is for people who run the server.
pub(super) fn deployed(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs until it is dropped, and looks at one server each second.
#[derive(Debug)]
pub(super) struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// With the rules that are deployed.
    pub(super) fn start(directory: &Path, scraped: SocketAddr) -> Self {
        let config = directory.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n\
             - job_name: hellosign\n  static_configs: [{{targets: [\"{scraped}\"]}}]\n",
            deployed("prometheus/alerts.yml").display()
        );
        fs::write(&config, text).expect("a configuration");
        // It cannot be told to take any free port, and another process may be faster to take this one.
        (0..5).find_map(|_| Self::on_a_free_port(directory, &config)).expect("a Prometheus that starts")
    }

    fn on_a_free_port(directory: &Path, config: &Path) -> Option<Self> {
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let log = directory.join("prometheus.log");
        let mut child = std::process::Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("prometheus").display()))
            .arg(format!("--web.listen-address={free}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("prometheus is installed; ./check does it");
        let is_ready = || {
            crate::harness::Connection::open(free)
                .and_then(|mut connection| connection.get("/-/ready", &[]))
                .is_ok_and(|answer| answer.status == 200)
        };
        let mut has_ended = false;
        wait_until(PATIENCE, || {
            has_ended = child.try_wait().is_ok_and(|ended| ended.is_some());
            has_ended || is_ready()
        });
        if has_ended {
            println!("{}", fs::read_to_string(&log).unwrap_or_default());
            return None;
        }
        Some(Self { child, address: free })
    }

    /// What a query gives right now: a value for each series.
    pub(super) fn query(&self, query: &str) -> Vec<f64> {
        let answer = post_form(self.address, "/api/v1/query", &[("query", query)]);
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let answer = answer.json();
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("no result: {answer}"));
        let value = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse().ok());
        result.iter().map(|series| value(series).unwrap_or_else(|| panic!("no value: {series}"))).collect()
    }

    /// The alerts that it knows, with what came of each.
    pub(super) fn rules(&self) -> Vec<(String, String)> {
        let answer = get(self.address, "/api/v1/rules", &[]).json();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rules.map(|rule| (text(&rule["name"]), text(&rule["health"]))).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
