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
    let directory = target(&program).expect("tests run from a target directory").join("tmp");
    fs::create_dir_all(&directory).expect("a directory under target/");
    directory
}

/// The directory above the profile's. No file marks it: Cargo puts its marks only into what it creates itself.
fn target(program: &Path) -> Option<&Path> {
    let directory = program.parent()?;
    let is_inside = directory.ends_with("deps") || directory.ends_with("examples");
    let profile = if is_inside { directory.parent()? } else { directory };
    profile.parent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_found_from_every_kind_of_program() {
        for program in ["/a/debug/deps/it-0123", "/a/release/hellosign-bench", "/a/debug/examples/web_app"] {
            assert_eq!(target(Path::new(program)), Some(Path::new("/a")), "{program}");
        }
    }
}
