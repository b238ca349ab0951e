//! `hellosign server settings`: what holds for all servers on a PostgreSQL database.

use hellosign_server::{SharedDatabase, SharedSetting};

use crate::args::DatabaseArgs;
use crate::{config, output};

pub(crate) async fn run(
    database: &DatabaseArgs,
    set: Vec<SharedSetting>,
    unset: Vec<String>,
) -> anyhow::Result<()> {
    let url = config::needed_database_url(database)?;
    for name in unset {
        SharedDatabase::unset(&url, &name).await?;
    }
    for setting in set {
        SharedDatabase::set(&url, setting).await?;
    }
    for setting in SharedDatabase::settings(&url).await? {
        output::line(&setting.to_string());
    }
    Ok(())
}
