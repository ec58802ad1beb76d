//! What to read and how to reach it, as a scan request.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use fastdata::{ScanRequest, Settings, SnapshotSelector};

use super::{instant, store};
use crate::args::SourceArgs;
use crate::failure::Failure;

/// The request that `args` make, everything else at its default.
pub(super) fn request(args: SourceArgs) -> Result<ScanRequest, Failure> {
    Ok(ScanRequest {
        snapshot: snapshot(&args)?,
        store: store::connected(args.store, args.connections)?,
        map_by_position: args.map_by_position,
        settings: settings(args.config, args.warehouse)?,
        sources: sources(args.sources)?,
        ..ScanRequest::default()
    })
}

fn snapshot(args: &SourceArgs) -> Result<SnapshotSelector, Failure> {
    Ok(match (args.snapshot_id, &args.as_of, &args.r#ref) {
        (Some(id), ..) => SnapshotSelector::Id(id),
        (_, Some(text), _) => {
            SnapshotSelector::AsOfMs(instant::parse_ms(text).ok_or_else(|| {
                Failure::usage(format!(
                    "--as-of {text}: write 2026-01-15, 2026-01-15T08:30:00Z or milliseconds"
                ))
            })?)
        }
        (.., Some(name)) => SnapshotSelector::Ref(name.clone()),
        _ => SnapshotSelector::Current,
    })
}

fn settings(config: Option<PathBuf>, warehouse: Option<String>) -> Result<Settings, Failure> {
    // The default file may be missing; one that was named may not.
    if let Some(path) = &config {
        std::fs::metadata(path)
            .map_err(|error| Failure::io(&format!("cannot read {}", path.display()), &error))?;
    }
    let mut settings = Settings::load(config.or_else(Settings::default_path))?;
    settings.warehouse = warehouse.or(settings.warehouse);
    Ok(settings)
}

/// `-` stands for the names on stdin: one a line, or separated by NUL as `find -print0` does it.
fn sources(typed: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut sources = Vec::new();
    for source in typed {
        match source.as_str() {
            "-" => sources.extend(names(&read_stdin()?)),
            _ => sources.push(source),
        }
    }
    match sources.is_empty() {
        true => Err(Failure::usage("stdin names nothing to read")),
        false => Ok(sources),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidData => Failure::usage("the names on stdin are not UTF-8"),
            _ => Failure::io("cannot read names from stdin", &error),
        })?;
    Ok(text)
}

fn names(text: &str) -> Vec<String> {
    let separator = if text.contains('\0') { '\0' } else { '\n' };
    let names = text.split(separator).map(|name| match separator {
        '\n' => name.trim_end_matches('\r'),
        _ => name,
    });
    names
        .filter(|name| !name.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_of_stdin() {
        assert_eq!(names("a b\r\n\nc\n"), ["a b", "c"]);
        assert_eq!(names("a\nb\0c\0"), ["a\nb", "c"]);
        assert!(names("\n \n").is_empty());
    }
}
