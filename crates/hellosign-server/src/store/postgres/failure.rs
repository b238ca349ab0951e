//! What has become of a statement that was not answered, by what PostgreSQL or the network has said.

use tokio_postgres::error::SqlState;

/// Why a statement was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was not sent, or PostgreSQL has undone it: it may be tried again.
    Undone,
    /// Somebody else held a row for longer than one waits: the same, but it may take a while.
    Locked,
    /// It was not sent, or PostgreSQL refused it, and will again.
    Refused,
    /// It may have happened.
    Unknown,
}

/// Whether it happened, by what PostgreSQL has said of it.
pub(super) fn judge(error: &tokio_postgres::Error) -> Failure {
    let Some(code) = error.code() else {
        let source = std::error::Error::source(error);
        let is_ours = source.is_some_and(|source| source.is::<tokio_postgres::types::WrongType>());
        // Else the connection has ended while the answer was awaited, or before the statement was sent.
        return if is_ours { Failure::Refused } else { Failure::Unknown };
    };
    match code {
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Failure::Undone,
        &SqlState::LOCK_NOT_AVAILABLE => Failure::Locked,
        code if is_stale(code) => Failure::Undone,
        // The outcome is not known (class 40003), or the server was told to stop: it may have committed before.
        &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN => Failure::Unknown,
        code if code.code().starts_with("57P") || code.code().starts_with("08") => Failure::Unknown,
        _ => Failure::Refused,
    }
}

/// Whether another connection may do better: this one leads to a database that takes no writes, as one does that was
/// demoted, or its statements are no good any more.
pub(super) fn is_no_good(code: &SqlState) -> bool {
    *code == SqlState::READ_ONLY_SQL_TRANSACTION || is_stale(code)
}

/// Whether what a connection has prepared is not known any more, or not for tables as they have become.
fn is_stale(code: &SqlState) -> bool {
    matches!(code, &SqlState::INVALID_SQL_STATEMENT_NAME | &SqlState::FEATURE_NOT_SUPPORTED)
}

/// An error without what PostgreSQL calls its details: they may quote a row.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => {
            let source = std::error::Error::source(error).map(|source| format!(": {source}"));
            format!(
                "{error}{}",
                source.filter(|source| !error.to_string().ends_with(source.as_str())).unwrap_or_default()
            )
        }
    }
}
