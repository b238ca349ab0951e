//! The PostgreSQL database that is filled. No node serves from it before all of it is there.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Transaction};

use super::TransferReason;
use super::source::Meta;
use super::tables::{TABLES, Table, Value};
use crate::store::postgres::{DatabaseUrl, connect_and_migrate};

/// A database that is being filled.
pub(super) struct Target {
    client: Client,
}

impl Target {
    /// # Errors
    /// Where it cannot be used, or has something in it that is not from an unfinished copy.
    pub(super) async fn open(url: &DatabaseUrl) -> Result<Self, TransferReason> {
        let mut client = connect_and_migrate(url).await?;
        let transaction = client.transaction().await?;
        transaction.query("SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE", &[]).await?;
        let filling = "SELECT value FROM meta WHERE name = 'filling'";
        if transaction.query_one(filling, &[]).await?.get::<_, i64>(0) == 0 {
            for Table { name, .. } in &TABLES {
                let sql = format!("SELECT 1 FROM {name} LIMIT 1");
                if !transaction.query(&sql, &[]).await?.is_empty() {
                    return Err(TransferReason::NotEmpty);
                }
            }
            transaction.execute("UPDATE meta SET value = 1 WHERE name = 'filling'", &[]).await?;
        }
        // What an earlier copy has left may be of another time.
        for Table { name, .. } in &TABLES {
            transaction.execute(&format!("DELETE FROM {name}"), &[]).await?;
        }
        transaction.commit().await?;
        Ok(Self { client })
    }

    /// Whether it is filled, so that nodes may serve from it.
    pub(super) async fn is_complete(url: &DatabaseUrl) -> Result<bool, TransferReason> {
        let client = connect_and_migrate(url).await?;
        let row = client.query_one("SELECT value FROM meta WHERE name = 'filling'", &[]).await?;
        Ok(row.get::<_, i64>(0) == 0)
    }

    /// Adds rows that are not there.
    pub(super) async fn add(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), TransferReason> {
        let transaction = self.client.transaction().await?;
        add(&transaction, table, rows).await?;
        Ok(transaction.commit().await?)
    }

    /// Replaces and removes what has changed, and opens the database for nodes: all of it or nothing.
    pub(super) async fn finish(&mut self, changes: &[Changes], meta: Meta) -> Result<(), TransferReason> {
        let transaction = self.client.transaction().await?;
        // First all that goes: another row may have what was theirs alone.
        for Changes { table, keys, .. } in changes {
            let key = &table.columns[0];
            let sql = format!("DELETE FROM {} WHERE {} = ANY($1)", table.name, key.name);
            transaction.execute(&sql, &[keys]).await?;
        }
        for Changes { table, rows, .. } in changes {
            add(&transaction, table, rows).await?;
        }
        // Another epoch: this is another timeline than the source's, if that were ever served from again.
        transaction.execute("UPDATE clock SET last_time = $1", &[&meta.last_time]).await?;
        for (name, value) in [("epoch", meta.epoch + 1), ("filling", 0)] {
            transaction.execute("UPDATE meta SET value = $2 WHERE name = $1", &[&name, &value]).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// What has become of a table since it was copied.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) table: &'static Table,
    /// Of rows that have changed, come or gone.
    pub(super) keys: Vec<Value>,
    /// Those that have changed or come.
    pub(super) rows: Vec<Vec<Value>>,
}

async fn add(
    transaction: &Transaction<'_>,
    table: &Table,
    rows: &[Vec<Value>],
) -> Result<(), TransferReason> {
    let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.names());
    let sink = transaction.copy_in(&sql).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &table.types()));
    for row in rows {
        writer.as_mut().write(&refs(row)).await?;
    }
    writer.finish().await?;
    Ok(())
}

fn refs(row: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    row.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
