//! The examples of the SDK's documentation, with the vendor's page's literal values, against the binary.

use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;

use crate::harness::{Command, FixtureFile};

#[test]
fn the_examples_work_with_the_vendors_values() {
    let directory = tempfile::tempdir().expect("a directory");
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let server = Command::server(&directory.path().join("data")).fixtures(&fixtures).start();
    let url = format!("http://{}", server.address());

    let generated = run("oauth_token_generate", &url);
    assert_eq!(
        generated,
        "token_type: Bearer\nexpires_in: Some(86400)\nrefresh_token: received\nstate: Some(\"900e06e2\")\n"
    );
    let refreshed = run("oauth_token_refresh", &url);
    assert!(refreshed.contains("expires_in: Some(86400)\n"), "{refreshed}");
}

fn run(example: &str, url: &str) -> String {
    let output = StdCommand::new(built(example)).arg(url).output().expect("the example");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example}: {stdout}{stderr}");
    stdout.into_owned()
}

/// The example's binary. With the whole workspace's features, so that what the tests were built with is not built again.
pub(crate) fn built(example: &str) -> PathBuf {
    let mut build = StdCommand::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--workspace", "--all-features", "--example", example]);
    let binary = Path::new(env!("CARGO_BIN_EXE_hellosign"));
    let profile_dir = binary.parent().expect("the binary is in a directory");
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    let target = profile_dir.parent().expect("target/PROFILE");
    // What cargo tells this test about its package would look like a change to some build scripts.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" {
            build.env_remove(name.as_ref());
        }
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "building {example}: {status:?}");
    profile_dir.join("examples").join(example)
}
