//! The store: save, load, ranges, and what is there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fastdata_codec::{Check, Codec, Key, Limits};
use fastdata_store::{Location, StoreConfig};

use crate::backend::{Backend, Durability, Folder, Opened, Partial, Remote};
use crate::body::{self, Draft};
use crate::crowd::{self, Width};
use crate::form::{Form, WriteAs, has_metadata};
use crate::{Error, ErrorKind, Result};

/// How a store is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlobsOptions {
    /// How new blobs are stored.
    pub write_as: WriteAs,
    /// What a save in a folder waits for; object stores always keep what they acknowledged.
    pub durability: Durability,
    /// Whether loads check the hash.
    pub check: Check,
    /// What loads may bring into memory.
    pub limits: Limits,
    /// In object stores, a blob that is found to be there already and is older than this is written
    /// again, which makes it young for the collector; less than half of the collector's grace.
    /// 6 hours by default. In folders every blob that is found again is made young.
    pub refresh_after: Duration,
    /// How object stores are reached.
    pub store: StoreConfig,
}

impl Default for BlobsOptions {
    fn default() -> Self {
        Self {
            write_as: WriteAs::default(),
            durability: Durability::default(),
            check: Check::default(),
            limits: Limits::default(),
            refresh_after: Duration::from_secs(6 * 3600),
            store: StoreConfig::default(),
        }
    }
}

/// A store of blobs below one root.
///
/// Can be shared by threads; several stores of one root, in this process and others, work side by
/// side.
#[derive(Debug)]
pub struct Blobs {
    pub(crate) backend: Backend,
    pub(crate) options: BlobsOptions,
}

/// What a save did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The name of the content.
    pub key: Key,
    /// `false` when the blob was there already.
    pub is_new: bool,
}

/// A blob in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// The length of its body in bytes.
    pub stored_bytes: u64,
    /// When it was written or found again last.
    pub modified: Option<SystemTime>,
}

/// What is known of a blob without reading all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStat {
    /// Its key.
    pub key: Key,
    /// How it is stored.
    pub form: Form,
    /// The length of its body in bytes.
    pub stored_bytes: u64,
    /// The length of its content in bytes, as the body claims it; `None` when it claims none.
    pub content_bytes: Option<u64>,
    /// How many blocks of each codec a version 3 blob has.
    pub codecs: BTreeMap<Codec, usize>,
}

/// How many files of one call are open before they are published.
const BATCH: usize = 256;

impl Blobs {
    /// The store at `root`: a folder or the URL of a prefix in a bucket. Nothing is looked up or
    /// written before the first use.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an address that is none.
    pub fn open(root: &str, options: BlobsOptions) -> Result<Self> {
        let location = Location::parse(root)?;
        let backend = match location.local_path() {
            Some(path) => Backend::Folder(Folder::new(PathBuf::from(path), options.durability)),
            None => {
                let store = fastdata_store::open(options.store.clone());
                Backend::Remote(Remote::new(store, location, options.refresh_after)?)
            }
        };
        Ok(Self { backend, options })
    }

    /// As [`Blobs::open`], for a folder that has to be there.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a folder that does not exist.
    pub fn open_existing(root: &str, options: BlobsOptions) -> Result<Self> {
        let blobs = Self::open(root, options)?;
        match &blobs.backend {
            Backend::Folder(folder) if !folder.root().is_dir() => Err(Error::new(
                ErrorKind::NotFound,
                format!("no folder {}", folder.root().display()),
            )),
            _ => Ok(blobs),
        }
    }

    /// Keeps `content` and gives its key. Several writers of one content all succeed.
    ///
    /// # Errors
    /// [`Storage`](ErrorKind::Storage), [`Denied`](ErrorKind::Denied). After an error nothing is
    /// promised, and nothing partial is visible.
    pub fn save(&self, content: &[u8]) -> Result<Saved> {
        match &self.backend {
            Backend::Folder(folder) => {
                let mut saved = self.publish(folder, vec![self.draft(folder, content)?])?;
                saved
                    .pop()
                    .ok_or_else(|| Error::invalid("nothing was saved"))
            }
            Backend::Remote(remote) => {
                let draft = Draft::new(content, self.options.write_as)?;
                let key = draft.key;
                if remote.need_not_write(&key, content.len() as u64)? {
                    return Ok(Saved { key, is_new: false });
                }
                let (body, form) = draft.into_body()?;
                let is_new = remote.put(&key, form, body)?;
                Ok(Saved { key, is_new })
            }
        }
    }

