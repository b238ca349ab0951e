//! The schema's versions: each adds to the one before, under a lock, in one transaction.

use tokio_postgres::{Client, Transaction};

use super::PostgresError;

/// A step from one version to the next.
struct Migration {
    /// What the step brings, for the operator.
    title: &'static str,
    /// The oldest version that a binary may know and still work on a database with this step.
    works_with: i64,
    sql: &'static str,
}

/// The first is version 1. A step only adds, so that nodes of the release before go on meanwhile; one that cannot
/// says so by what it works with.
const MIGRATIONS: [Migration; 1] = [Migration {
    title: "accounts, apps, codes, sessions, grants, keys",
    works_with: 1,
    sql: include_str!("0001_first.sql"),
}];

/// The version that this binary knows.
const KNOWN: i64 = MIGRATIONS.len() as i64;

/// A step that is still to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingMigration {
    /// The schema's version after it.
    pub version: i64,
    /// What it brings.
    pub title: &'static str,
    /// What it does.
    pub sql: &'static str,
}

/// Takes the steps that are missing, those before this binary's version all together or none; gives them.
pub(super) async fn migrate(client: &mut Client) -> Result<Vec<PendingMigration>, PostgresError> {
    prepare(client).await?;
    let transaction = client.transaction().await?;
    lock(&transaction).await?;
    let pending = pending(&transaction).await?;
    for step in &pending {
        transaction.batch_execute(step.sql).await?;
        let works_with =
            usize::try_from(step.version - 1).map_or(step.version, |at| MIGRATIONS[at].works_with);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&step.version, &works_with];
        transaction.execute("INSERT INTO schema_versions VALUES ($1, $2)", &values).await?;
    }
    transaction.commit().await?;
    Ok(pending)
}

/// The steps that are missing; changes nothing.
pub(super) async fn plan(client: &mut Client) -> Result<Vec<PendingMigration>, PostgresError> {
    let transaction = client.transaction().await?;
    let known = "SELECT count(*) FROM information_schema.tables
        WHERE table_name = 'schema_versions' AND table_schema = current_schema()";
    if transaction.query_one(known, &[]).await?.get::<_, i64>(0) == 0 {
        return Ok(from(0));
    }
    pending(&transaction).await
}

fn from(version: i64) -> Vec<PendingMigration> {
    let steps = (1..).zip(&MIGRATIONS);
    let pending =
        |(at, step): (i64, &Migration)| PendingMigration { version: at, title: step.title, sql: step.sql };
    steps.map(pending).filter(|step| step.version > version).collect()
}

/// Makes the table that says how far the schema has come. Version 0 is a row to lock.
async fn prepare(client: &Client) -> Result<(), PostgresError> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
        version    BIGINT PRIMARY KEY,
        works_with BIGINT NOT NULL  -- the oldest version that a binary may know and still work on this one
    )";
    // Several nodes that make it at the same time get in each other's way, once.
    if client.batch_execute(TABLE).await.is_err() {
        client.batch_execute(TABLE).await?;
    }
    client.batch_execute("INSERT INTO schema_versions VALUES (0, 0) ON CONFLICT DO NOTHING").await?;
    Ok(())
}

/// Has a transaction wait for what other nodes do when they start, as long as that takes.
pub(super) async fn wait_for_locks(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute("SET LOCAL lock_timeout = 60000").await
}

/// One at a time; the others find it done.
async fn lock(transaction: &Transaction<'_>) -> Result<(), PostgresError> {
    wait_for_locks(transaction).await?;
    transaction.query("SELECT version FROM schema_versions WHERE version = 0 FOR UPDATE", &[]).await?;
    Ok(())
}

async fn pending(transaction: &Transaction<'_>) -> Result<Vec<PendingMigration>, PostgresError> {
    let sql = "SELECT max(version), max(works_with) FROM schema_versions";
    let row = transaction.query_one(sql, &[]).await?;
    let (version, works_with) = (row.get::<_, Option<i64>>(0), row.get::<_, Option<i64>>(1));
    let (version, works_with) = (version.unwrap_or_default(), works_with.unwrap_or_default());
    if works_with > KNOWN {
        return Err(PostgresError::NewerSchema { found: version, known: KNOWN });
    }
    Ok(from(version))
}
