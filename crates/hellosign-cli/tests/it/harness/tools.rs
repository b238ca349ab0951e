//! What tests need from the machine, made once and kept under the target directory.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hellosign_testkit::once_across_processes;
use tempfile::TempDir;

/// A variable of the environment; the tests' only look at it.
#[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes and tools")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The recipes of the documentation: they say which packages they need, and the tests need the same ones.
pub(crate) fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes").join(name)
}

/// The requirements of the vendor's client, and of pytest.
pub(crate) fn vendors_python() -> PathBuf {
    python(&recipe("pytest").join("requirements.txt"))
}

/// A Python that has what a requirements file names.
pub(crate) fn python(requirements: &Path) -> PathBuf {
    let name =
        format!("python-with-{}", contents(requirements).split_whitespace().collect::<Vec<_>>().join("-"));
    once_across_processes(&name, |directory| {
        let unfinished = unfinished(directory);
        run("python3", ["-m".as_ref(), "venv".as_ref(), unfinished.as_os_str()]);
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"].map(OsStr::new);
        run(unfinished.join("bin/python"), pip.into_iter().chain([requirements.as_os_str()]));
        fs::rename(&unfinished, directory).expect("the finished environment takes its place");
    })
    .join("bin/python")
}

/// A directory in which Node finds what a `package.json` and its lock name; a script has to lie in it.
pub(crate) fn node_directory(package: &Path) -> TempDir {
    let lock = package.join("package-lock.json");
    let mut hasher = DefaultHasher::new();
    contents(&lock).hash(&mut hasher);
    let made = once_across_processes(&format!("node-{:016x}", hasher.finish()), |directory| {
        let unfinished = unfinished(directory);
        fs::create_dir(&unfinished).expect("a directory under target/");
        for file in ["package.json", "package-lock.json"] {
            fs::copy(package.join(file), unfinished.join(file)).expect("a package's file");
        }
        let npm =
            ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"].map(OsStr::new);
        run("npm", npm.into_iter().chain([unfinished.as_os_str()]));
        fs::rename(&unfinished, directory).expect("the finished packages take their place");
    });
    tempfile::tempdir_in(made).expect("a directory")
}

fn contents(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Where something is made that an earlier run may have left half made.
fn unfinished(directory: &Path) -> PathBuf {
    let unfinished = directory.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    unfinished
}

fn run<P: AsRef<OsStr>, A: AsRef<OsStr>>(program: P, arguments: impl IntoIterator<Item = A>) {
    let program = program.as_ref();
    let status = std::process::Command::new(program).args(arguments).stdin(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(|s| s.success()), "{}: {status:?}", program.display());
}
