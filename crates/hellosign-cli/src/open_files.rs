//! How many files and sockets the process may have open.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside clients' connections: the database, the log, listeners, and who asks on those that are not for
/// clients.
const RESERVED: u64 = 640;
/// Connections where nobody says how many.
const CONNECTIONS: u32 = 10_000;

/// How many connections may be open: as many as were asked for, or else as many as are usual and there is room for. The
/// process may open as many files from now on, if the system lets it.
///
/// # Errors
/// Where more were asked for than there is room for.
pub(crate) fn connections(asked: Option<u32>) -> anyhow::Result<usize> {
    let wanted = asked.unwrap_or(CONNECTIONS);
    let allowed = raise(RESERVED + u64::from(wanted));
    let room = u32::try_from(allowed.saturating_sub(RESERVED)).unwrap_or(u32::MAX);
    if room >= wanted {
        return Ok(wanted as usize);
    }
    match asked {
        Some(_) => bail!(
            "--max-connections {wanted} takes {} open files, and this process may have {allowed}; raise that limit \
             (ulimit -n, LimitNOFILE), or take {room} connections",
            RESERVED + u64::from(wanted)
        ),
        None if room == 0 => bail!(
            "this process may have {allowed} open files, which leaves no room for connections; raise that limit \
             (ulimit -n, LimitNOFILE) beyond {RESERVED}"
        ),
        None => {
            tracing::warn!(
                allowed,
                connections = room,
                "few files may be open, so that there is room for few connections; raise that limit (ulimit -n, \
                 LimitNOFILE)"
            );
            Ok(room as usize)
        }
    }
}

/// Raises the limit as far as it is needed and the system allows; gives what it is then.
fn raise(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return current.unwrap_or(u64::MAX);
    }
    let raised = maximum.map_or(needed, |maximum| maximum.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => current.unwrap_or(u64::MAX),
    }
}
