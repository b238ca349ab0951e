//! Refreshes against the bare handler, pair by pair.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::load::{self, Figures};
use crate::target::{self, Target};

#[derive(Debug, clap::Args)]
pub(crate) struct RefreshArgs {
    /// Connections at the same time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Grants to refresh
    #[arg(long, default_value_t = 20_000)]
    grants: usize,
    /// Seconds that each run takes
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Pairs of runs; the medians are what counts
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// A binary in place of the one that is built
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the database is; it should be on a real disk
    #[arg(long, default_value = "target/bench")]
    directory: PathBuf,
}

pub(crate) async fn run(args: RefreshArgs) -> anyhow::Result<()> {
    let binary = target::hellosign_binary(args.binary.clone())?;
    println!(
        "{} connections, {} grants, {} pairs of {} s; the reference is a bare axum handler",
        args.connections, args.grants, args.pairs, args.seconds
    );
    for rotates in [false, true] {
        measure(&args, &binary, rotates).await?;
    }
    Ok(())
}

async fn measure(args: &RefreshArgs, binary: &Path, rotates: bool) -> anyhow::Result<()> {
    let name = if rotates { "rotating" } else { "plain" };
    std::fs::create_dir_all(&args.directory)?;
    let directory = tempfile::tempdir_in(&args.directory)?;
    let (fixtures, mut tokens) = target::fixtures(directory.path(), args.grants, rotates)?;
    let bare = Target::bare().await?;
    let ours = Target::hellosign(binary, directory.path(), &fixtures).await?;
    let duration = Duration::from_secs(args.seconds);
    let mut anything = tokens.clone();
    // Connections, caches and branch predictors.
    load::refresh(bare.address, &mut anything, "benchmark", args.connections, Duration::from_secs(1)).await?;
    load::refresh(ours.address, &mut tokens, "benchmark", args.connections, Duration::from_secs(2)).await?;

    let (mut ratios, mut figures) = (Vec::new(), Vec::new());
    let (fsyncs, mut answered) = (ours.fsyncs()?, 0);
    for _ in 0..args.pairs {
        let reference =
            load::refresh(bare.address, &mut anything, "benchmark", args.connections, duration).await?;
        let measured =
            load::refresh(ours.address, &mut tokens, "benchmark", args.connections, duration).await?;
        answered += measured.answered;
        ratios.push(measured.per_second / reference.per_second);
        figures.push((reference, measured));
    }
    let fsyncs = ours.fsyncs()? - fsyncs;
    let by = |value: fn(&Figures) -> f64, ours: bool| {
        median(figures.iter().map(|(bare, measured)| value(if ours { measured } else { bare })).collect())
    };
    println!("{name}:");
    for (who, ours) in [("bare handler", false), ("hellosign", true)] {
        println!(
            "  {who:<13}{:>8.0} refreshes/s   median {:>6.0} µs   p99 {:>6.0} µs",
            by(|f| f.per_second, ours),
            by(|f| f.median.into(), ours),
            by(|f| f.p99.into(), ours)
        );
    }
    println!(
        "  ratio {:.3} (of {}), memory {} MiB, {} fsyncs for {answered} answers: {:.4} each",
        median(ratios.clone()),
        ratios.iter().map(|ratio| format!("{ratio:.3}")).collect::<Vec<_>>().join(" "),
        ours.memory()?,
        fsyncs,
        fsyncs as f64 / answered as f64
    );
    ours.stop().await?;
    bare.stop().await
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
