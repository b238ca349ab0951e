//! `hellosign server keys`: the server's secret is rolled in two steps, and an old one revoked.

use hellosign_server::{DataDir, KeyEntry, KeyId, KeyUse, SharedDatabase};

use crate::args::{DataArgs, KeysCommand};
use crate::config::DataSource;
use crate::{config, output};

pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List { data } => {
            for key in Keys::open(data).await?.list().await? {
                let held = if key.is_held { "" } else { ", its secret is not here" };
                output::line(&format!("{} {}{held}; kept under it: {}", key.id, key.state, uses(key.uses)));
            }
        }
        KeysCommand::Add { data } => {
            let id = Keys::open(data).await?.add().await?;
            output::line(&format!(
                "{id} accepted; back up the key file, bring it to every node, then have it issue: keys issue {id}"
            ));
        }
        KeysCommand::Issue { data, id } => {
            Keys::open(data).await?.issue_with(id).await?;
            output::line(&format!("{id} issuing"));
        }
        KeysCommand::Revoke { data, id } => {
            let ended = Keys::open(data).await?.revoke(id).await?;
            output::line(&format!("{id} revoked; ended with it: its tokens, {}", uses(ended)));
        }
    }
    Ok(())
}

/// The keys of either database.
enum Keys {
    Directory(DataDir),
    Shared(SharedDatabase),
}

impl Keys {
    async fn open(data: DataArgs) -> anyhow::Result<Self> {
        let keys = config::key_source(data.key_file)?;
        Ok(match config::data_source(data.data_dir, &data.database)? {
            DataSource::Directory(directory) => Self::Directory(DataDir::open(&directory, keys)?),
            DataSource::Postgres(url) => Self::Shared(SharedDatabase::open(&url, keys).await?),
        })
    }

    async fn list(&self) -> anyhow::Result<Vec<KeyEntry>> {
        Ok(match self {
            Self::Directory(directory) => directory.keys()?,
            Self::Shared(database) => database.keys().await?,
        })
    }

    async fn add(&mut self) -> anyhow::Result<KeyId> {
        Ok(match self {
            Self::Directory(directory) => directory.add_key()?,
            Self::Shared(database) => database.add_key().await?,
        })
    }

    async fn issue_with(&mut self, id: KeyId) -> anyhow::Result<()> {
        match self {
            Self::Directory(directory) => directory.issue_with(id)?,
            Self::Shared(database) => database.issue_with(id).await?,
        }
        Ok(())
    }

    async fn revoke(&mut self, id: KeyId) -> anyhow::Result<KeyUse> {
        Ok(match self {
            Self::Directory(directory) => directory.revoke_key(id)?,
            Self::Shared(database) => database.revoke_key(id).await?,
        })
    }
}

fn uses(uses: KeyUse) -> String {
    format!(
        "client secrets: {}, API keys: {}, imported refresh tokens: {}",
        uses.client_secrets, uses.api_keys, uses.imported_tokens
    )
}