    /// Keeps all of `contents`: hashing, packing and writing overlap. The results are in order.
    ///
    /// # Errors
    /// As [`Blobs::save`]; some of the contents may have been saved.
    pub fn save_many<C: AsRef<[u8]> + Sync>(&self, contents: &[C]) -> Result<Vec<Saved>> {
        let content = |idx: usize| contents.get(idx).map(AsRef::as_ref).unwrap_or_default();
        let Backend::Folder(folder) = &self.backend else {
            return crowd::each(contents.len(), Width::Network, |idx| {
                self.save(content(idx))
            });
        };
        let mut saved = Vec::with_capacity(contents.len());
        for start in (0..contents.len()).step_by(BATCH) {
            let count = BATCH.min(contents.len() - start);
            let write = |idx: usize| self.draft(folder, content(start + idx));
            let written = crowd::each(count, Width::Cores, write)?;
            saved.extend(self.publish(folder, written)?);
        }
        Ok(saved)
    }

    /// Writes a file that has no name yet; none when the blob is there.
    fn draft(&self, folder: &Folder, content: &[u8]) -> Result<(Key, Option<(Partial, Form)>)> {
        let draft = Draft::new(content, self.options.write_as)?;
        let key = draft.key;
        if folder.refresh(&key)? {
            return Ok((key, None));
        }
        let mut partial = folder.begin()?;
        let form = draft.write_to(&mut partial)?;
        Ok((key, Some((partial, form))))
    }

    /// Gives written files their names.
    fn publish(
        &self,
        folder: &Folder,
        written: Vec<(Key, Option<(Partial, Form)>)>,
    ) -> Result<Vec<Saved>> {
        let any = written.iter().any(|(_, partial)| partial.is_some());
        let batch = any && self.options.durability == Durability::Batch;
        if batch {
            folder.flush_all()?;
        }
        let mut saved = Vec::with_capacity(written.len());
        for (key, partial) in written {
            let is_new = match partial {
                Some((partial, form)) => folder.publish(partial, &key, form)?,
                None => false,
            };
            saved.push(Saved { key, is_new });
        }
        if batch {
            folder.flush_all()?;
        }
        Ok(saved)
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound); [`Corrupt`](ErrorKind::Corrupt) when the bytes are not
    /// what was saved.
    pub fn load(&self, key: &Key) -> Result<Bytes> {
        let (limits, check) = (&self.options.limits, self.options.check);
        if let Backend::Folder(_) = &self.backend {
            let (mut opened, form) = self.backend.open(key)?;
            if form == Form::Blob
                && let Some(content) = self.load_blocks(&mut opened, key)?
            {
                return Ok(content);
            }
        }
        let (body, form) = self.backend.read(key, limits)?;
        body::decode(&body, form, key, check, limits)
    }

    /// Straight from the file into the content's place; `None` when the body is of another form.
    fn load_blocks(&self, opened: &mut Opened<'_>, key: &Key) -> Result<Option<Bytes>> {
        let (limits, check) = (&self.options.limits, self.options.check);
        let context = |error: Error| error.at(format!("blob {key}"));
        let Some(layout) = body::layout(opened, limits).map_err(context)? else {
            return Ok(None);
        };
        let bring = |range: Range<u64>, place: &mut [u8]| opened.read_at(range.start, place);
        let content = layout
            .unpack(0..layout.block_count(), check, bring)
            .map_err(context)?;
        let content = content.into_bytes();
        let is_it = match (check, has_metadata(key)) {
            (Check::Skip, _) => true,
            // The hash over the blocks has been compared with this one.
            (Check::Hash, false) => layout.key() == *key,
            (Check::Hash, true) => Key::of(&content, key.algorithm()) == *key,
        };
        match is_it {
            true => Ok(Some(content)),
            false => Err(Error::corrupt(format!(
                "blob {key} holds another content: {}",
                layout.key()
            ))),
        }
    }

    /// The contents of all of `keys`, in order; reading and unpacking overlap.
    ///
    /// # Errors
    /// As [`Blobs::load`], the first that happens.
    pub fn load_many(&self, keys: &[Key]) -> Result<Vec<Bytes>> {
        crowd::each(keys.len(), self.width(), |idx| match keys.get(idx) {
            Some(key) => self.load(key),
            None => Ok(Bytes::new()),
        })
    }

