//! Which version of an object bytes come from: the first answer decides, the others have to match.

use std::sync::{Mutex, PoisonError};

use super::connection::Head;

/// The version that a reading of one object is about.
#[derive(Debug, Default)]
pub(super) struct Version(Mutex<Option<Seen>>);

/// What tells versions apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size_bytes: u64,
    /// The ETag or, where a server has none, the time of the last change.
    mark: String,
    etag: Option<String>,
}

impl Seen {
    pub(super) fn of(head: &Head, size_bytes: u64) -> Self {
        let etag = head.header("etag").filter(|etag| !etag.is_empty());
        let mark = etag.or(head.header("last-modified")).unwrap_or_default();
        Self {
            size_bytes,
            mark: mark.to_owned(),
            // A weak ETag never matches an `If-Match`.
            etag: etag
                .filter(|etag| !etag.starts_with("W/"))
                .map(str::to_owned),
        }
    }
}

impl Version {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For `If-Match`.
    pub(super) fn etag(&self) -> Option<String> {
        self.lock().as_ref()?.etag.clone()
    }

    /// The object's size, once an answer has told it.
    pub(super) fn size_bytes(&self) -> Option<u64> {
        Some(self.lock().as_ref()?.size_bytes)
    }

    /// Whether an answer comes from the version of the first one.
    pub(super) fn admits(&self, seen: Seen) -> bool {
        *self.lock().get_or_insert_with(|| seen.clone()) == seen
    }
}
