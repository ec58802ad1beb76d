//! `fastdata man`: the manual page of the program or of one command.

use clap::CommandFactory;

use super::print;
use crate::args::Args;
use crate::failure::Failure;

pub(crate) fn run(name: Option<&str>) -> Result<(), Failure> {
    let mut program = Args::command();
    program.build();
    let command = match name {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| Failure::usage(format!("no command is called {name}")))?
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::io("cannot make the manual page", &error))?;
    print(&String::from_utf8_lossy(&page))
}