    pub(crate) fn width(&self) -> Width {
        match &self.backend {
            Backend::Folder(_) => Width::Cores,
            Backend::Remote(_) => Width::Network,
        }
    }

    /// A range of the content of a blob. Of a version 3 blob only the blocks that hold it are
    /// read, each checked by its hash; other versions can be checked only as a whole, and are read
    /// as a whole unless they are raw and the check is off.
    ///
    /// # Errors
    /// As [`Blobs::load`], and [`InvalidArgument`](ErrorKind::InvalidArgument) for a range past
    /// the end.
    pub fn open_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let (mut opened, form) = self.backend.open(key)?;
        let context = |error: Error| error.at(format!("blob {key}"));
        let layout = match form {
            Form::Blob => body::layout(&mut opened, &self.options.limits).map_err(context)?,
            _ => None,
        };
        let Some(layout) = layout else {
            return self.range_of_other(key, &mut opened, form, range);
        };
        if !has_metadata(key) && layout.key() != *key && self.options.check == Check::Hash {
            let context = format!("blob {key} holds another content: {}", layout.key());
            return Err(Error::corrupt(context));
        }
        let blocks = layout.blocks_of(&range)?;
        opened.prefetch(layout.stored_range(blocks.clone()))?;
        let start = layout.content_range(blocks.start).start;
        let bring = |stored: Range<u64>, place: &mut [u8]| opened.read_at(stored.start, place);
        let content = layout
            .unpack(blocks, self.options.check, bring)
            .map_err(context)?;
        match range.is_empty() {
            true => Ok(Bytes::new()),
            // The blocks hold the range.
            false => Ok(content
                .into_bytes()
                .slice((range.start - start) as usize..(range.end - start) as usize)),
        }
    }

    fn range_of_other(
        &self,
        key: &Key,
        opened: &mut Opened<'_>,
        form: Form,
        range: Range<u64>,
    ) -> Result<Bytes> {
        let inside =
            |content_bytes: u64| match range.start <= range.end && range.end <= content_bytes {
                true => Ok(range.start as usize..range.end as usize),
                false => Err(Error::invalid(format!(
                    "bytes {} to {} of blob {key} of {content_bytes}",
                    range.start, range.end
                ))),
            };
        if form == Form::Raw && self.options.check == Check::Skip {
            let len = inside(opened.stored_bytes())?.len();
            let mut out = fastdata_memory::PooledBuffer::with_len(len);
            opened.prefetch(range.clone())?;
            opened.read_at(range.start, out.as_mut_slice())?;
            return Ok(out.into_bytes());
        }
        let content = self.load(key)?;
        Ok(content.slice(inside(content.len() as u64)?))
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// [`Storage`](ErrorKind::Storage), [`Denied`](ErrorKind::Denied).
    pub fn exists(&self, key: &Key) -> Result<bool> {
        match &self.backend {
            Backend::Folder(folder) => folder.contains(key),
            Backend::Remote(remote) => remote.contains(key),
        }
    }

    /// Every blob.
    ///
    /// # Errors
    /// [`Storage`](ErrorKind::Storage), [`Denied`](ErrorKind::Denied).
    pub fn list(&self) -> Result<Vec<Listed>> {
        let listed = self.backend.list()?.into_iter().map(|found| Listed {
            key: found.key,
            stored_bytes: found.stored_bytes,
            modified: found.modified,
        });
        Ok(listed.collect())
    }

    /// What is known of a blob from its metadata and its first and last bytes.
    ///
    /// # Errors
    /// As [`Blobs::load`].
    pub fn stat(&self, key: &Key) -> Result<BlobStat> {
        let (mut opened, form) = self.backend.open(key)?;
        let mut stat = BlobStat {
            key: *key,
            form,
            stored_bytes: opened.stored_bytes(),
            content_bytes: None,
            codecs: BTreeMap::new(),
        };
        let layout = match form {
            Form::Blob => body::layout(
                &mut opened,
                &Limits {
                    content_bytes_max: u64::MAX,
                },
            )
            .map_err(|error| error.at(format!("blob {key}")))?,
            _ => None,
        };
        match layout {
            Some(layout) => {
                stat.content_bytes = Some(layout.content_bytes());
                for codec in layout.codecs() {
                    *stat.codecs.entry(codec).or_default() += 1;
                }
            }
            None => stat.content_bytes = body::claimed_bytes(&mut opened, form)?,
        }
        Ok(stat)
    }
}
