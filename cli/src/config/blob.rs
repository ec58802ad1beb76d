//! `fastdata blob`, ready to run.

use std::time::Duration;

use fastdata::blobs::{BlobsOptions, Check, Durability, Key, Mode, WriteAs};

use super::store;
use crate::args::{BlobAction, BlobArgs, DurabilityArg, FormArg};
use crate::failure::Failure;

/// The options of the store, and how the answer is printed.
#[derive(Debug)]
pub(crate) struct BlobConfig {
    pub(crate) action: BlobAction,
    pub(crate) options: BlobsOptions,
    pub(crate) json: bool,
    pub(crate) progress: bool,
}

impl BlobConfig {
    /// Fills in what was left out.
    pub(crate) fn resolve(args: BlobArgs) -> Self {
        let mut options = BlobsOptions::default();
        options.store = store::store(args.store);
        if args.no_check {
            options.check = Check::Skip;
        }
        if let BlobAction::Put {
            write_as,
            durability,
            ..
        } = &args.action
        {
            options.write_as = way(*write_as);
            options.durability = match durability {
                DurabilityArg::None => Durability::None,
                DurabilityArg::Batch => Durability::Batch,
                DurabilityArg::Full => Durability::Full,
            };
        }
        Self {
            action: args.action,
            options,
            json: args.json,
            progress: !args.no_progress,
        }
    }
}

/// The way to store that a word on the command line means.
pub(crate) fn way(form: FormArg) -> WriteAs {
    match form {
        FormArg::Fast => WriteAs::Blobs(Mode::Fast),
        FormArg::Compact => WriteAs::Blobs(Mode::Compact),
        FormArg::Vanilla => WriteAs::MetaflowVanilla,
        FormArg::Raw => WriteAs::MetaflowRaw,
        FormArg::Lz4 => WriteAs::MetaflowLz4,
        FormArg::MetaflowFast => WriteAs::MetaflowBlobs(Mode::Fast),
        FormArg::MetaflowCompact => WriteAs::MetaflowBlobs(Mode::Compact),
    }
}

/// A key as it was typed.
pub(crate) fn key(text: &str) -> Result<Key, Failure> {
    let parsed: Result<Key, _> = text.trim().parse();
    parsed.map_err(|error| Failure::usage(error.to_string()))
}

/// `FROM..TO` in bytes.
pub(crate) fn range(text: &str) -> Result<std::ops::Range<u64>, Failure> {
    let parsed = text.split_once("..").and_then(|(from, to)| {
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from <= to).then_some(from..to)
    });
    parsed.ok_or_else(|| Failure::usage(format!("--range {text}: write 100..200")))
}

/// `90s`, `15m`, `24h`, `7d`.
pub(crate) fn grace(text: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::usage(format!("--grace {text}: write 90s, 15m, 24h or 7d"));
    let unit = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(unit).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(
        number.checked_mul(seconds).ok_or_else(wrong)?,
    ))
}
