//! Requests about one bucket: signed, sent, sent again where that helps.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;

use super::connection::Head;
use super::credentials::Credentials;
use super::endpoint::{self, Endpoint};
use super::engine::{Engine, locked};
use super::failure::Failure;
use super::pool::Lease;
use super::retry::{Decision, Outcome, Retry};
use super::sign::{self, Unsigned};
use crate::secrets::Secrets;
use crate::{Error, Location, Result};

/// Documents of S3 are short; a listing of a thousand keys of a thousand bytes is not.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// The least skew of clocks that is worth correcting.
const SKEW_MIN_S: i64 = 60;

/// One bucket.
pub(super) struct Client {
    pub(super) engine: Arc<Engine>,
    pub(super) secrets: Arc<Secrets>,
    credentials: Arc<Credentials>,
    endpoint_url: Option<String>,
    bucket: String,
    path_style: bool,
    region: Mutex<String>,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) key: &'a str,
    /// Not encoded.
    pub(super) query: Vec<(&'static str, String)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// An answer whose body has yet to be read.
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) lease: Lease,
}

/// One request with all its attempts.
pub(super) struct Effort {
    pub(super) retry: Retry,
    pub(super) started: Instant,
    /// Whether an attempt that failed may have been carried out.
    pub(super) maybe_done: bool,
}

impl Client {
    pub(super) fn new(
        engine: Arc<Engine>,
        secrets: Arc<Secrets>,
        credentials: Arc<Credentials>,
        bucket: &str,
        (endpoint_url, path_style): (Option<String>, bool),
        region: String,
    ) -> Result<Self> {
        // What is wrong with it is better said now.
        endpoint::of(endpoint_url.as_deref(), bucket, &region, path_style)?;
        Ok(Self {
            engine,
            secrets,
            credentials,
            endpoint_url,
            bucket: bucket.to_owned(),
            path_style,
            region: Mutex::new(region),
        })
    }

    pub(super) fn effort(&self) -> Effort {
        Effort {
            retry: self.engine.retry(),
            started: Instant::now(),
            maybe_done: false,
        }
    }

    pub(super) fn region(&self) -> String {
        locked(&self.region).clone()
    }

    pub(super) async fn access_key_id(&self) -> Option<String> {
        let keys = self.credentials.keys().await.ok()??;
        Some(keys.access_key_id.clone())
    }

    pub(super) fn endpoint(&self) -> Result<Endpoint> {
        let url = self.endpoint_url.as_deref();
        endpoint::of(url, &self.bucket, &self.region(), self.path_style)
    }

    pub(super) fn error(
        &self,
        failure: Failure,
        verb: &str,
        object: &Location,
        effort: &Effort,
    ) -> Error {
        let (attempts, elapsed) = (effort.retry.attempts(), effort.started.elapsed());
        failure.into_error(verb, object, attempts, elapsed, &self.secrets)
    }

