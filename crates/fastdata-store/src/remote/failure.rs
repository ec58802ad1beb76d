//! What `object_store` says went wrong, in our kinds and in one line.
//!
//! `object_store` folds the status, the service's own code and the request id into texts and
//! private types. They are read back here, once, so that a message can name them: "access denied"
//! alone does not tell a wrong key from a clock that runs late.

use std::error::Error as StdError;

use object_store::client::{HttpError, HttpErrorKind};

use crate::secrets::Secrets;
use crate::{Error, ErrorKind, Location, StoreConfig};

/// Longer texts are cut: some servers answer with pages of HTML.
const DETAIL_CHARS_MAX: usize = 300;

/// Explains failures, without the secrets of the configuration.
#[derive(Debug)]
pub(super) struct Failures {
    secrets: Secrets,
}

/// What can be found out about a failure.
#[derive(Debug, Default, PartialEq)]
struct Facts {
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    http: Option<HttpErrorKind>,
    /// The innermost error's text.
    root: String,
    /// Whether this was about getting credentials and not about the object.
    credentials: bool,
}

impl Failures {
    pub(super) fn hiding_secrets_of(config: &StoreConfig) -> Self {
        Self {
            secrets: Secrets::of(config),
        }
    }

    /// Our error for `error`, met while trying to `operation` (a verb) an object.
    pub(super) fn explain(
        &self,
        operation: &str,
        object: &Location,
        error: object_store::Error,
    ) -> Error {
        let facts = Facts::of(&error);
        let kind = facts.kind(&error);
        let detail = self.clean(&facts.detail(kind));
        Error::new(kind, format!("cannot {operation} {object}: {detail}"))
    }

    /// Our error for settings that no client can be made of.
    pub(super) fn explain_settings(&self, object: &Location, error: object_store::Error) -> Error {
        let detail = self.clean(&error.to_string());
        Error::invalid(format!("the settings for {object} cannot work: {detail}"))
    }

    fn clean(&self, text: &str) -> String {
        self.secrets.clean(text, DETAIL_CHARS_MAX)
    }
}

impl Facts {
    fn of(error: &object_store::Error) -> Self {
        let mut facts = Self::default();
        let mut link: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = link {
            let text = error.to_string();
            if facts.status.is_none() {
                facts.read_status(&text);
            }
            if let Some(http) = error.downcast_ref::<HttpError>() {
                facts.http = Some(http.kind());
            }
            facts.credentials |= text.contains("169.254.169.254") || text.contains("169.254.170.2");
            facts.root = text;
            link = error.source();
        }
        facts
    }

    /// Finds `status code: 403 Forbidden: <body>` in a text.
    fn read_status(&mut self, text: &str) {
        let Some((_, rest)) = text.split_once("status code: ") else {
            return;
        };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        self.status = digits.parse().ok();
        let body = rest.split_once(": ").map_or("", |(_, body)| body);
        let tag = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once("</")?;
            (!value.trim().is_empty()).then(|| value.trim().to_owned())
        };
        self.code = tag("Code");
        self.message = tag("Message");
        self.request_id = tag("RequestId");
    }

    fn kind(&self, error: &object_store::Error) -> ErrorKind {
        use object_store::Error as E;
        // By their codes, whatever the status: Versity answers an unknown key id with 404.
        let denied = [
            "AccessDenied",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "XAdminUserNotFound",
        ];
        match error {
            _ if self.credentials => ErrorKind::Denied,
            _ if self
                .code
                .as_deref()
                .is_some_and(|code| denied.contains(&code)) =>
            {
                ErrorKind::Denied
            }
            E::NotFound { .. } => ErrorKind::NotFound,
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => ErrorKind::Denied,
            E::Precondition { .. } | E::NotModified { .. } | E::AlreadyExists { .. } => {
                ErrorKind::Precondition
            }
            E::NotSupported { .. } | E::NotImplemented { .. } | E::InvalidPath { .. } => {
                ErrorKind::Unsupported
            }
            _ => self.kind_of_status(),
        }
    }

    fn kind_of_status(&self) -> ErrorKind {
        match (self.status, self.code.as_deref(), self.http) {
            (Some(404), ..) => ErrorKind::NotFound,
            (Some(401 | 403), ..)
            | (_, Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired"), _) => {
                ErrorKind::Denied
            }
            (Some(429 | 503), ..) | (_, Some("SlowDown" | "ThrottlingException"), _) => {
                ErrorKind::Throttled
            }
            (Some(416), ..) => ErrorKind::InvalidArgument,
            // The region is wrong.
            (Some(301 | 307), ..) | (_, Some("AuthorizationHeaderMalformed"), _) => {
                ErrorKind::InvalidArgument
            }
            (Some(500..), ..) => ErrorKind::Network,
            (Some(_), ..) => ErrorKind::Protocol,
            (None, _, Some(HttpErrorKind::Decode)) => ErrorKind::Protocol,
            (None, _, Some(_)) => ErrorKind::Network,
            (None, _, None) if self.root.contains("redirect without LOCATION") => {
                ErrorKind::InvalidArgument
            }
            (None, _, None) => ErrorKind::Protocol,
        }
    }

    fn detail(&self, kind: ErrorKind) -> String {
        if self.credentials {
            return "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or \
                    AWS_PROFILE, or ask for anonymous access (the metadata service of the machine \
                    did not answer)"
                .to_owned();
        }
        let region = matches!(self.status, Some(301 | 307))
            || self.code.as_deref() == Some("AuthorizationHeaderMalformed")
            || self.root.contains("redirect without LOCATION");
        let hint = if region {
            "; the bucket seems to be in another region: set AWS_REGION"
        } else if self.code.as_deref() == Some("RequestTimeTooSkewed") {
            "; set the clock of this machine"
        } else {
            ""
        };
        let Some(status) = self.status else {
            return match self.http {
                Some(HttpErrorKind::Timeout) => format!("timed out: {}", self.root),
                Some(HttpErrorKind::Connect) => format!("no connection: {}", self.root),
                Some(_) => format!("the connection broke: {}", self.root),
                None => format!("{}{hint}", self.root),
            };
        };
        let what = match (kind, self.code.as_deref()) {
            (_, Some(code)) => code.to_owned(),
            (ErrorKind::NotFound, None) => "no such object".to_owned(),
            (ErrorKind::Denied, None) => "access denied".to_owned(),
            (ErrorKind::Precondition, None) => "it changed while it was read".to_owned(),
            _ => "the server failed".to_owned(),
        };
        let message = self
            .message
            .as_deref()
            .map_or(String::new(), |text| format!(": {text}"));
        let id = self
            .request_id
            .as_deref()
            .map_or(String::new(), |id| format!(", request {id}"));
        format!("{what} (status {status}{id}){message}{hint}")
    }
}

#[cfg(test)]
mod tests;
