//! The documentation's recipes, run as their readers run them.

use std::ffi::OsStr;
use std::fs;

use crate::harness::{Command, node_directory, recipe, vendors_python};

#[test]
fn pytest_with_the_vendors_client() {
    let arguments = ["-m", "pytest", "-p", "no:cacheprovider", "--strict-config"].map(OsStr::new);
    let ended = Command::new(["emulator", "--"])
        .arg(vendors_python())
        .args(arguments)
        .arg(recipe("pytest"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run();
    assert!(ended.status.success() && ended.stdout.contains("4 passed"), "{ended:?}");
}

#[test]
fn node_test_with_the_vendors_client() {
    let directory = node_directory(&recipe("node-test"));
    for file in ["emulator.js", "tokens.test.js", "package.json"] {
        fs::copy(recipe("node-test").join(file), directory.path().join(file)).expect("the recipe's file");
    }
    let tests = directory.path().join("tokens.test.js");
    let ended = Command::new(["emulator", "--", "node", "--test", "--test-concurrency=1"]).arg(tests).run();
    assert!(ended.status.success() && ended.stdout.contains("pass 4"), "{ended:?}");
}
