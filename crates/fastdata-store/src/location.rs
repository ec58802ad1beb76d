//! Addresses of objects and folders.
//!
//! A key is an opaque string: it is never percent-decoded, encoded or normalised, because table
//! formats write keys raw and `a%20b`, `a b` and `a+b` may all exist side by side. For the same
//! reason nothing here is a `url::Url`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use crate::{Error, Result};

/// Which kind of store an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scheme {
    /// A file of this machine.
    Local,
    /// Amazon S3 or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// The address of an object or folder; cheap to clone.
///
/// | written | means |
/// |---|---|
/// | `s3://bucket/key`, `s3a://…`, `s3n://…` | S3 |
/// | `gs://bucket/key`, `gcs://…` | Google Cloud Storage |
/// | `az://container/key`, `azure://…` | Azure, the account comes from the configuration |
/// | `abfs://container@account.dfs.core.windows.net/key`, `abfss://…` | Azure |
/// | `file:///path`, `file:/path`, `file://localhost/path` | a local file |
/// | `/path`, `path` | a local file, relative to the current directory |
///
/// ```
/// use fastdata_store::{Location, Scheme};
///
/// # fn main() -> fastdata_store::Result<()> {
/// let table = Location::parse("s3a://lake/db/events")?;
/// assert_eq!((table.scheme(), table.bucket(), table.key()), (Scheme::S3, "lake", "db/events"));
/// let file = table.join("data/day=2026-01-15/a b%20c.parquet");
/// assert_eq!(file.to_string(), "s3://lake/db/events/data/day=2026-01-15/a b%20c.parquet");
/// assert_eq!(file.file_name(), "a b%20c.parquet");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Location {
    /// What `Display` prints: the canonical URL, or the plain path of a local file.
    text: Arc<str>,
    scheme: Scheme,
    /// Where the bucket's name starts and ends in `text`.
    bucket_start: usize,
    bucket_end: usize,
    /// Where the key starts in `text`.
    key_start: usize,
}

