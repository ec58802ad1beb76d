//! Requests to the services that hand out keys: small, few, through a proxy where there is one,
//! sent again while that may help.

use std::time::{Duration, Instant};

use reqwest::redirect::Policy;

use super::Surroundings;
use crate::{Error, ErrorKind, Result};

/// Documents with keys are short.
const ANSWER_BYTES_MAX: u64 = 256 << 10;

/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// A request to a service.
pub(super) struct Asked<'a> {
    /// What the service is called in messages.
    pub(super) service: &'a str,
    pub(super) method: reqwest::Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Status and body of the first answer that says something about the request, or about nothing
/// when the attempts are over.
pub(super) async fn send(asked: &Asked<'_>, around: &Surroundings) -> Result<(u16, String)> {
    let failed = |what: String| {
        Error::new(
            ErrorKind::Network,
            format!("{} does not answer: {what}", asked.service),
        )
    };
    let trusted = reqwest::Certificate::from_pem_bundle(&around.ca_bundle)
        .map_err(|error| failed(plain(error)))?;
    // Those of the file and nobody else, as for S3 itself.
    let trusting = reqwest::Client::builder().tls_built_in_root_certs(trusted.is_empty());
    let client = trusted
        .into_iter()
        .fold(trusting, reqwest::ClientBuilder::add_root_certificate)
        .connect_timeout(around.connect_timeout)
        .timeout(around.request_timeout)
        .redirect(Policy::none())
        .http1_only()
        .user_agent(concat!("fastdata/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed(plain(error)))?;
    let started = Instant::now();
    let mut pause = PAUSE;
    for attempt in 0.. {
        let is_last = attempt >= around.retries || started.elapsed() + pause > around.patience;
        match once(&client, asked).await {
            Ok((status, body)) if is_last || !(status == 429 || status >= 500) => {
                return Ok((status, body));
            }
            Err(what) if is_last => return Err(failed(what)),
            Ok(_) | Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    Err(failed("too often".to_owned()))
}

async fn once(client: &reqwest::Client, asked: &Asked<'_>) -> Result<(u16, String), String> {
    let mut request = client.request(asked.method.clone(), &asked.url);
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let answer = request
        .body(asked.body.clone())
        .send()
        .await
        .map_err(plain)?;
    let status = answer.status().as_u16();
    if answer
        .content_length()
        .is_some_and(|len| len > ANSWER_BYTES_MAX)
    {
        return Err("its answer is too long".to_owned());
    }
    let mut answer = answer;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(plain)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > ANSWER_BYTES_MAX {
            return Err("its answer is too long".to_owned());
        }
    }
    let body = String::from_utf8(body).map_err(|_| "its answer is no text".to_owned())?;
    Ok((status, body))
}

/// The innermost reason, without the address, in which account and role are written.
fn plain(error: reqwest::Error) -> String {
    super::super::credentials::innermost(&error.without_url())
}
