//! The error of this crate.

use std::{fmt, io};

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such flow, run, step, task, artifact or file.
    NotFound,
    /// Credentials or permissions.
    Denied,
    /// Bytes contradict their format.
    Corrupt,
    /// Right, but not read or written by this release; the message names it.
    Unsupported,
    /// Deeper, longer or more than is taken from outside.
    LimitExceeded,
    /// The request is wrong.
    InvalidArgument,
    /// The disk, the network or the metadata service failed.
    Storage,
}

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its kind, one line of context and, where there is one, its cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            context: context.into(),
            source: None,
        }))
    }

    #[cold]
    pub(crate) fn corrupt(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, context)
    }

    #[cold]
    pub(crate) fn invalid(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, context)
    }

    #[cold]
    pub(crate) fn missing(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, context)
    }

    #[cold]
    pub(crate) fn limit(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, context)
    }

    /// A failed operation on the file system; `what` says which and where.
    #[cold]
    pub(crate) fn io(what: impl Into<String>, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Storage,
        };
        Self::new(kind, what).with_source(error)
    }

    /// This error with a line in front that says where.
    #[must_use]
    #[cold]
    pub(crate) fn at(self, context: impl Into<String>) -> Self {
        Self::new(self.kind(), context).with_source(self)
    }

    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.context)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.context)?;
        match &self.0.source {
            Some(source) => write!(f, " (caused by {source:?})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<fastdata_cas::Error> for Error {
    fn from(error: fastdata_cas::Error) -> Self {
        use fastdata_cas::ErrorKind as Cas;
        let kind = match error.kind() {
            Cas::NotFound => ErrorKind::NotFound,
            Cas::Denied => ErrorKind::Denied,
            Cas::Corrupt => ErrorKind::Corrupt,
            Cas::Unsupported => ErrorKind::Unsupported,
            Cas::LimitExceeded => ErrorKind::LimitExceeded,
            Cas::InvalidArgument => ErrorKind::InvalidArgument,
            _ => ErrorKind::Storage,
        };
        Self::new(kind, "the blobs of the datastore").with_source(error)
    }
}

impl From<fastdata_store::Error> for Error {
    fn from(error: fastdata_store::Error) -> Self {
        use fastdata_store::ErrorKind as Store;
        let kind = match error.kind() {
            Store::NotFound => ErrorKind::NotFound,
            Store::Denied => ErrorKind::Denied,
            Store::Unsupported => ErrorKind::Unsupported,
            Store::LimitExceeded => ErrorKind::LimitExceeded,
            Store::InvalidArgument => ErrorKind::InvalidArgument,
            _ => ErrorKind::Storage,
        };
        Self::new(kind, "the datastore").with_source(error)
    }
}
