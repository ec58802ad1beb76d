//! The error of this crate.

use std::fmt;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong: an unknown column, a filter that does not parse, contradicting options.
    InvalidArgument,
    /// A table, file, snapshot or reference that does not exist.
    NotFound,
    /// The store refused: credentials or permissions.
    Denied,
    /// Bytes that contradict their own format or the metadata that announced them.
    Corrupt,
    /// A memory, size or nesting limit; the message names it and how to raise it.
    LimitExceeded,
    /// Sound, but not readable by this version; the message names what is missing.
    Unsupported,
    /// The caller cancelled.
    Interrupted,
    /// The network or the disk failed; trying again may help.
    Io,
}

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its kind, one line of context and, where there is one, its cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// The source's own message is part of ours, so that its source is our source.
    transparent: bool,
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

impl Error {
    /// An error of `kind`; `context` is one line that says what and where.
    #[cold]
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        let context = context.into();
        Self(Box::new(Inner {
            kind,
            context,
            source: None,
            transparent: false,
        }))
    }

    /// [`ErrorKind::InvalidArgument`].
    #[cold]
    pub fn invalid(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, context)
    }

    /// [`ErrorKind::Unsupported`].
    #[cold]
    pub fn unsupported(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, context)
    }

    /// [`ErrorKind::Corrupt`].
    #[cold]
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, context)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Takes over an error of a crate below: its message stands in ours.
    #[cold]
    fn wrap(kind: ErrorKind, inner: impl std::error::Error + Send + Sync + 'static) -> Self {
        let context = inner.to_string();
        Self(Box::new(Inner {
            kind,
            context,
            source: Some(Box::new(inner)),
            transparent: true,
        }))
    }

    /// Says where it happened, unless the message already does.
    #[must_use]
    pub(crate) fn at(mut self, place: &dyn fmt::Display) -> Self {
        let place = place.to_string();
        if !self.0.context.contains(&place) {
            self.0.context = format!("{place}: {}", self.0.context);
        }
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
        match std::error::Error::source(self) {
            Some(source) => write!(f, " (caused by {source:?})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        if self.0.transparent {
            source.source()
        } else {
            Some(source as _)
        }
    }
}

impl From<fastdata_store::Error> for Error {
    fn from(error: fastdata_store::Error) -> Self {
        use fastdata_store::ErrorKind as Store;
        let kind = match error.kind() {
            Store::NotFound => ErrorKind::NotFound,
            Store::Denied => ErrorKind::Denied,
            Store::InvalidArgument => ErrorKind::InvalidArgument,
            Store::LimitExceeded => ErrorKind::LimitExceeded,
            Store::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Self::wrap(kind, error)
    }
}

impl From<fastdata_kernels::Error> for Error {
    fn from(error: fastdata_kernels::Error) -> Self {
        use fastdata_kernels::ErrorKind as Kernels;
        let kind = match error.kind() {
            Kernels::Unsupported => ErrorKind::Unsupported,
            Kernels::LimitExceeded => ErrorKind::LimitExceeded,
            _ => ErrorKind::InvalidArgument,
        };
        Self::wrap(kind, error)
    }
}

impl From<fastdata_parquet::Error> for Error {
    fn from(error: fastdata_parquet::Error) -> Self {
        use fastdata_parquet::ErrorKind as Parquet;
        let kind = match error.kind() {
            Parquet::InvalidArgument => ErrorKind::InvalidArgument,
            Parquet::Unsupported => ErrorKind::Unsupported,
            Parquet::LimitExceeded => ErrorKind::LimitExceeded,
            _ => ErrorKind::Corrupt,
        };
        Self::wrap(kind, error)
    }
}

impl From<fastdata_iceberg::Error> for Error {
    fn from(error: fastdata_iceberg::Error) -> Self {
        use fastdata_iceberg::ErrorKind as Iceberg;
        let kind = match error.kind() {
            Iceberg::InvalidArgument => ErrorKind::InvalidArgument,
            Iceberg::NotFound => ErrorKind::NotFound,
            Iceberg::Unsupported => ErrorKind::Unsupported,
            Iceberg::LimitExceeded => ErrorKind::LimitExceeded,
            _ => ErrorKind::Corrupt,
        };
        Self::wrap(kind, error)
    }
}
