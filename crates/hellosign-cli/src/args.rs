//! What the command line takes. No secret is among it: a command line is seen by everybody.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use hellosign_server::{KeyId, ProxyNetwork, SharedSetting};

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
        args: Box<ServerArgs>,
        #[command(flatten)]
        behavior: BehaviorArgs,
        #[command(subcommand)]
        command: Option<ServerCommand>,
    },
    /// Runs a server for tests on a free port, and a command that finds it in its environment
    ///
    /// The command gets HELLOSIGN_SERVER, HELLOSIGN_CONTROL_URL and HELLOSIGN_CONTROL_TOKEN; when it ends, all
    /// is gone, and its exit code is this one's. Without a command the server runs until it is stopped. Without
    /// fixtures it knows the values of the vendor's page: see docs/emulator.md.
    Emulator(EmulatorArgs),
    /// Has a server under test do what no client can: move its time, make requests fail, begin anew
    ///
    /// It asks the server that HELLOSIGN_CONTROL_URL and HELLOSIGN_CONTROL_TOKEN name, or the one that runs on
    /// a data directory with --control.
    Control {
        /// The data directory of the server
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        #[command(subcommand)]
        command: ControlCommand,
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
    /// Rolls the server's secret: of a data directory while no server runs on it, of a PostgreSQL database while its
    /// servers run
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Moves a data directory's database to an empty PostgreSQL database, while its server runs
    ///
    /// Most of it is copied while the server goes on. Then the server answers 503, the rest is copied, and the data
    /// directory is never served from again: start `hellosign server` on the PostgreSQL database, with the same key
    /// file.
    Copy {
        /// The data directory to move from
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// File with the URL of the empty PostgreSQL database; HELLOSIGN_DATABASE_URL where it is not given
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
        /// Has the data directory served from again, after a move that cannot be finished: only where no server has
        /// run on the PostgreSQL database
        #[arg(long, conflicts_with = "to_file")]
        undo: bool,
    },
    /// Says that the database was restored from a backup, before servers run on it again
    ///
    /// Tokens that were issued in the time that was lost are told apart from then on from those that are issued anew.
    Restored {
        /// Which database
        #[command(flatten)]
        data: DataArgs,
    },
    /// Shows or changes what holds for all servers on a PostgreSQL database, whatever each was started with; they
    /// take it over within a second or two
    Settings {
        #[command(flatten)]
        database: DatabaseArgs,
        /// What to set, such as access-token-ttl=3600; the names are those of the server's options profile,
        /// access-token-ttl, authorization-code-ttl, rotation-grace and rate-limit
        #[arg(value_name = "NAME=VALUE")]
        set: Vec<SharedSetting>,
        /// Has each server go by what it was started with again; may be given more than once
        #[arg(long, value_name = "NAME")]
        unset: Vec<String>,
    },
    /// Brings the schema of a PostgreSQL database up to date, as a server does when it starts
    Migrate {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Shows what is missing, as SQL, and changes nothing
        #[arg(long)]
        plan: bool,
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
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// Holds the database and the server's secret
    #[arg(long, value_name = "DIR", conflicts_with = "database_url_file")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// File with the server's secret, in place of server.key in the data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// A PostgreSQL database. Its URL has a password in it, and is never on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DatabaseArgs {
    /// File with the URL of a PostgreSQL database, postgres://USER:PASSWORD@HOST/DATABASE, in place of a data
    /// directory; HELLOSIGN_DATABASE_URL where neither is given
    #[arg(long, value_name = "FILE")]
    pub(crate) database_url_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Address and port to listen on, port 0 for a free one; may be given more than once. Without it 127.0.0.1:8065,
    /// or the sockets that a service manager passes
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Which database, and with which secret; a data directory is made if it is missing
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Connections to the PostgreSQL database; each carries many requests at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) database_connections: u16,
    /// Where others reach the server, an origin without a path: for what it says of itself
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// A proxy in front, an address or a network such as 10.1.0.0/16, that is believed when it says in
    /// X-Forwarded-For where a request came from; may be given more than once
    #[arg(long, value_name = "CIDR")]
    pub(crate) trusted_proxy: Vec<ProxyNetwork>,
    /// Answers /healthz, /readyz and Prometheus's /metrics at this address, for those who run the server; see
    /// docs/operations.md
    #[arg(long, value_name = "ADDR")]
    pub(crate) operations: Option<String>,
    /// Connections that may be open; one more is closed at once. 10000, or as many as the process may open
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: Option<u32>,
    /// Requests that are worked on at a time; more wait, for a second at most
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_in_flight: u32,
    /// How long a server that is told to stop goes on answering, in seconds, so that load balancers notice
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) drain_delay: u32,
    /// Lets tests control the server at this loopback address, see `hellosign control`; control.json in the
    /// data directory has the token, unless HELLOSIGN_CONTROL_TOKEN gives one, as it has to with PostgreSQL
    #[arg(long, value_name = "ADDR")]
    pub(crate) control: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EmulatorArgs {
    /// Loopback address and port to listen on, port 0 for a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    #[command(flatten)]
    pub(crate) behavior: BehaviorArgs,
    /// What to run, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What a server knows to begin with, and how it behaves.
#[derive(Debug, clap::Args)]
pub(crate) struct BehaviorArgs {
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

#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Shows the server's time, in milliseconds since the Unix epoch
    Clock,
    /// Moves the server's time forward, until the next reset
    Advance {
        /// Fractions are fine
        seconds: f64,
    },
    /// Has the next requests that match go wrong
    Fault(FaultArgs),
    /// Lists the faults that still wait for requests, one JSON object a line
    Faults {
        /// Takes them all back instead
        #[arg(long)]
        clear: bool,
    },
    /// Lists the last thousand requests without their secrets, the oldest first, one JSON object a line
    Requests {
        /// Forgets them instead
        #[arg(long)]
        clear: bool,
    },
    /// Expires the access tokens that an app has for an account: 401 until it refreshes
    Expire(GrantArgs),
    /// Ends all that an account has granted to an app: invalid_grant from now on
    Revoke(GrantArgs),
    /// Changes an account
    Account {
        /// The account's address
        email_address: String,
        /// Whether the address is confirmed
        #[arg(long, value_name = "true|false")]
        confirmed: Option<bool>,
        /// Whether the account is locked; locking ends all that it has granted
        #[arg(long, value_name = "true|false")]
        locked: Option<bool>,
    },
    /// Changes how the server treats an app
    App {
        /// The app's client_id
        client_id: String,
        /// Whether its refresh tokens rotate, from now on
        #[arg(long, value_name = "true|false")]
        refresh_token_rotation: Option<bool>,
        /// Whether others than its owner can authorize it
        #[arg(long, value_name = "true|false")]
        approved: Option<bool>,
        /// A switch of docs/server.md; may be given more than once
        #[arg(long, value_name = "NAME=VALUE", value_parser = switch)]
        switch: Vec<(String, serde_json::Value)>,
    },
    /// Begins anew with the fixtures
    Reset,
}

/// All grants of an account to an app.
#[derive(Debug, clap::Args)]
pub(crate) struct GrantArgs {
    /// The app's client_id
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// The account's address
    #[arg(long, value_name = "EMAIL")]
    pub(crate) account: String,
}

/// Which requests go wrong, and how; the fields of `Fault`.
#[derive(Debug, clap::Args)]
pub(crate) struct FaultArgs {
    /// Only requests with this method
    #[arg(long, help_heading = "Which requests")]
    pub(crate) method: Option<String>,
    /// Only requests to this path; one that ends in * stands for all that begin so
    #[arg(long, help_heading = "Which requests")]
    pub(crate) path: Option<String>,
    /// Only requests with this grant_type
    #[arg(long, value_name = "TYPE", help_heading = "Which requests")]
    pub(crate) grant_type: Option<String>,
    /// Only requests with this client_id in their body or query
    #[arg(long, value_name = "ID", help_heading = "Which requests")]
    pub(crate) client_id: Option<String>,
    /// How many requests
    #[arg(long, value_name = "N|always", default_value = "1", value_parser = times, help_heading = "Which requests")]
    pub(crate) times: Times,
    /// Answers this status, without doing anything
    #[arg(long, help_heading = "What happens")]
    pub(crate) status: Option<u16>,
    /// The error code of that answer
    #[arg(long, value_name = "CODE", help_heading = "What happens")]
    pub(crate) error: Option<String>,
    /// Retry-After of that answer, in seconds
    #[arg(long, value_name = "SECONDS", help_heading = "What happens")]
    pub(crate) retry_after: Option<u64>,
    /// Has that answer an HTML page for a body
    #[arg(long, help_heading = "What happens")]
    pub(crate) html: bool,
    /// Has that answer this body, letter for letter
    #[arg(long, value_name = "TEXT", help_heading = "What happens")]
    pub(crate) body: Option<String>,
    /// Announces the whole body, sends half of it, and cuts the connection
    #[arg(long, help_heading = "What happens")]
    pub(crate) truncate: bool,
    /// Sends the body so many bytes a second
    #[arg(long, value_name = "N", help_heading = "What happens")]
    pub(crate) bytes_per_second: Option<u32>,
    /// Cuts the connection in place of an answer
    #[arg(long, value_enum, help_heading = "What happens")]
    pub(crate) cut: Option<Cut>,
    /// Holds the answer back, in milliseconds
    #[arg(long, value_name = "MS", help_heading = "What happens")]
    pub(crate) delay: Option<u64>,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cut {
    /// Once it is known which request it is
    BeforeRequest,
    /// When the request has been read, and nothing has been done
    AfterRequest,
    /// When what was asked for has been done, and is durable
    AfterCommit,
}

/// To how many requests a fault happens; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times(pub(crate) Option<u32>);

fn times(text: &str) -> Result<Times, String> {
    match (text, text.parse()) {
        ("always", _) => Ok(Times(None)),
        (_, Ok(count @ 1..)) => Ok(Times(Some(count))),
        _ => Err("give a number of requests from 1 on, or always".to_owned()),
    }
}

fn switch(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=true, NAME=false or NAME=NUMBER")?;
    let value = value.parse().map_err(|_| format!("{value} is neither true nor false nor a number"))?;
    Ok((name.to_owned(), value))
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
