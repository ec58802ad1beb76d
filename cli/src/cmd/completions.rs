//! `fastdata completions`: a script for the shell.

use clap::CommandFactory;

use super::print;
use crate::args::Args;
use crate::failure::Failure;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "fastdata", &mut script);
    print(&String::from_utf8_lossy(&script))
}
