//! What the documentation says of the tests.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_rule_of_the_standards_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/conformance.md")).expect("the document");
    let mut sources = Vec::new();
    for member in ["hellosign-server", "hellosign-cli"] {
        for part in ["src", "tests/it"] {
            collect(&root.join("crates").join(member).join(part), &mut sources);
        }
    }
    let named: Vec<_> = text.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect();
    assert!(named.len() > 50, "{named:?}");
    for (file, function) in named {
        let ends = [format!("/{file}.rs"), format!("/{file}/mod.rs"), format!("/{file}/tests.rs")];
        let is_there = sources.iter().any(|path| {
            ends.iter().any(|end| path.to_string_lossy().ends_with(end.as_str()))
                && fs::read_to_string(path).is_ok_and(|code| code.contains(&format!("fn {function}(")))
        });
        assert!(is_there, "{file}::{function} is named in docs/conformance.md, and is no test");
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