    /// Sends a request until it is answered with success, or trying on makes no sense.
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        effort: &mut Effort,
    ) -> std::result::Result<Answer, Failure> {
        loop {
            match self.hedged(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.again(failure, effort).await?,
            }
        }
    }

    /// Waits until the next attempt; hands the failure back when there is none.
    pub(super) async fn again(
        &self,
        failure: Failure,
        effort: &mut Effort,
    ) -> std::result::Result<(), Failure> {
        effort.maybe_done |= failure.maybe_done;
        match failure.outcome {
            Outcome::Throttled(_) => self.engine.throttled(),
            Outcome::OtherRegion => self.move_to(&failure),
            Outcome::Skewed => self.set_clock(&failure),
            Outcome::Expired => self.credentials.refresh(),
            _ => {}
        }
        let elapsed = effort.started.elapsed();
        let decision = {
            let mut budget = locked(&self.engine.budget);
            effort.retry.after(failure.outcome, elapsed, &mut budget)
        };
        match decision {
            Decision::GiveUp => Err(failure),
            Decision::Again(pause) => {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                Ok(())
            }
        }
    }

    fn move_to(&self, failure: &Failure) {
        if let Some(region) = &failure.region {
            region.clone_into(&mut locked(&self.region));
        }
    }

    /// What the service's clock was found to be ahead of ours, in seconds.
    pub(super) fn clock_ahead_s(&self) -> i64 {
        self.engine.clock_ahead_s()
    }

    fn set_clock(&self, failure: &Failure) {
        let date = failure.date.as_deref().and_then(super::date::parse_http);
        let Some(theirs) = date else { return };
        let now = std::time::SystemTime::now();
        let ahead = match theirs.duration_since(now) {
            Ok(ahead) => i64::try_from(ahead.as_secs()).unwrap_or(0),
            Err(behind) => -i64::try_from(behind.duration().as_secs()).unwrap_or(0),
        };
        if ahead.abs() >= SKEW_MIN_S {
            log::warn!(
                "this machine's clock is {} s {} the service's, whose time is used: set it",
                ahead.abs(),
                if ahead > 0 { "behind" } else { "ahead of" },
            );
            self.engine.set_clock_ahead(ahead);
        }
    }

    /// One attempt; a second one for reads whose answer is late.
    async fn hedged(&self, request: &Request<'_>) -> std::result::Result<Answer, Failure> {
        let mut first = std::pin::pin!(self.attempt(request));
        if !is_read(request) {
            return first.await;
        }
        let begun = Instant::now();
        // What late means is found out while the first requests are on their way.
        loop {
            let wait = locked(&self.engine.hedging).wait(begun.elapsed());
            let Some(wait) = wait else { break };
            if let Ok(done) = tokio::time::timeout(wait, first.as_mut()).await {
                return done;
            }
        }
        let mut second = std::pin::pin!(self.attempt(request));
        // The first success wins and the other connection ends; a failure waits for the other.
        tokio::select! {
            done = first.as_mut() => match done {
                Ok(answer) => Ok(answer),
                Err(_) => second.await,
            },
            done = second.as_mut() => match done {
                Ok(answer) => Ok(answer),
                Err(_) => first.await,
            },
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> std::result::Result<Answer, Failure> {
        let endpoint = self
            .endpoint()
            .map_err(|error| Failure::final_of(error.kind(), error.to_string()))?;
        let head = self.head_of(request, &endpoint).await?;
        let engine = &self.engine;
        let pool = engine.pool(&endpoint);
        let lease = pool.lease(engine.connect_timeout).await;
        let mut lease = lease.map_err(|broken| Failure::of_broken(broken, false))?;
        let is_reused = lease.is_reused;
        let started = Instant::now();
        let without_body = request.method == "HEAD";
        let timeout = engine.request_timeout;
        if is_read(request) {
            locked(&engine.hedging).sent();
        }
        let connection = lease.connection();
        let (head, body, rate) = (head.as_bytes(), &request.body, &engine.rate);
        let asked = connection.request(head, body, without_body, timeout, rate);
        let head = match asked.await {
            Ok(head) => head,
            Err(broken) => {
                if !is_reused {
                    lease.blame();
                }
                return Err(Failure::of_broken(broken, is_reused));
            }
        };
        if is_read(request) {
            locked(&engine.hedging).first_byte(started.elapsed());
        }
        if (200..300).contains(&head.status) {
            return Ok(Answer { head, lease });
        }
        let timeout = engine.stall_timeout;
        let body = lease
            .connection()
            .read_all(&head, DOCUMENT_BYTES_MAX, timeout)
            .await;
        let failure = match &body {
            Ok(body) => Failure::of_answer(&head, body),
            // The status alone says enough.
            Err(_) => Failure::of_answer(&head, b""),
        };
        // After a failure inside of the service another address may do better.
        if body.is_ok() && head.status < 500 {
            lease.give_back(&head);
        }
        Err(failure)
    }

    /// The head of a request as it goes over the wire.
    async fn head_of(
        &self,
        request: &Request<'_>,
        endpoint: &Endpoint,
    ) -> std::result::Result<String, Failure> {
        let path = match (request.key, endpoint.base_path.as_str()) {
            ("", "") => "/".to_owned(),
            ("", base) => base.to_owned(),
            (key, base) => format!("{base}/{}", sign::encode(key, true)),
        };
        let query: Vec<(String, String)> = request
            .query
            .iter()
            .map(|(name, value)| (sign::encode(name, false), sign::encode(value, false)))
            .collect();
        let mut headers = request.headers.clone();
        headers.push(("host".to_owned(), endpoint.authority.clone()));
        // Over TLS nobody can change a body on its way.
        let body_hash = match (request.body.is_empty(), endpoint.is_tls) {
            (false, true) => "UNSIGNED-PAYLOAD".to_owned(),
            _ => sign::sha256(&request.body),
        };
        if let Some(keys) = self.credentials.keys().await? {
            let unsigned = Unsigned {
                service: "s3",
                method: request.method,
                path: &path,
                query: &query,
                headers: &headers,
                body_hash: &body_hash,
            };
            let now = self.engine.service_time();
            headers.extend(sign::sign(&unsigned, &keys, &self.region(), now));
        }
        let mut target = path;
        for (index, (name, value)) in query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(value);
        }
        let mut head = format!("{} {target} HTTP/1.1\r\n", request.method);
        for (name, value) in &headers {
            if value.bytes().any(|byte| byte < b' ' || byte == 127) {
                let text = format!("the header {name} holds control characters");
                return Err(Failure::final_of(crate::ErrorKind::InvalidArgument, text));
            }
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !request.body.is_empty() || matches!(request.method, "PUT" | "POST") {
            head.push_str(&format!("content-length: {}\r\n", request.body.len()));
        }
        head.push_str(concat!(
            "user-agent: fastdata/",
            env!("CARGO_PKG_VERSION"),
            "\r\n\r\n"
        ));
        Ok(head)
    }

    /// A request whose answer is a document: its head and body.
    pub(super) async fn document(
        &self,
        request: &Request<'_>,
        effort: &mut Effort,
    ) -> std::result::Result<(Head, Bytes), Failure> {
        loop {
            let mut answer = self.send(request, effort).await?;
            let timeout = self.engine.stall_timeout;
            let connection = answer.lease.connection();
            let failure = match connection
                .read_all(&answer.head, DOCUMENT_BYTES_MAX, timeout)
                .await
            {
                // Some operations begin to answer before they know how they end.
                Ok(body) if is_error(&body) => Failure::of_answer(&answer.head, &body),
                Ok(body) => {
                    locked(&self.engine.budget).succeeded();
                    answer.lease.give_back(&answer.head);
                    return Ok((answer.head, body));
                }
                Err(broken) => Failure::of_broken(broken, false),
            };
            self.again(failure, effort).await?;
        }
    }

    /// What `read` makes of a document. One that makes no sense is asked for again, like one that did
    /// not come; `what` is being done with `object`.
    pub(super) async fn read_document<T>(
        &self,
        request: &Request<'_>,
        (what, object): (&str, &Location),
        read: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let mut effort = self.effort();
        let _permit = self.engine.permit(0).await;
        loop {
            let failure = match self.document(request, &mut effort).await {
                Ok((_, body)) => match read(&String::from_utf8_lossy(&body)) {
                    Ok(read) => return Ok(read),
                    Err(nonsense) => Failure::nonsense(nonsense),
                },
                Err(failure) => return Err(self.error(failure, what, object, &effort)),
            };
            if let Err(failure) = self.again(failure, &mut effort).await {
                return Err(self.error(failure, what, object, &effort));
            }
        }
    }
}

/// Whether a request may be sent twice.
fn is_read(request: &Request<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD")
}

/// Whether a document of a successful answer is an error all the same.
fn is_error(body: &[u8]) -> bool {
    let start = body.get(..200.min(body.len())).unwrap_or_default();
    String::from_utf8_lossy(start).contains("<Error>")
}
