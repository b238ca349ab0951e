//! What the command line takes. No secret is among it: a command line is seen by everybody.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use hellosign_server::KeyId;

/// OAuth for HelloSign (Dropbox Sign): a server of your own, and a tour of it.
#[derive(Debug, Parser)]
#[command(name = "hellosign", version, arg_required_else_help = true)]
pub(crate) struct Args {
    /// How the log looks, which goes to stderr; RUST_LOG says how much of it
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows everything once: a server, an authorization, its tokens, a refresh
    Quickstart {
        /// Opens the authorization page in your browser and waits for you to allow
        #[arg(long)]
        browser: bool,
    },
    /// The vendor's OAuth operations; the answer goes to stdout as JSON
    Oauth {
        #[command(subcommand)]
        command: OauthCommand,
    },
    /// Runs the server
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Server {
        #[command(flatten)]
        args: Option<ServerArgs>,
        #[command(subcommand)]
        command: Option<ServerCommand>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OauthCommand {
    /// oauth_token_generate: a code for an access token and a refresh token
    ///
    /// The client secret and the code come from HELLOSIGN_CLIENT_SECRET and HELLOSIGN_CODE, from files, or
    /// are asked for at a terminal.
    Generate {
        #[command(flatten)]
        host: HostArgs,
        /// The app's client_id; HELLOSIGN_CLIENT_ID where it is not given
        #[arg(long, value_name = "ID")]
        client_id: Option<String>,
        /// File with the app's client_secret, - for stdin
        #[arg(long, value_name = "FILE")]
        client_secret_file: Option<PathBuf>,
        /// File with the code that the callback was called with, - for stdin
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
        /// The state that the authorization was started with
        #[arg(long, default_value = "")]
        state: String,
    },
    /// oauth_token_refresh: a refresh token for a new access token
    ///
    /// The refresh token and the client secret come from HELLOSIGN_REFRESH_TOKEN and
    /// HELLOSIGN_CLIENT_SECRET, from files, or are asked for at a terminal.
    Refresh {
        #[command(flatten)]
        host: HostArgs,
        /// The app's client_id; HELLOSIGN_CLIENT_ID where it is not given; without either no client
        /// credentials are sent
        #[arg(long, value_name = "ID")]
        client_id: Option<String>,
        /// File with the app's client_secret, - for stdin
        #[arg(long, value_name = "FILE")]
        client_secret_file: Option<PathBuf>,
        /// File with the refresh token, - for stdin
        #[arg(long, value_name = "FILE")]
        refresh_token_file: Option<PathBuf>,
    },
}

/// Where requests go, and by which way.
#[derive(Debug, clap::Args)]
pub(crate) struct HostArgs {
    /// A server in place of the vendor's, such as http://127.0.0.1:8065; HELLOSIGN_SERVER where it is not
    /// given
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// An HTTP proxy, http://HOST:PORT; HELLOSIGN_PROXY_CREDENTIALS may hold its USER:PASSWORD
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// PEM file of certificates to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// How long the request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
    /// Sends credentials by http to hosts that are not loopback, where everybody on the way can read them
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Rolls the server's secret, while no server runs on the data directory
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Shows each key's state, and how many credentials are kept under it
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Makes a new key: what it makes is accepted, and it issues nothing yet
    Add {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Has a key make all new credentials; the one before is accepted further
    Issue {
        #[command(flatten)]
        data: DataArgs,
        /// Eight hexadecimal digits
        id: KeyId,
    },
    /// Ends all that was made with a key, for good
    Revoke {
        #[command(flatten)]
        data: DataArgs,
        /// Eight hexadecimal digits
        id: KeyId,
    },
}

/// Which server's data, and with which secret.
#[derive(Debug, clap::Args)]
pub(crate) struct DataArgs {
    /// Holds the database and the server's secret
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// File with the server's secret, in place of server.key in the data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Address and port to listen on, port 0 for a free one; may be given more than once
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8065")]
    pub(crate) listen: Vec<String>,
    /// Holds the database and the server's secret; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// File with the server's secret, in place of server.key in the data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Where others reach the server, an origin without a path: for what it says of itself
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// TOML file of accounts, apps, codes and grants to begin with
    #[arg(long, value_name = "FILE")]
    pub(crate) fixtures: Option<PathBuf>,
    /// Approves every authorization as this account, without asking; on loopback only
    #[arg(long, value_name = "EMAIL")]
    pub(crate) auto_approve: Option<String>,
    /// Whose behavior the endpoints have; has to be named to listen beyond loopback
    #[arg(long, value_enum)]
    pub(crate) profile: Option<Profile>,
    /// Lifetime of an access token in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 86400, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) access_token_ttl: u32,
    /// Lifetime of an authorization code in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) authorization_code_ttl: u32,
    /// How long a refresh token that was just rotated is answered again, in seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) rotation_grace: u32,
    /// Token requests that an app may make, or `off`
    #[arg(long, value_name = "PER_MINUTE|off", default_value = "6000", value_parser = rate_limit)]
    pub(crate) rate_limit: RateLimit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// As the vendor's service was measured to behave
    Hellosign,
    /// As RFC 9700 wants it: rotation, PKCE, RFC 6749's error codes
    Strict,
}

/// Requests per minute; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit(pub(crate) Option<u32>);

fn rate_limit(text: &str) -> Result<RateLimit, String> {
    if text == "off" {
        return Ok(RateLimit(None));
    }
    match text.parse() {
        Ok(per_minute @ 1..) => Ok(RateLimit(Some(per_minute))),
        _ => Err("give a number of requests per minute from 1 on, or off".to_owned()),
    }
}
