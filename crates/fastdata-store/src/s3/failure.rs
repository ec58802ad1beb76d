//! What a failed attempt says: whether another may help, and what a person needs to know.

use std::time::{Duration, SystemTime};

use super::connection::{Broken, Head};
use super::date;
use super::retry::Outcome;
use crate::error::RequestDetails;
use crate::{Error, ErrorKind, Location};

/// Longer texts are cut: some servers answer with pages of HTML.
const DETAIL_CHARS_MAX: usize = 300;

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    /// Where the bucket is, if the answer says so.
    pub(super) region: Option<String>,
    /// The service's time, if the answer says so.
    pub(super) date: Option<String>,
    /// What happened to the connection, if there was no answer.
    transport: Option<String>,
    /// Whether the service may have carried the request out.
    pub(super) maybe_done: bool,
    kind: ErrorKind,
}

impl Failure {
    /// Of a connection.
    pub(super) fn of_broken(broken: Broken, is_reused: bool) -> Self {
        let (outcome, kind, maybe_done, text) = match broken {
            Broken::NoConnection(text) => (Outcome::NoConnection, ErrorKind::Network, false, text),
            Broken::Untrusted(text) => (Outcome::Final, ErrorKind::Network, false, text),
            Broken::Closed => {
                let outcome = if is_reused {
                    Outcome::Stale
                } else {
                    Outcome::Broken
                };
                let text = "the connection was closed before an answer".to_owned();
                (outcome, ErrorKind::Network, true, text)
            }
            Broken::Lost(text) => (Outcome::Broken, ErrorKind::Network, true, text),
            Broken::Nonsense(text) => (Outcome::Nonsense, ErrorKind::Protocol, true, text),
        };
        Self {
            outcome,
            kind,
            maybe_done,
            ..Self::bare(text)
        }
    }

    /// Of an answer that is not what was asked for.
    pub(super) fn nonsense(text: String) -> Self {
        Self {
            kind: ErrorKind::Protocol,
            outcome: Outcome::Nonsense,
            ..Self::bare(text)
        }
    }

    /// Of a body that did not come to its end.
    pub(super) fn of_body(outcome: Outcome, text: String) -> Self {
        Self {
            outcome,
            ..Self::bare(text)
        }
    }

    /// Of something that trying again does not change.
    pub(super) fn final_of(kind: ErrorKind, text: String) -> Self {
        Self {
            kind,
            outcome: Outcome::Final,
            ..Self::bare(text)
        }
    }

    fn bare(text: String) -> Self {
        Self {
            outcome: Outcome::Broken,
            status: None,
            code: None,
            message: None,
            request_id: None,
            region: None,
            date: None,
            transport: Some(text),
            maybe_done: false,
            kind: ErrorKind::Network,
        }
    }

