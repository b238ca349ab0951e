//! What is deployed to watch a server, held against the server and a real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command as StdCommand;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::prometheus::{Prometheus, deployed};
use super::refresh;
use crate::harness::{App, Command, Connection, FixtureFile, JILL, get, post_form, vendor_page, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
const ROTATING: App<'_> = App { client_id: "rotating", client_secret: "a secret of the app", rotates: true };

/// All queries of the dashboard, as Grafana sends them: with its variables in place.
fn queries() -> Vec<String> {
    let text = fs::read_to_string(deployed("grafana/hellosign.json")).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let query = |target: Value| target["expr"].as_str().expect("a query").to_owned();
    let queries = targets.map(query).map(|query| {
        let query = query.replace("$__rate_interval", "15s").replace("$instance", ".*");
        assert!(!query.contains('$'), "a variable that nobody knows: {query}");
        query
    });
    queries.collect()
}

/// Some of everything, over and over.
fn traffic(address: SocketAddr, is_over: &AtomicBool) {
    let mut token = "rotating-token".to_owned();
    while !is_over.load(Ordering::Relaxed) {
        let mut connection = Connection::open(address).expect("a connection");
        assert_eq!(refresh(&mut connection).expect("an answer").status, 200);
        let rotate = [
            ("grant_type", "refresh_token"),
            ("client_id", ROTATING.client_id),
            ("client_secret", ROTATING.client_secret),
            ("refresh_token", &token),
        ];
        token = post_form(address, "/oauth/token", &rotate).tokens().1;
        get(address, "/v3/account", &[]);
        get(address, "/oauth/authorize", &[]);
        get(address, "/nowhere", &[]);
        // There is another code in the world than this one.
        let exchange = [
            ("grant_type", "authorization_code"),
            ("client_id", ROTATING.client_id),
            ("client_secret", ROTATING.client_secret),
            ("code", vendor_page::CODE),
        ];
        post_form(address, "/oauth/token", &exchange).assert_refused(400, "invalid_request");
        // A read that no cache has the answer to.
        get(address, "/v3/account", &[("Authorization", "Basic bm9ib2R5Og==")]);
        thread::sleep(Duration::from_millis(20));
    }
}

fn fixtures(directory: &Path) -> std::path::PathBuf {
    let mut fixtures = FixtureFile::of_the_vendors_page();
    fixtures.app(ROTATING);
    fixtures.grant(ROTATING.client_id, JILL, "rotating-token");
    fixtures.write(directory)
}

#[test]
fn every_query_of_the_dashboard_has_an_answer_and_every_alert_is_evaluated() {
    let directory = tempfile::tempdir().expect("a directory");
    let command = Command::server(&directory.path().join("data")).fixtures(&fixtures(directory.path()));
    let mut server = command.args(["--rate-limit", "off", "--operations", "127.0.0.1:0"]).start();
    let (address, operations) = (server.address(), server.operations());
    let prometheus = Prometheus::start(directory.path(), operations);
    let queries = queries();
    assert!(queries.len() > 40, "{queries:?}");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let traffic = scope.spawn(|| traffic(address, &is_over));
        // There is no pool where the database is a file, so there is nothing to average.
        let is_answered = |query: &&String| {
            let values = prometheus.query(query);
            !values.is_empty() && (query.contains("_pool_") || values.iter().any(|value| value.is_finite()))
        };
        let mut left: Vec<&String> = queries.iter().collect();
        wait_until(PATIENCE, || {
            left.retain(|query| !is_answered(query));
            left.is_empty() || traffic.is_finished()
        });
        is_over.store(true, Ordering::Relaxed);
        traffic.join().expect("traffic");
        assert!(left.is_empty(), "no answer to {left:#?}");
    });
    let nothing = prometheus.query("hellosign_no_such_metric");
    assert!(nothing.is_empty(), "an answer is no matter of course");

    let is_evaluated = || prometheus.rules().iter().all(|(_, health)| health == "ok");
    assert!(wait_until(PATIENCE, is_evaluated), "{:?}", prometheus.rules());
    assert!(prometheus.rules().len() > 10);
    let firing = prometheus.query("ALERTS{alertstate=\"firing\"}");
    assert!(firing.is_empty(), "none for a server that is well");
    server.stop();
}

/// The names that a text has: of metrics, or of what is made of one.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("hellosign_") || word.starts_with("process_"));
    names.map(str::to_owned).collect()
}

#[test]
fn the_metrics_that_are_documented_and_used_are_those_that_there_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = super::server(directory.path(), "data").start();
    // The first refusal makes the series of refusals.
    post_form(server.address(), "/oauth/token", &[]).assert_refused(400, "invalid_request");
    let metrics = String::from_utf8(get(server.operations(), "/metrics", &[]).body).expect("text");
    let there: BTreeSet<String> = metrics
        .lines()
        .filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned()))
        .collect();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let documented = names(&fs::read_to_string(docs).expect("the documentation"));
    assert_eq!(documented, there);

    let base = |name: &String| {
        let of = |suffix| name.strip_suffix(suffix).filter(|base| there.contains(*base)).map(str::to_owned);
        ["_bucket", "_count", "_sum"].into_iter().find_map(of).unwrap_or_else(|| name.clone())
    };
    for file in ["prometheus/alerts.yml", "prometheus/alerts_test.yml", "grafana/hellosign.json"] {
        let used: BTreeSet<String> =
            names(&fs::read_to_string(deployed(file)).expect("a file")).iter().map(base).collect();
        let unknown: Vec<_> = used.difference(&there).collect();
        assert!(unknown.is_empty(), "{file} has {unknown:?}");
    }
}

#[test]
fn the_alerts_are_good_and_do_what_their_tests_say() {
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let output = StdCommand::new("promtool")
            .args(arguments)
            .current_dir(deployed("prometheus"))
            .output()
            .expect("promtool comes with prometheus; ./check installs it");
        assert!(output.status.success(), "{output:?}");
    }
}
