//! How the command fails: a kind, which is also the exit code, and one line.

use std::ffi::OsStr;
use std::io::Write;

use clap::builder::{BoolishValueParser, TypedValueParser};
use clap::error::ErrorKind;
use serde::Serialize;

/// Why the command ended; the number is the exit code, part of the contract in `docs/cli.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The network, a disk, or anything without a number of its own.
    Other = 1,
    /// The request is wrong.
    Usage = 2,
    /// Done in part.
    Partial = 3,
    /// Something named does not exist.
    NotFound = 4,
    /// Credentials or permissions.
    Permission = 5,
    /// Bytes that contradict their own format.
    CorruptData = 6,
    /// A memory, size or nesting limit.
    LimitExceeded = 7,
    /// Something in the way that is not ours to replace.
    Conflict = 8,
    /// Sound, but not read by this version.
    Unsupported = 9,
    /// Ctrl-C.
    Interrupted = 130,
}

/// The failure that an error of the operating system is.
pub(crate) fn kind_of_io(kind: std::io::ErrorKind) -> FailureKind {
    use std::io::ErrorKind as Kind;
    match kind {
        Kind::NotFound => FailureKind::NotFound,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => FailureKind::Permission,
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => FailureKind::LimitExceeded,
        _ => FailureKind::Other,
    }
}

/// One failure, told in one line.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    message: String,
    causes: Vec<String>,
}

impl Failure {
    /// A failure without a cause below it.
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
        }
    }

    /// [`FailureKind::Usage`].
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A failed read or write of a local file: `what` names it.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self {
            kind: kind_of_io(error.kind()),
            message: what.to_owned(),
            causes: vec![error.to_string()],
        }
    }

    /// What an error of a library says, outermost first.
    pub(crate) fn of(kind: FailureKind, error: &dyn std::error::Error) -> Self {
        Self {
            kind,
            message: error.to_string(),
            causes: causes_of(error),
        }
    }

    /// Any other error, with what it was about.
    pub(crate) fn because(kind: FailureKind, what: &str, error: &dyn std::error::Error) -> Self {
        let mut causes = vec![error.to_string()];
        causes.extend(causes_of(error));
        Self {
            kind,
            message: what.to_owned(),
            causes,
        }
    }

    /// Writes the failure to stderr and returns its exit code.
    pub(crate) fn report(&self, json: bool) -> i32 {
        let code = self.kind as i32;
        let line = match json {
            true => self.as_json(),
            false => format!("fastdata: error: {}", self.line()),
        };
        // Nothing is left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr(), "{line}");
        code
    }

    /// The number of its exit code.
    pub(crate) fn kind(&self) -> FailureKind {
        self.kind
    }

    pub(crate) fn line(&self) -> String {
        let parts = std::iter::once(&self.message).chain(&self.causes);
        let line = parts.map(|part| one_line(part)).collect::<Vec<_>>();
        line.join(": ")
    }

    fn as_json(&self) -> String {
        serde_json::json!({
            "schema": "fastdata.error/1",
            "kind": self.kind,
            "exit_code": self.kind as i32,
            "message": one_line(&self.message),
            "causes": self.causes.iter().map(|cause| one_line(cause)).collect::<Vec<_>>(),
        })
        .to_string()
    }
}

impl From<fastdata::Error> for Failure {
    fn from(error: fastdata::Error) -> Self {
        let kind = match error.kind() {
            fastdata::ErrorKind::InvalidArgument => FailureKind::Usage,
            fastdata::ErrorKind::NotFound => FailureKind::NotFound,
            fastdata::ErrorKind::Denied => FailureKind::Permission,
            fastdata::ErrorKind::Corrupt => FailureKind::CorruptData,
            fastdata::ErrorKind::LimitExceeded => FailureKind::LimitExceeded,
            fastdata::ErrorKind::Unsupported => FailureKind::Unsupported,
            fastdata::ErrorKind::Interrupted => FailureKind::Interrupted,
            _ => FailureKind::Other,
        };
        Self {
            kind,
            message: error.to_string(),
            causes: causes_of(&error),
        }
    }
}

impl From<fastdata::store::Error> for Failure {
    fn from(error: fastdata::store::Error) -> Self {
        use fastdata::store::ErrorKind as Kind;
        let kind = match error.kind() {
            Kind::InvalidArgument => FailureKind::Usage,
            Kind::NotFound => FailureKind::NotFound,
            Kind::Denied => FailureKind::Permission,
            Kind::Damaged => FailureKind::CorruptData,
            Kind::LimitExceeded => FailureKind::LimitExceeded,
            Kind::Precondition => FailureKind::Conflict,
            Kind::Unsupported => FailureKind::Unsupported,
            Kind::Interrupted => FailureKind::Interrupted,
            _ => FailureKind::Other,
        };
        Self::of(kind, &error)
    }
}

/// What is below `error`, outermost first. A cause whose text the line already ends with is left
/// out: some libraries print their source in their own message.
fn causes_of(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut shown = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !shown.contains(&text) {
            causes.push(text.clone());
            shown = text;
        }
        source = cause.source();
    }
    causes
}

/// Line breaks and control characters escaped: an error is one line, and a file name from outside
/// must not steer the terminal.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.trim().chars() {
        match char.is_control() {
            true => line.extend(char.escape_default()),
            false => line.push(char),
        }
    }
    line
}

/// Says what clap found and returns the exit code: help and version are successes, the rest is usage.
pub(crate) fn report_usage(error: &clap::Error) -> i32 {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return error.exit_code();
    }
    let says_yes = |value: &OsStr| {
        let read = BoolishValueParser::new().parse_ref(&clap::Command::new(""), None, value);
        read.unwrap_or(false)
    };
    let json = std::env::args_os().any(|arg| arg == "--json-errors")
        || std::env::var_os("FASTDATA_JSON_ERRORS").is_some_and(|value| says_yes(&value));
    Failure::usage(usage_line(&error.to_string())).report(json)
}

/// What clap says over several lines, as one: what is wrong and the tips, without the usage, which
/// `--help` shows better.
fn usage_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let told = text
        .split("\n\n")
        .filter(|part| !part.starts_with("Usage:") && !part.starts_with("For more information"));
    let told: Vec<String> = told
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_cause_once_and_in_one_line() {
        let inner = std::io::Error::other("disk\nfull");
        let outer = std::io::Error::other(inner);
        let failure = Failure::because(FailureKind::Other, "cannot write a\u{1b}[2J", &outer);
        assert_eq!(failure.line(), "cannot write a\\u{1b}[2J: disk\\nfull");
    }

    #[test]
    fn what_clap_finds_is_one_line() {
        let text = "error: unexpected argument '--bogus' found\n\n  tip: to pass '--bogus' as a \
                    value, use '-- --bogus'\n\nUsage: fastdata scan\n\nFor more information, try \
                    '--help'.\n";
        assert_eq!(
            usage_line(text),
            "unexpected argument '--bogus' found; tip: to pass '--bogus' as a value, use '-- --bogus'"
        );
    }

    #[test]
    fn json_names_the_exit_code() {
        let failure = Failure::new(FailureKind::NotFound, "no table");
        let value: serde_json::Value = serde_json::from_str(&failure.as_json()).unwrap();
        assert_eq!(value["schema"], "fastdata.error/1");
        assert_eq!(value["kind"], "not_found");
        assert_eq!(value["exit_code"], 4);
    }
}
