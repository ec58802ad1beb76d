//! The error of this crate.

use std::fmt;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong: a malformed selector, a column that the table does not have.
    InvalidArgument,
    /// The bytes contradict the table format or themselves.
    Corrupt,
    /// The bytes end before the value does.
    Truncated,
    /// Legal, but this version does not read it; the message names the feature.
    Unsupported,
    /// A configured limit would be exceeded; the message names the limit.
    LimitExceeded,
    /// The snapshot, reference or metadata file asked for is not there.
    NotFound,
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
    /// An error of `kind`; `context` is one line that says what and where.
    #[cold]
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            context: context.into(),
            source: None,
        }))
    }

    /// [`ErrorKind::InvalidArgument`].
    #[cold]
    pub fn invalid(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, context)
    }

    /// [`ErrorKind::Corrupt`].
    #[cold]
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, context)
    }

    /// [`ErrorKind::Truncated`].
    #[cold]
    pub fn truncated(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Truncated, context)
    }

    /// [`ErrorKind::Unsupported`].
    #[cold]
    pub fn unsupported(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, context)
    }

    /// [`ErrorKind::LimitExceeded`].
    #[cold]
    pub fn limit(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, context)
    }

    /// [`ErrorKind::NotFound`].
    #[cold]
    pub fn not_found(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, context)
    }

    /// Puts where it happened in front of the message.
    #[must_use]
    #[cold]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.0.context = format!("{place}: {}", self.0.context);
        self
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
