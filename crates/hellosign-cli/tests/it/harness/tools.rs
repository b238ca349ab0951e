//! What tests need from the machine, made once and kept under the target directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A variable of the environment; the tests' only look at it.
#[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes and tools")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes `name` under the target directory unless it is there; tests run as processes side by side, one makes it.
///
/// `make` gets a path beside the final one, which takes its place only when `make` has returned.
pub(crate) fn once_across_processes(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = directory.join(name);
    let lock = File::create(directory.join(format!("{name}.lock"))).expect("a lock file under target/");
    lock.lock().expect("a lock");
    if !made.exists() {
        make(&made);
        assert!(made.exists(), "{} was not made", made.display());
    }
    made
}

/// A Python that has the vendor's client: the one `./check` made, or one made here.
pub(crate) fn python() -> PathBuf {
    if let Some(path) = environment("HELLOSIGN_TEST_PYTHON") {
        return path.into();
    }
    let wanted = include_str!("../vendor_client/requirements.txt").trim();
    let made = once_across_processes(&format!("python-with-{wanted}"), |directory| {
        let unfinished = directory.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        run("python3", ["-m".as_ref(), "venv".as_ref(), unfinished.as_os_str()]);
        let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/vendor_client/requirements.txt");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
        run(unfinished.join("bin/python"), pip);
        fs::rename(&unfinished, directory).expect("the finished environment takes its place");
    });
    made.join("bin/python")
}

fn run<P: AsRef<OsStr>, A: AsRef<OsStr>>(program: P, arguments: impl IntoIterator<Item = A>) {
    let program = program.as_ref();
    let status = std::process::Command::new(program).args(arguments).status();
    assert!(status.as_ref().is_ok_and(|s| s.success()), "{}: {status:?}", program.display());
}
