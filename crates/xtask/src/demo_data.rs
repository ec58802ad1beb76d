//! `cargo xtask demo-data`: the demonstration table, where tests and benches can find it.

use crate::process::{self, Result};
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    process::run(
        workspace::cargo()
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
