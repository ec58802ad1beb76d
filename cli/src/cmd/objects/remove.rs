//! `fastdata rm`.

use std::io::{BufRead, IsTerminal, Write};

use fastdata::CancelToken;
use fastdata::store::Location;

use crate::args::RmArgs;
use crate::cmd::print;
use crate::config::transfers;
use crate::failure::{Failure, FailureKind};

pub(crate) fn rm(args: RmArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    let mut objects: Vec<Location> = Vec::new();
    for text in &args.objects {
        let found = transfers.find(text)?;
        let is_itself = |location: &Location| location.to_string().ends_with(text.as_str());
        let is_named = found.len() == 1 && found.iter().all(|meta| is_itself(&meta.location));
        let is_pattern = text.contains(['*', '?', '[']);
        if !is_named && !is_pattern && !args.recursive {
            return Err(Failure::usage(format!(
                "{text} is a folder of {} objects: add --recursive",
                found.len()
            )));
        }
        objects.extend(found.into_iter().map(|meta| meta.location));
    }
    objects.sort();
    objects.dedup();
    if args.dry_run {
        let lines: Vec<String> = objects
            .iter()
            .map(|object| format!("rm {object}\n"))
            .collect();
        return print(&lines.concat());
    }
    if objects.is_empty() {
        return Err(Failure::new(FailureKind::NotFound, "nothing to remove"));
    }
    if !args.yes && !confirmed(&objects)? {
        return Err(Failure::new(FailureKind::Other, "nothing was removed"));
    }
    Ok(transfers.remove(objects)?)
}

fn confirmed(objects: &[Location]) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "rm asks first: without a terminal, add --yes",
        ));
    }
    let what = match objects {
        [object] => object.to_string(),
        _ => format!("{} objects, from {} on", objects.len(), objects[0]),
    };
    let asked = write!(std::io::stderr(), "remove {what}? [y/N] ");
    asked.map_err(|error| Failure::io("cannot ask", &error))?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::io("cannot read the answer", &error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
