//! What is costly to make and stays good: made once, and kept under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Makes `name` under the target directory unless it is there; tests run as processes side by side, one makes it.
///
/// `make` gets the final path, which has to appear whole or not at all: make it beside and rename.
///
/// # Panics
/// Where it cannot be made, or the program does not lie in a target directory.
pub fn once_across_processes(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let directory = directory();
    let made = directory.join(name);
    let lock = File::create(directory.join(format!("{name}.lock"))).expect("a lock file under target/");
    lock.lock().expect("a lock");
    if !made.exists() {
        make(&made);
        assert!(made.exists(), "{} was not made", made.display());
    }
    made
}

/// `tmp` in the target directory that the running program was built in.
pub(crate) fn directory() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a file");
    // Cargo marks its target directories for programs that make backups.
    let target = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    let directory = target.expect("tests run from a target directory").join("tmp");
    fs::create_dir_all(&directory).expect("a directory under target/");
    directory
}
