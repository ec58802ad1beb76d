//! Where blobs lie: a folder or an object store.

mod folder;
mod remote;

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use fastdata_codec::{Key, Limits};
use fastdata_memory::PooledBuffer;

pub(crate) use folder::{Folder, OpenFile, Partial};
pub(crate) use remote::{OpenObject, Remote};

use crate::Result;
use crate::form::Form;

/// What a save that has returned is worth when the machine loses power. A process that is killed
/// loses nothing that was saved, with any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Nothing is waited for: the system writes to the disk when it likes.
    #[default]
    None,
    /// All blobs of one call reach the disk together, by two flushes of the file system.
    Batch,
    /// Each blob reaches the disk by itself, and its name too.
    Full,
}

/// One of the two.
#[derive(Debug)]
pub(crate) enum Backend {
    Folder(Folder),
    Remote(Remote),
}

/// A blob as a listing shows it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) stored_bytes: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// An open blob, of which ranges can be read.
pub(crate) enum Opened<'a> {
    File(OpenFile),
    Object(OpenObject<'a>),
}

impl Backend {
    /// The blob, and how it is stored.
    pub(crate) fn open(&self, key: &Key) -> Result<(Opened<'_>, Form)> {
        Ok(match self {
            Self::Folder(folder) => {
                let (file, form) = folder.open(key)?;
                (Opened::File(file), form)
            }
            Self::Remote(remote) => {
                let (object, form) = remote.open(key)?;
                (Opened::Object(object), form)
            }
        })
    }

    /// The whole body, and how it is stored.
    pub(crate) fn read(&self, key: &Key, limits: &Limits) -> Result<(Bytes, Form)> {
        match self {
            Self::Folder(folder) => {
                let (file, form) = folder.open(key)?;
                let mut body = PooledBuffer::with_len(file.len(limits)?);
                file.read_at(0, body.as_mut_slice())?;
                Ok((body.into_bytes(), form))
            }
            Self::Remote(remote) => remote.read(key, limits),
        }
    }

    /// Every blob, in the order of its path.
    pub(crate) fn list(&self) -> Result<Vec<Found>> {
        match self {
            Self::Folder(folder) => folder.list(),
            Self::Remote(remote) => remote.list(),
        }
    }
}

impl Opened<'_> {
    pub(crate) fn stored_bytes(&self) -> u64 {
        match self {
            Self::File(file) => file.stored_bytes,
            Self::Object(object) => object.stored_bytes,
        }
    }

    /// Fills `out` from byte `start` of the body.
    pub(crate) fn read_at(&self, start: u64, out: &mut [u8]) -> Result<()> {
        match self {
            Self::File(file) => file.read_at(start, out),
            Self::Object(object) => object.read_at(start, out),
        }
    }

    /// Brings a range of the body near, so that what is read out of it next costs no request.
    pub(crate) fn prefetch(&mut self, range: Range<u64>) -> Result<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Object(object) => object.prefetch(range),
        }
    }
}
