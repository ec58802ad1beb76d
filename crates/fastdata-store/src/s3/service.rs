//! Requests to a service that speaks HTTP and JSON, over the same connections as S3's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::connection::Broken;
use super::endpoint::{self, Endpoint};
use super::pool::Pool;
use super::rate::RateLimit;
use super::sign;
use crate::{Error, ErrorKind, Result, Secret, StoreConfig};

/// Longer answers are a mistake.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// The wait before the second attempt; doubled before each one after it.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A service at one address that answers requests with bodies in JSON. It is no store: nothing is
/// known here of what the requests mean.
pub struct Service {
    endpoint: Endpoint,
    pool: Arc<Pool>,
    headers: Vec<(String, Secret)>,
    config: StoreConfig,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("at", &self.endpoint.authority)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// The service at `url`, to which every request carries `headers`. Nothing is connected yet.
    /// Of the configuration the time-outs and retries count.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a URL that is none, or a header that cannot be sent.
    pub fn new(url: &str, headers: Vec<(String, Secret)>, config: StoreConfig) -> Result<Self> {
        let mut endpoint = endpoint::of(Some(url), "", "", true)?;
        endpoint.base_path = endpoint.base_path.trim_end_matches('/').to_owned();
        let is_token = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_line = |value: &str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if let Some((name, _)) = headers
            .iter()
            .find(|(name, value)| !is_token(name) || !is_line(value.expose()))
        {
            return Err(Error::invalid(format!(
                "the header {name:?} cannot be sent"
            )));
        }
        let pool = Arc::new(Pool::new(&endpoint, config.ca_bundle.as_deref()));
        Ok(Self {
            endpoint,
            pool,
            headers,
            config,
        })
    }

    /// A name as part of a path: all but letters, digits and `-._~` is escaped.
    pub fn encoded(name: &str) -> String {
        sign::encode(name, false)
    }

    /// Sends a request and brings the answer, whatever its status. `path` begins with a slash and
    /// is encoded. Sent again when no answer came, or one that says: later.
    ///
    /// # Errors
    /// [`ErrorKind::Network`] when no answer comes, [`ErrorKind::Protocol`] when it makes no sense.
    pub async fn request(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Answer> {
        let mut head = format!(
            "{method} {}{path} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\nuser-agent: fastdata\r\n",
            self.endpoint.base_path, self.endpoint.authority
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {}\r\n", value.expose());
        }
        if let Some(body) = body {
            head += &format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        head += "\r\n";
        let mut wait = FIRST_WAIT;
        let mut attempts_left = self.config.retries;
        loop {
            let answer = self
                .attempt(head.as_bytes(), body.unwrap_or_default())
                .await;
            let is_final = match &answer {
                Ok(answer) => !matches!(answer.status, 429 | 500 | 502 | 503 | 504),
                Err(Broken::Untrusted(_)) => true,
                Err(_) => false,
            };
            if is_final || attempts_left == 0 {
                return answer.map_err(|broken| self.error(&broken));
            }
            attempts_left -= 1;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn attempt(&self, head: &[u8], body: &[u8]) -> Result<Answer, Broken> {
        let timeout = self.config.request_timeout;
        loop {
            let mut lease = self.pool.lease(self.config.connect_timeout).await?;
            let connection = lease.connection();
            let answered = connection
                .request(head, body, false, timeout, &RateLimit::none())
                .await;
            // It may have lain too long; a new one tells.
            if let (Err(Broken::Closed), true) = (&answered, lease.is_reused) {
                continue;
            }
            let head = answered?;
            let body = lease
                .connection()
                .read_all(&head, ANSWER_BYTES_MAX, timeout)
                .await?;
            let headers = head
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let answer = Answer {
                status: head.status,
                headers: headers.collect(),
                body,
            };
            lease.give_back(&head);
            return Ok(answer);
        }
    }

    fn error(&self, broken: &Broken) -> Error {
        let at = &self.endpoint.authority;
        match broken {
            Broken::Nonsense(what) => Error::new(ErrorKind::Protocol, format!("{at}: {what}")),
            Broken::Closed => Error::new(ErrorKind::Network, format!("{at} closed the connection")),
            Broken::NoConnection(what) | Broken::Untrusted(what) | Broken::Lost(what) => {
                Error::new(ErrorKind::Network, format!("{at}: {what}"))
            }
        }
    }
}