impl Location {
    /// Reads an address as a user or a table's metadata writes it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty text, an
    /// unknown scheme, a missing or impossible bucket name, and a `file:` URL of another host.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid("the address is empty"));
        }
        if text.contains('\0') {
            return Err(Error::invalid(format!(
                "the address {text:?} holds a zero byte"
            )));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return Self::local(text);
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => Self::file_url(text, rest),
            "s3" | "s3a" | "s3n" => Self::remote(text, Scheme::S3, "s3", rest),
            "gs" | "gcs" => Self::remote(text, Scheme::Gcs, "gs", rest),
            "az" | "azure" => Self::remote(text, Scheme::Azure, "az", rest),
            canonical @ ("abfs" | "abfss") => {
                let has_account = rest
                    .split('/')
                    .nth(2)
                    .is_some_and(|part| part.contains('@'));
                let canonical = if has_account { canonical } else { "az" };
                Self::remote(text, Scheme::Azure, canonical, rest)
            }
            other => Err(Error::invalid(format!(
                "unknown scheme {other:?} in {text:?}: known are s3, gs, az, abfss and file"
            ))),
        }
    }

    /// Which kind of store this belongs to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container; empty for local files.
    pub fn bucket(&self) -> &str {
        &self.text[self.bucket_start..self.bucket_end]
    }

    /// The key inside the bucket, or the absolute path of a local file; raw. Empty for the root of
    /// a bucket.
    pub fn key(&self) -> &str {
        &self.text[self.key_start..]
    }

    /// The Azure account that the address names, if it does.
    pub(crate) fn account(&self) -> Option<&str> {
        // `container@host/key`: the host lies between the container and the key.
        let host = self.text[..self.key_start]
            .get(self.bucket_end + 1..)?
            .strip_suffix('/')?;
        host.split('.').next()
    }

    /// The address of `child` (which may have several segments) below this folder.
    #[must_use]
    pub fn join(&self, child: &str) -> Self {
        let slash = if self.key().is_empty() || self.key().ends_with('/') || child.is_empty() {
            ""
        } else {
            "/"
        };
        Self {
            text: format!("{}{slash}{child}", self.text).into(),
            ..self.clone()
        }
    }

    /// Another key in the same bucket.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            text: format!("{}{key}", &self.text[..self.key_start]).into(),
            ..self.clone()
        }
    }

    /// The folder that this lies in; `None` for a bucket and for the root of the file system.
    pub fn parent(&self) -> Option<Self> {
        let key = self.key();
        let trimmed = key.strip_suffix('/').unwrap_or(key);
        if trimmed.is_empty() {
            return None;
        }
        let end = match trimmed.rfind('/') {
            // The root directory keeps its slash: without it the path would be empty.
            Some(0) if self.scheme == Scheme::Local => 1,
            Some(slash) => slash,
            None => 0,
        };
        Some(Self {
            text: self.text[..self.key_start + end].into(),
            ..self.clone()
        })
    }

    /// The last segment of the key, without a slash at the end; empty for a root.
    pub fn file_name(&self) -> &str {
        let key = self.key();
        let trimmed = key.strip_suffix('/').unwrap_or(key);
        trimmed.rsplit('/').next().unwrap_or(trimmed)
    }

    /// The path, if this is local.
    pub fn local_path(&self) -> Option<&Path> {
        (self.scheme == Scheme::Local).then(|| Path::new(self.key()))
    }

    fn local(path: &str) -> Result<Self> {
        if path.starts_with('/') {
            return Ok(Self::of_path(path));
        }
        let Ok(folder) = std::env::current_dir() else {
            return Err(Error::invalid(format!(
                "{path:?} is relative and the current directory is not readable"
            )));
        };
        let Some(folder) = folder.to_str() else {
            return Err(Error::unsupported(format!(
                "{path:?} is relative and the current directory's name is not UTF-8"
            )));
        };
        let mut path = path;
        while let Some(rest) = path.strip_prefix("./") {
            path = rest.trim_start_matches('/');
        }
        let path = if path == "." { "" } else { path };
        Ok(Self::of_path(folder).join(path))
    }

    fn file_url(text: &str, rest: &str) -> Result<Self> {
        let path = match rest.strip_prefix("//") {
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            None => rest,
        };
        if !path.starts_with('/') {
            return Err(Error::invalid(format!(
                "{text:?} names another host or no absolute path: write file:///path"
            )));
        }
        Ok(Self::of_path(path))
    }

    fn of_path(path: &str) -> Self {
        let (bucket_start, bucket_end, key_start) = (0, 0, 0);
        Self {
            text: path.into(),
            scheme: Scheme::Local,
            bucket_start,
            bucket_end,
            key_start,
        }
    }

    fn remote(text: &str, scheme: Scheme, canonical: &str, rest: &str) -> Result<Self> {
        let Some(rest) = rest.strip_prefix("//") else {
            return Err(Error::invalid(format!(
                "{text:?} lacks the // behind its scheme"
            )));
        };
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, account) = match authority.split_once('@') {
            Some((bucket, account)) if scheme == Scheme::Azure => (bucket, Some(account)),
            _ => (authority, None),
        };
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-$".contains(&byte))
        };
        if !is_name(bucket) || !account.is_none_or(is_name) {
            return Err(Error::invalid(format!(
                "{authority:?} in {text:?} is not a bucket's name"
            )));
        }
        let bucket_start = canonical.len() + "://".len();
        Ok(Self {
            text: format!("{canonical}://{authority}/{key}").into(),
            scheme,
            bucket_start,
            bucket_end: bucket_start + bucket.len(),
            key_start: bucket_start + authority.len() + 1,
        })
    }
}

/// `scheme:rest`, if the text starts with a scheme; a path may hold colons too.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_url =
        rest.starts_with("//") || (scheme.eq_ignore_ascii_case("file") && rest.starts_with('/'));
    (is_scheme && is_url).then_some((scheme, rest))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({:?})", self.text)
    }
}

// The canonical text says it all: equal texts have equal scheme and offsets.
impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Location {}

impl Hash for Location {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Location {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Location {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::str::FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
