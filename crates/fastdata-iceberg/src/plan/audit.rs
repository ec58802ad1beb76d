//! What can only be checked once every manifest was read.

use std::collections::HashSet;

use ahash::RandomState;

use super::DeleteIndex;
use crate::path::tail;
use crate::{Error, Result};

/// The live files of one manifest, as fingerprints of their paths.
#[derive(Debug, Default)]
pub struct LiveFiles {
    fingerprints: Vec<Fingerprint>,
}

#[derive(Debug, Clone, Copy)]
struct Fingerprint {
    /// Of the comparable path. 128 bits, so that two paths do not collide by chance.
    path: u128,
    /// Of what stays the same however the root is spelled.
    tail: u64,
}

impl LiveFiles {
    /// Adds a file by its comparable path.
    pub(super) fn push(&mut self, normalised: &str) {
        self.fingerprints.push(Fingerprint {
            path: hash(normalised),
            tail: hash_tail(normalised),
        });
    }
}

/// Fixed seeds: fingerprints are compared across manifests.
fn seeded(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed ^ 0x9e37_79b9, seed << 7, !seed)
}

fn hash(path: &str) -> u128 {
    u128::from(seeded(1).hash_one(path)) << 64 | u128::from(seeded(2).hash_one(path))
}

fn hash_tail(path: &str) -> u64 {
    seeded(3).hash_one(tail(path))
}

/// Collects the live files of all data manifests of one plan, then finds what is wrong with the
/// table as a whole. It costs 24 bytes and a hash entry per live file.
#[derive(Debug, Default)]
pub struct PlanAudit {
    paths: HashSet<u128, RandomState>,
    tails: HashSet<u64, RandomState>,
}

impl PlanAudit {
    /// Adds the live files of one manifest. A data file that is live twice is an error: its rows
    /// would count double.
    pub fn add(&mut self, live: &LiveFiles) -> Result<()> {
        for fingerprint in &live.fingerprints {
            if !self.paths.insert(fingerprint.path) {
                return Err(Error::corrupt("a data file is live twice in one snapshot"));
            }
            self.tails.insert(fingerprint.tail);
        }
        Ok(())
    }

    /// After the last manifest: a delete that names a file which is live under another spelling
    /// of its path is an error. One that names a file which is gone is left over from a rewrite,
    /// as the table format allows.
    pub fn finish(&self, deletes: &DeleteIndex) -> Result<()> {
        for (target, delete) in deletes.named_targets() {
            if !self.paths.contains(&hash(target)) && self.tails.contains(&hash_tail(target)) {
                return Err(Error::corrupt(format!(
                    "delete file {} names data file {target}, which is live under another \
                     spelling of its path only",
                    delete.recorded_path
                )));
            }
        }
        Ok(())
    }
}
