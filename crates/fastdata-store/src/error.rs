//! The error of this crate.

use std::fmt;
use std::time::Duration;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such object, bucket, file or folder.
    NotFound,
    /// The credentials are missing, wrong, expired, or not allowed to do this.
    Denied,
    /// The object changed while it was read, where starting again may help; or a conditional write
    /// met an object that its condition does not allow, and wrote nothing.
    Precondition,
    /// The answer to a write was lost: it may have happened or not.
    OutcomeUnknown,
    /// The service asked to slow down, and still did after the retries.
    Throttled,
    /// The service cannot be reached, or the connection broke, and still did after the retries.
    Network,
    /// The other side answered something that the protocol does not allow, or that makes no sense.
    Protocol,
    /// The request is wrong: an address that cannot be parsed, a range past the end of an object.
    InvalidArgument,
    /// The request is right but this version cannot serve it; the message names what is missing.
    Unsupported,
    /// The caller asked to stop.
    Interrupted,
    /// The bytes are not those that the store has a checksum of.
    Damaged,
    /// The object is larger than the caller allowed.
    LimitExceeded,
    /// The local file system failed.
    Io,
}

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The request behind an [`Error`], for whoever has to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDetails {
    /// HTTP status of the last answer, when there was one.
    pub status: Option<u16>,
    /// The service's own code, as `NoSuchKey`.
    pub code: Option<String>,
    /// The service's name for the request; its support asks for it.
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// From the first attempt to the error.
    pub elapsed: Duration,
    /// Whether trying again later can help.
    pub may_retry: bool,
}

/// An error with its kind, one line of context and, where there is one, its cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    request: Option<RequestDetails>,
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
            request: None,
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

    /// [`ErrorKind::Damaged`].
    #[cold]
    pub(crate) fn damaged(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, context)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.kind() == ErrorKind::Damaged
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

    #[must_use]
    pub(crate) fn with_request(mut self, request: RequestDetails) -> Self {
        self.0.request = Some(request);
        self
    }

    /// The request that failed, when one did.
    pub fn request(&self) -> Option<&RequestDetails> {
        self.0.request.as_ref()
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
