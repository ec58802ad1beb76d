//! `fastdata blob`: a module per question.

mod content;
mod meter;
mod stat;
mod upkeep;

use fastdata::blobs::{Blobs, BlobsOptions, Error, ErrorKind};

use crate::args::BlobAction;
use crate::config::BlobConfig;
use crate::failure::{Failure, FailureKind};

/// Runs one action.
pub(crate) fn run(config: BlobConfig) -> Result<(), Failure> {
    let BlobConfig {
        action,
        options,
        json,
        progress,
    } = config;
    match action {
        BlobAction::Put { root, files, .. } => content::put(&root, options, &files, json, progress),
        BlobAction::Get { root, key, output } => {
            content::get(&existing(&root, options)?, &key, output)
        }
        BlobAction::Cat { root, keys, range } => {
            content::cat(&existing(&root, options)?, &keys, range.as_deref())
        }
        BlobAction::Ls { root } => stat::list(&existing(&root, options)?, json),
        BlobAction::Stat { root, keys, .. } if !keys.is_empty() => {
            stat::blobs(&existing(&root, options)?, &keys, json)
        }
        BlobAction::Stat { root, sample, .. } => stat::stores(&root, &options, sample, json),
        BlobAction::Verify { root, share } => {
            upkeep::verify(&existing(&root, options)?, share, json, progress)
        }
        BlobAction::Gc {
            root,
            roots,
            grace,
            delete,
        } => upkeep::gc(&existing(&root, options)?, &roots, &grace, delete, json),
        BlobAction::Migrate { root, to, dry_run } => {
            upkeep::migrate(&existing(&root, options)?, to, dry_run, json, progress)
        }
    }
}

fn existing(root: &str, options: BlobsOptions) -> Result<Blobs, Failure> {
    Ok(Blobs::open_existing(root, options)?)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => FailureKind::NotFound,
            ErrorKind::Denied => FailureKind::Permission,
            ErrorKind::Corrupt => FailureKind::CorruptData,
            ErrorKind::Unsupported => FailureKind::Unsupported,
            ErrorKind::LimitExceeded => FailureKind::LimitExceeded,
            ErrorKind::InvalidArgument => FailureKind::Usage,
            _ => FailureKind::Other,
        };
        Self::of(kind, &error)
    }
}
