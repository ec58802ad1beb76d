//! `cargo xtask fuzz`: builds the targets of `fuzz/` on the stable compiler and runs them.
//!
//! libFuzzer needs coverage counters in our code. Its usual front end turns them on by flags that
//! only nightly accepts; the LLVM pass behind those flags is there on stable as well.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result, say};
use crate::workspace;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this target
    target: Option<String>,
    /// Seconds that each target runs
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

impl Args {
    /// Every target, `seconds` each.
    pub(crate) fn all(seconds: u64) -> Self {
        Self {
            target: None,
            seconds,
        }
    }
}

const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing -Cdebug-assertions=yes -Ccodegen-units=1";

/// One input may cost this much at most: the same bounds that tests set for hostile files.
const RSS_LIMIT_MB: u64 = 2048;
const INPUT_TIMEOUT_S: u64 = 10;

pub(crate) fn run(args: &Args) -> Result<()> {
    let binaries = workspace::target().join("fuzz");
    build(&binaries)?;
    let mut names = targets()?;
    if let Some(only) = &args.target {
        names.retain(|name| name == only);
        if names.is_empty() {
            return Err(format!("fuzz/fuzz_targets has no {only}.rs"));
        }
    }
    let seeds = workspace::target().join("fuzz-seeds");
    let writer = binaries.join(host()?).join("release").join("footer");
    process::run(
        Command::new(writer)
            .arg("-runs=0")
            .env("FASTDATA_FUZZ_SEEDS", &seeds),
    )?;
    for name in &names {
        run_target(&binaries, name, args.seconds)?;
    }
    say(&format!(
        "fuzz: {} targets ran {} s each and found nothing",
        names.len(),
        args.seconds
    ));
    Ok(())
}

fn build(binaries: &std::path::Path) -> Result<()> {
    let mut cargo = workspace::cargo();
    // Naming the target keeps the counters out of build scripts and procedural macros.
    cargo
        .current_dir(workspace::root().join("fuzz"))
        .args([
            "build",
            "--release",
            "--locked",
            "--bins",
            "--target",
            &host()?,
        ])
        .env("CARGO_TARGET_DIR", binaries)
        .env("RUSTFLAGS", COVERAGE);
    process::run(&mut cargo)
}

fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// Every file in `fuzz/fuzz_targets`, sorted.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz").join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("fuzz: {error}"))?;
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn run_target(binaries: &std::path::Path, name: &str, seconds: u64) -> Result<()> {
    let seeds = workspace::target().join("fuzz-seeds").join(name);
    let corpus = workspace::target().join("fuzz-corpus").join(name);
    let finds = workspace::target().join("fuzz-finds").join(name);
    for folder in [&corpus, &finds] {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let binary: PathBuf = binaries.join(host()?).join("release").join(name);
    let mut fuzzer = Command::new(binary);
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={RSS_LIMIT_MB}"))
        .arg(format!("-timeout={INPUT_TIMEOUT_S}"))
        .arg(format!("-artifact_prefix={}/", finds.display()))
        .args(["-max_len=65536", "-print_final_stats=0", "-verbosity=0"])
        // A change is to fail for what it does, not by chance: who looks further runs this by hand.
        .args(workspace::in_ci().then_some("-seed=1"))
        .args([corpus, seeds]);
    process::run(&mut fuzzer)
}
