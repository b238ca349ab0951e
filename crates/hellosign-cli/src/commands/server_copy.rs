//! `hellosign server copy`: from SQLite to PostgreSQL, while the server runs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hellosign_server::{TransferProgress, take_back, transfer};

use crate::args::DatabaseArgs;
use crate::{config, output};

pub(crate) async fn run(data_dir: &Path, to_file: Option<PathBuf>, undo: bool) -> anyhow::Result<()> {
    if undo {
        take_back(data_dir)?;
        output::line(&format!("{} can be served from again", data_dir.display()));
        return Ok(());
    }
    let url = config::database_url(&DatabaseArgs { database_url_file: to_file })?
        .context("which database? Give --to-file FILE or set HELLOSIGN_DATABASE_URL")?;
    let told = |progress| match progress {
        TransferProgress::Copied { rows } => output::line(&format!("copied {rows} rows; the server goes on")),
        TransferProgress::LetGo => output::line("the server has let the database go, and answers 503"),
        TransferProgress::Done { changed, refused } => output::line(&format!(
            "done: {changed} rows had changed meanwhile; nothing was answered for {} ms",
            refused.as_millis()
        )),
        _ => {}
    };
    transfer(data_dir, &url, told).await?;
    output::line(&format!(
        "start servers on the PostgreSQL database now, with the key file that {} was served with",
        data_dir.display()
    ));
    Ok(())
}