    /// Of an answer with this head and body, which is an error document where there is one.
    pub(super) fn of_answer(head: &Head, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let tag = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once("</")?;
            (!value.trim().is_empty()).then(|| super::xml::unescape(value.trim()))
        };
        let header = |name: &str| head.header(name).map(str::to_owned);
        let code = tag("Code");
        let message = tag("Message");
        // "the region 'x' is wrong; expecting 'y'"
        let expected = message.as_deref().and_then(|message| {
            let (_, rest) = message.split_once("expecting '")?;
            Some(rest.split_once('\'')?.0.to_owned())
        });
        let mut failure = Self {
            status: Some(head.status),
            region: header("x-amz-bucket-region")
                .or_else(|| tag("Region"))
                .or(expected),
            request_id: header("x-amz-request-id").or_else(|| tag("RequestId")),
            date: header("date"),
            code,
            message,
            transport: None,
            ..Self::bare(String::new())
        };
        failure.transport = None;
        (failure.outcome, failure.kind) = failure.classify(head);
        // What failed inside of the service may have been done.
        failure.maybe_done = matches!(head.status, 200 | 500 | 502 | 504);
        failure
    }

    fn classify(&self, head: &Head) -> (Outcome, ErrorKind) {
        let code = self.code.as_deref().unwrap_or("");
        match (head.status, code) {
            (_, "SlowDown" | "ThrottlingException" | "RequestLimitExceeded" | "Throttling")
            | (429 | 503, _) => (Outcome::Throttled(wait_of(head)), ErrorKind::Throttled),
            (_, "RequestTimeTooSkewed") => (Outcome::Skewed, ErrorKind::Denied),
            (_, "ExpiredToken" | "TokenRefreshRequired" | "ExpiredTokenException") => {
                (Outcome::Expired, ErrorKind::Denied)
            }
            (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect")
            | (301 | 307 | 308, _) => match self.region {
                Some(_) => (Outcome::OtherRegion, ErrorKind::InvalidArgument),
                None => (Outcome::Final, ErrorKind::InvalidArgument),
            },
            // An answer to HEAD has no code, only a hint.
            (400, "") if self.region.is_some() => {
                (Outcome::OtherRegion, ErrorKind::InvalidArgument)
            }
            (_, "RequestTimeout" | "InternalError" | "OperationAborted" | "BadDigest")
            | (408 | 500..=599, _) => match head.status {
                501 => (Outcome::Final, ErrorKind::Unsupported),
                _ => (Outcome::Broken, ErrorKind::Network),
            },
            // Two conditional writes at one time: one of them is asked to come again.
            (409, "ConditionalRequestConflict") => (Outcome::Broken, ErrorKind::Precondition),
            // By their codes, whatever the status: Versity answers an unknown key id with 404.
            (
                _,
                "AccessDenied"
                | "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "XAdminUserNotFound",
            )
            | (401 | 403, _) => (Outcome::Final, ErrorKind::Denied),
            (404, _) => (Outcome::Final, ErrorKind::NotFound),
            (304 | 409 | 412, _) => (Outcome::Final, ErrorKind::Precondition),
            (416, _) => (Outcome::Final, ErrorKind::InvalidArgument),
            (_, "NotImplemented") | (405, _) => (Outcome::Final, ErrorKind::Unsupported),
            _ => (Outcome::Final, ErrorKind::Protocol),
        }
    }

    /// The error for the caller.
    pub(super) fn into_error(
        self,
        verb: &str,
        object: &Location,
        attempts: u32,
        elapsed: Duration,
        secrets: &crate::secrets::Secrets,
    ) -> Error {
        let hint = self.hint();
        let mut facts = Vec::new();
        if let Some(status) = self.status {
            facts.push(format!("status {status}"));
        }
        if let Some(id) = &self.request_id {
            facts.push(format!("request {id}"));
        }
        if attempts > 1 {
            facts.push(format!(
                "{attempts} attempts in {:.1} s",
                elapsed.as_secs_f64()
            ));
        }
        let what = match (&self.transport, &self.code, self.kind) {
            (Some(text), ..) => text.clone(),
            (_, Some(code), _) => code.clone(),
            (_, _, ErrorKind::NotFound) => "no such object".to_owned(),
            (_, _, ErrorKind::Denied) => "access denied".to_owned(),
            (_, _, ErrorKind::Precondition) => "it is another version".to_owned(),
            (_, _, ErrorKind::InvalidArgument) => "the request is refused".to_owned(),
            _ => "the server failed".to_owned(),
        };
        let facts = match facts.is_empty() {
            true => String::new(),
            false => format!(" ({})", facts.join(", ")),
        };
        let message = self
            .message
            .as_ref()
            .map_or(String::new(), |text| format!(": {text}"));
        let detail = secrets.clean(&format!("{what}{facts}{message}"), DETAIL_CHARS_MAX);
        let may_retry = !matches!(self.outcome, Outcome::Final);
        Error::new(self.kind, format!("cannot {verb} {object}: {detail}{hint}")).with_request(
            RequestDetails {
                status: self.status,
                code: self.code,
                request_id: self.request_id,
                attempts,
                elapsed,
                may_retry,
            },
        )
    }

    fn hint(&self) -> &'static str {
        match self.code.as_deref() {
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect") => {
                "; the bucket seems to be in another region: set AWS_REGION"
            }
            Some("RequestTimeTooSkewed") => "; set the clock of this machine",
            Some("AccessDenied") if self.status == Some(403) => {
                "; without the right to list, S3 says this of missing objects too"
            }
            _ => "",
        }
    }
}

/// How long the service asks to be left alone: a number of seconds, or a time.
fn wait_of(head: &Head) -> Option<Duration> {
    let text = head.header("retry-after")?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = date::parse_http(text)?;
    // By its own clock where it tells that: ours may be wrong.
    let told = head.header("date").and_then(date::parse_http);
    let now = told.unwrap_or_else(SystemTime::now);
    // One that has passed asks for no wait.
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(headers: &str) -> Outcome {
        let text = format!("HTTP/1.1 503 Slow Down\r\n{headers}content-length: 0\r\n\r\n");
        let (head, _) = Head::parse(text.as_bytes(), false).unwrap().unwrap();
        Failure::of_answer(&head, b"").outcome
    }

    fn throttled(seconds: u64) -> Outcome {
        Outcome::Throttled(Some(Duration::from_secs(seconds)))
    }

    #[test]
    fn a_wait_in_seconds() {
        assert_eq!(outcome("Retry-After: 7\r\n"), throttled(7));
        assert_eq!(outcome("retry-after:  120 \r\n"), throttled(120));
        assert_eq!(outcome("Retry-After: 0\r\n"), throttled(0));
        let most = format!("Retry-After: {}\r\n", u64::MAX);
        assert_eq!(outcome(&most), throttled(u64::MAX));
    }

    #[test]
    fn a_wait_until_a_time_of_the_services_clock() {
        let date = "Date: Thu, 15 Jan 2026 10:15:30 GMT\r\n";
        let until = |clock: &str| format!("{date}Retry-After: Thu, 15 Jan 2026 {clock} GMT\r\n");
        assert_eq!(outcome(&until("10:16:00")), throttled(30));
        assert_eq!(outcome(&until("10:15:30")), throttled(0));
        assert_eq!(outcome(&until("09:00:00")), throttled(0));
        // Without its clock ours has to do.
        let past = "Retry-After: Thu, 15 Jan 1998 10:00:00 GMT\r\n";
        assert_eq!(outcome(past), throttled(0));
    }

    #[test]
    fn a_wait_that_nobody_understands_is_none() {
        assert_eq!(outcome(""), Outcome::Throttled(None));
        for text in ["", "soon", "-1", "1.5", "7 s", "99999999999999999999"] {
            let told = outcome(&format!("Retry-After: {text}\r\n"));
            assert_eq!(told, Outcome::Throttled(None), "{text:?}");
        }
    }
}
