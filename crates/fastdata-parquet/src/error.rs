//! The error of this crate.

use std::fmt;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong: a column that does not exist, rows outside of the row group.
    InvalidArgument,
    /// The file is right but this version cannot read it; the message names the feature.
    Unsupported,
    /// The bytes contradict themselves or the format.
    Corrupt,
    /// The bytes end before they should.
    Truncated,
    /// A limit of [`crate::Limits`] was reached; the message names it.
    LimitExceeded,
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

    /// [`ErrorKind::Truncated`].
    #[cold]
    pub fn truncated(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Truncated, context)
    }

    /// [`ErrorKind::LimitExceeded`].
    #[cold]
    pub fn limit(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, context)
    }

    /// Adds the error that caused this one.
    #[must_use]
    #[cold]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts `place` in front of the context: the caller knows where, the callee what.
    #[must_use]
    #[cold]
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.context = format!("{place}: {}", self.0.context);
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

impl From<parquet::errors::ParquetError> for Error {
    #[cold]
    fn from(error: parquet::errors::ParquetError) -> Self {
        use parquet::errors::ParquetError;
        let context = one_line(&error);
        match &error {
            ParquetError::NYI(_) => Self::unsupported(context),
            ParquetError::EOF(_) => Self::truncated(context),
            _ => Self::corrupt(context),
        }
    }
}

impl From<arrow_schema::ArrowError> for Error {
    #[cold]
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::corrupt(one_line(&error))
    }
}

fn one_line(error: &dyn fmt::Display) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
