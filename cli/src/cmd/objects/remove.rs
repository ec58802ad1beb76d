//! `fastdata rm`.

use std::io::{BufRead, IsTerminal, Write};

use fastdata::CancelToken;
use fastdata::store::{Location, OpenUpload, Transfers};

use crate::args::RmArgs;
use crate::cmd::print;
use crate::config::{blob, location, transfers};
use crate::failure::{Failure, FailureKind};

pub(crate) fn rm(args: RmArgs, cancel: &CancelToken) -> Result<(), Failure> {
    let transfers = transfers(&args.remote, cancel)?;
    if args.uploads {
        return give_up(&transfers, &args);
    }
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
    let what = match objects.as_slice() {
        [object] => object.to_string(),
        _ => format!("{} objects, from {} on", objects.len(), objects[0]),
    };
    if !args.yes && !confirmed("remove", &what)? {
        return Err(Failure::new(FailureKind::Other, "nothing was removed"));
    }
    Ok(transfers.remove(objects)?)
}

/// Of uploads in parts that nobody has ended, those that are old enough.
fn give_up(transfers: &Transfers, args: &RmArgs) -> Result<(), Failure> {
    let grace = blob::grace(&args.grace)?;
    let is_old = |upload: &OpenUpload| {
        let age = upload.begun.and_then(|begun| begun.elapsed().ok());
        age.is_some_and(|age| age >= grace)
    };
    let mut uploads = Vec::new();
    for text in &args.objects {
        let found = transfers.open_uploads(&location(text)?)?;
        uploads.extend(found.into_iter().filter(is_old));
    }
    let lines: Vec<String> = uploads
        .iter()
        .map(|upload| format!("give up {} {}\n", upload.id, upload.location))
        .collect();
    if args.dry_run {
        return print(&lines.concat());
    }
    if uploads.is_empty() {
        let what = format!("no upload was begun more than {} ago", args.grace);
        return Err(Failure::new(FailureKind::NotFound, what));
    }
    let what = format!("{} uploads in parts", uploads.len());
    if !args.yes && !confirmed("give up", &what)? {
        return Err(Failure::new(FailureKind::Other, "nothing was given up"));
    }
    Ok(transfers.give_up(&uploads)?)
}

fn confirmed(to_do: &str, what: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "rm asks first: without a terminal, add --yes",
        ));
    }
    let asked = write!(std::io::stderr(), "{to_do} {what}? [y/N] ");
    asked.map_err(|error| Failure::io("cannot ask", &error))?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::io("cannot read the answer", &error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
