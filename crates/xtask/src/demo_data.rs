//! `cargo xtask demo-data`: the demonstration table, where tests and benches can find it.

use std::process::Command;

use crate::process::{self, Result};
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    process::run(
        Command::new(cargo)
            .current_dir(workspace::root())
            .args([
                "run",
                "--release",
                "--quiet",
                "--bin",
                "fastdata",
                "--",
                "demo",
                "--output",
            ])
            .arg(workspace::target().join("demo-data")),
    )
}
