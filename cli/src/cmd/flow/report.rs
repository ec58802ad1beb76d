//! `fastdata flow report`.

use std::path::PathBuf;

use fastdata::flows::Client;
use fastdata::flows::layout::PathSpec;
use fastdata::flows::report::report as page_of;

use crate::cmd::print;
use crate::config::{Destination, flow::path};
use crate::failure::Failure;
use crate::output::Sink;

pub(super) fn report(
    client: &Client,
    run: &PathSpec,
    output: Option<PathBuf>,
    against: Option<&str>,
) -> Result<(), Failure> {
    let run = client.run(run)?;
    let previous = match against {
        Some(id) => Some(client.run(&path(&format!("{}/{id}", run.flow()))?)?),
        None => run.previous()?,
    };
    let page = page_of(&run, previous.as_ref())?;
    let file = output.unwrap_or_else(|| PathBuf::from(format!("{}-{}.html", run.flow(), run.id())));
    let name = file.display().to_string();
    let mut sink = Sink::open(&Destination::File(file))?;
    sink.put(page.as_bytes())?;
    sink.commit()?;
    print(&format!("{name}\n"))
}
