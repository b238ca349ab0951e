//! `hellosign server restored`: a database that has lost time begins another epoch.

use hellosign_server::{DataDir, SharedDatabase};

use crate::args::DataArgs;
use crate::config::DataSource;
use crate::{config, output};

pub(crate) async fn run(data: DataArgs) -> anyhow::Result<()> {
    let epoch = match config::data_source(data.data_dir, &data.database)? {
        DataSource::Directory(directory) => {
            DataDir::open(&directory, config::key_source(data.key_file)?)?.restored()?
        }
        DataSource::Postgres(url) => SharedDatabase::restored(&url).await?,
    };
    output::line(&format!("epoch {epoch} begins; what was revoked since the backup has to be revoked again"));
    Ok(())
}
