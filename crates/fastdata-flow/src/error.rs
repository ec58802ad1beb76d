//! The error of this crate.

use std::fmt;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong, or the flow as it is written: a step, a parameter, a name, a type.
    InvalidArgument,
    /// No such run, task or artifact.
    NotFound,
    /// Inputs of a join hold different values under one name.
    Conflict,
    /// A step failed; the message says which.
    Step,
    /// The datastore, the metadata service, a process or a terminal failed.
    Storage,
    /// Ctrl-C.
    Interrupted,
}

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a step gives back: nothing, or any error, which ends the attempt.
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// An error with its kind, one line of context and, where there is one, its cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        let context = context.into();
        Self(Box::new(Inner {
            kind,
            context,
            source: None,
        }))
    }

    pub(crate) fn invalid(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, context)
    }

    pub(crate) fn missing(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, context)
    }

    pub(crate) fn storage(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Storage, context)
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

    /// What the process ends with, as the `fastdata` command does.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind() {
            ErrorKind::InvalidArgument => 2,
            ErrorKind::NotFound => 4,
            ErrorKind::Interrupted => 130,
            ErrorKind::Conflict | ErrorKind::Step | ErrorKind::Storage => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.context)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, chain(self))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The line of an error and those of its causes, in one.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

impl From<fastdata_metaflow::Error> for Error {
    fn from(error: fastdata_metaflow::Error) -> Self {
        use fastdata_metaflow::ErrorKind as Kind;
        let kind = match error.kind() {
            Kind::NotFound => ErrorKind::NotFound,
            Kind::InvalidArgument => ErrorKind::InvalidArgument,
            _ => ErrorKind::Storage,
        };
        Self::new(kind, chain(&error))
    }
}
