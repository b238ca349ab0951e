//! A connection with all statements prepared, which carries many requests at the same time.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{Client, Row, Statement};

use super::PostgresError;
use super::failure::{Failure, is_no_good, judge, told};
use super::rows::Values;
use super::statements::Sql;
use super::url::{Connector, Driving};

/// How long an answer may take. A connection that takes longer is given up, whatever it still says.
const ANSWER: Duration = Duration::from_secs(2);

/// A connection that works.
pub(super) struct Lane {
    client: Arc<Client>,
    statements: Vec<Statement>,
    /// Requests that it carries now.
    pub(super) in_flight: AtomicUsize,
    /// Whether nobody relies on it any more.
    given_up: watch::Sender<bool>,
}

impl Lane {
    /// Connects, prepares, and checks what durability rests on.
    ///
    /// # Errors
    /// A sentence without its end, for people.
    pub(super) async fn connect(connector: &Connector) -> Result<(Self, Driving), String> {
        let (client, mut driving) = connector.connect().await.map_err(|error| error.to_string())?;
        let client = Arc::new(client);
        let statements = tokio::select! {
            statements = timeout(ANSWER * 2, prepare(&client)) => statements,
            ended = &mut driving => return Err(closed(ended.err())),
        };
        let statements = statements.map_err(|_| "it does not answer".to_owned())??;
        let (in_flight, given_up) = (AtomicUsize::new(0), watch::Sender::new(false));
        Ok((Self { client, statements, in_flight, given_up }, driving))
    }

    /// Completes when nobody relies on it any more.
    pub(super) async fn given_up(&self) {
        let mut given_up = self.given_up.subscribe();
        // It does not fail: the sender is this connection's.
        let _ = given_up.wait_for(|is_so| *is_so).await;
    }

    /// Sends a statement and waits for its answer. Where none comes that one could rely on, nobody relies on this
    /// connection any more.
    pub(super) async fn ask(&self, sql: Sql, values: &Values<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.statements.get(sql as usize).ok_or(Failure::Refused)?;
        let answer = tokio::select! {
            answer = timeout(ANSWER, self.client.query(statement, values)) => answer,
            () = self.given_up() => return Err(Failure::Unknown),
        };
        match answer {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let failure = judge(&error);
                let is_fine = matches!(failure, Failure::Undone | Failure::Locked);
                if !is_fine {
                    tracing::error!(error = %told(&error), statement = ?sql, "the database gave no answer");
                }
                if failure == Failure::Unknown || error.code().is_some_and(is_no_good) {
                    self.given_up.send_replace(true);
                }
                Err(failure)
            }
            Err(_) => {
                tracing::error!(statement = ?sql, "the database did not answer in time");
                self.given_up.send_replace(true);
                Err(Failure::Unknown)
            }
        }
    }
}

/// How a connection has ended.
pub(super) fn closed(error: Option<tokio_postgres::Error>) -> String {
    error.map_or_else(|| "the connection was closed".to_owned(), |error| told(&error))
}

/// All of it in one round trip: over a slow way it would never come to an end else.
async fn prepare(client: &Arc<Client>) -> Result<Vec<Statement>, String> {
    let prepare = |sql: Sql| {
        let client = Arc::clone(client);
        tokio::spawn(async move { client.prepare(&sql.text()).await })
    };
    let preparing = Sql::ALL.map(prepare);
    check_commits(client).await.map_err(|error| error.to_string())?;
    let mut statements = Vec::new();
    for statement in preparing {
        let statement = statement.await.map_err(|error| error.to_string())?;
        statements.push(statement.map_err(|error| told(&error))?);
    }
    Ok(statements)
}

/// Fails unless a COMMIT that has returned is durable, on the synchronous standby, too, if there is one.
pub(super) async fn check_commits(client: &Client) -> Result<(), PostgresError> {
    let row = client.query_one("SELECT current_setting('synchronous_commit')", &[]).await?;
    match row.get(0) {
        "on" | "remote_apply" => Ok(()),
        found => Err(PostgresError::CommitsEarly(found.to_owned())),
    }
}
