//! `hellosign server keys`: the server's secret is rolled in two steps, and an old one revoked.

use hellosign_server::{DataDir, KeyUse};

use crate::args::{DataArgs, KeysCommand};
use crate::{config, output};

pub(crate) fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List { data } => {
            for key in open(data)?.keys()? {
                let held = if key.is_held { "" } else { ", its secret is not here" };
                output::line(&format!("{} {}{held}; kept under it: {}", key.id, key.state, uses(key.uses)));
            }
        }
        KeysCommand::Add { data } => {
            let id = open(data)?.add_key()?;
            output::line(&format!(
                "{id} accepted; back up the key file, then have it issue: keys issue {id}"
            ));
        }
        KeysCommand::Issue { data, id } => {
            open(data)?.issue_with(id)?;
            output::line(&format!("{id} issuing"));
        }
        KeysCommand::Revoke { data, id } => {
            let ended = open(data)?.revoke_key(id)?;
            output::line(&format!("{id} revoked; ended with it: its tokens, {}", uses(ended)));
        }
    }
    Ok(())
}

fn open(data: DataArgs) -> anyhow::Result<DataDir> {
    Ok(DataDir::open(&data.data_dir, config::key_source(data.key_file)?)?)
}

fn uses(uses: KeyUse) -> String {
    format!(
        "client secrets: {}, API keys: {}, imported refresh tokens: {}",
        uses.client_secrets, uses.api_keys, uses.imported_tokens
    )
}
