//! `hellosign server migrate`: the schema of a PostgreSQL database.

use hellosign_server::SharedDatabase;

use crate::args::DatabaseArgs;
use crate::{config, output};

pub(crate) async fn run(database: &DatabaseArgs, is_plan: bool) -> anyhow::Result<()> {
    let url = config::needed_database_url(database)?;
    let steps = match is_plan {
        true => SharedDatabase::plan(&url).await?,
        false => SharedDatabase::migrate(&url).await?,
    };
    for step in &steps {
        output::line(&format!("-- {}: {}", step.version, step.title));
        if is_plan {
            output::line(step.sql);
        }
    }
    if steps.is_empty() {
        output::line("-- nothing is missing");
    }
    Ok(())
}
