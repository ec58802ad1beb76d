//! `cargo xtask ci`: what continuous integration checks, in one command.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result, print, say};
use crate::{fuzz, gateway, test, tidy, wheel, workspace};

/// Arguments of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out `cargo xtask test`, for a script that ran it already
    #[arg(long)]
    without_test: bool,
    /// Builds the fuzz targets too and runs each for so many seconds; 0 leaves them out
    #[arg(long, default_value_t = 0)]
    fuzz_seconds: u64,
}

/// A check: its name and what it does.
type Step<'a> = (&'static str, Box<dyn Fn() -> Result<()> + 'a>);

/// Runs every check, also after one failed, so that one run tells all there is to mend.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut steps: Vec<Step<'_>> = vec![
        ("fmt", Box::new(|| cargo(&["fmt", "--all", "--check"]))),
        ("clippy", Box::new(clippy)),
        ("tidy", Box::new(|| tidy::run(&tidy::Args::default()))),
        ("doc", Box::new(docs)),
        ("deny", Box::new(deny)),
    ];
    if !args.without_test {
        steps.push(("test", Box::new(|| test::run(&test::Args::default()))));
    }
    steps.push(("wheel", Box::new(|| wheel::run(&wheel::Args::default()))));
    let seconds = args.fuzz_seconds;
    if seconds > 0 {
        steps.push((
            "fuzz",
            Box::new(move || fuzz::run(&fuzz::Args::all(seconds))),
        ));
    }
    let mut failed = Vec::new();
    for (name, step) in steps {
        say(&format!("\n== {name}"));
        if let Err(message) = step() {
            say(&format!("{name}: {message}"));
            failed.push(name);
        }
    }
    match failed.is_empty() {
        true => {
            print("ci: all checks passed");
            Ok(())
        }
        false => Err(format!("ci: failed: {}", failed.join(", "))),
    }
}

fn cargo(args: &[&str]) -> Result<()> {
    process::run(workspace::cargo().args(args))
}

fn clippy() -> Result<()> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
}

/// Private items too: their links break first. The command goes by itself, because its binary and
/// the facade's library bear one name and so would write the same pages.
fn docs() -> Result<()> {
    let common = ["doc", "--no-deps", "--document-private-items"];
    for which in [
        &["--workspace", "--exclude", "fastdata-cli"][..],
        &["-p", "fastdata-cli"],
    ] {
        let mut cargo = workspace::cargo();
        cargo
            .args(common)
            .args(which)
            .env("RUSTDOCFLAGS", "-D warnings");
        process::run(&mut cargo)?;
    }
    Ok(())
}

/// Pinned, so that a new release cannot turn a build red.
const DENY_VERSION: &str = "0.20.2";

/// Licences, bans and sources. Advisories need their database from the network: docs/releasing.md
/// has the command.
fn deny() -> Result<()> {
    let binary = deny_binary()?;
    process::run(Command::new(binary).current_dir(workspace::root()).args([
        "--workspace",
        "--locked",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}

fn deny_binary() -> Result<PathBuf> {
    let tools = gateway::tools();
    let binary = tools.join("bin").join("cargo-deny");
    if !binary.exists() {
        process::run(
            workspace::cargo()
                .args([
                    "install",
                    "cargo-deny",
                    "--locked",
                    "--version",
                    DENY_VERSION,
                    "--root",
                ])
                .arg(&tools),
        )?;
    }
    Ok(binary)
}
