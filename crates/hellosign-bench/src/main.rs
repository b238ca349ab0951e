//! Measures hellosign, side by side with what it is held against.
//!
//! ```text
//! cargo run --release -p hellosign-bench -- refresh     # against a bare handler, pair by pair
//! cargo run --release -p hellosign-bench -- token       # a token from memory, against the least that it takes
//! cargo run --release -p hellosign-bench -- capacity    # SQLite and PostgreSQL, a thousand grants and a million
//! cargo run --release -p hellosign-bench -- store       # a million grants, ways of writing a rotation
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]

mod bare;
mod capacity;
mod load;
mod refresh;
mod store;
mod target;
mod token;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "Measures hellosign, side by side with what it is held against")]
enum Args {
    /// Refreshes, plain and rotating, against a bare axum handler
    Refresh(refresh::RefreshArgs),
    /// A token that is in memory and good, against an atomic load and the clocks
    Token(token::TokenArgs),
    /// What one machine carries, on either database, with few and with many grants
    Capacity(capacity::CapacityArgs),
    /// Ways of writing rotations, over many grants
    Store(store::StoreArgs),
    /// The bare handler: parses the request, answers a constant
    #[command(hide = true)]
    Bare,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match args {
        Args::Token(args) => runtime()?.block_on(token::run(&args)),
        Args::Store(args) => store::run(&args),
        Args::Capacity(args) => runtime()?.block_on(capacity::run(args)),
        Args::Refresh(args) => runtime()?.block_on(refresh::run(args)),
        Args::Bare => runtime()?.block_on(bare::run()),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
