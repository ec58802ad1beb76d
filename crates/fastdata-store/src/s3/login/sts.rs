//! Roles, from the Security Token Service.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::super::sign::{self, Keys, Unsigned};
use super::super::{endpoint, xml};
use super::http::{self, Asked};
use super::{Found, Surroundings, denied, end_of};
use crate::config::Secret;
use crate::profile::Role;
use crate::{Error, ErrorKind, Result};

const SERVICE: &str = "the Security Token Service";

const VERSION: &str = "2011-06-15";

/// Tokens of an identity are short.
const TOKEN_BYTES_MAX: u64 = 64 << 10;

/// The keys of a role, for whoever has `keys` and may assume it.
pub(super) async fn assume(role: &Role, keys: &Keys, around: &Surroundings) -> Result<Found> {
    let mut form = form("AssumeRole", role);
    if let Some(id) = &role.external_id {
        form.push(("ExternalId", id.expose().to_owned()));
    }
    ask(role, &form, Some(keys), around).await
}

/// The keys of a role, for whoever has the token in the file at `path`, which others keep fresh.
pub(super) async fn assume_with_token(
    role: &Role,
    path: &Path,
    around: &Surroundings,
) -> Result<Found> {
    let failed = |error: &dyn std::fmt::Display| {
        denied(format!(
            "the web identity token {} cannot be read: {error}",
            path.display()
        ))
    };
    let size_bytes = tokio::fs::metadata(path)
        .await
        .map_err(|error| failed(&error))?
        .len();
    if size_bytes > TOKEN_BYTES_MAX {
        return Err(failed(&"it is too long"));
    }
    let token = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| failed(&error))?;
    let mut form = form("AssumeRoleWithWebIdentity", role);
    form.push(("WebIdentityToken", token.trim().to_owned()));
    ask(role, &form, None, around).await
}

fn form(action: &str, role: &Role) -> Vec<(&'static str, String)> {
    let session = role.session_name.clone().unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        format!("fastdata-{}", since.unwrap_or_default().as_secs())
    });
    let mut form = vec![
        ("Action", action.to_owned()),
        ("Version", VERSION.to_owned()),
        ("RoleArn", role.arn.clone()),
        ("RoleSessionName", session),
    ];
    if let Some(seconds) = role.duration_s {
        form.push(("DurationSeconds", seconds.to_string()));
    }
    form
}

async fn ask(
    role: &Role,
    form: &[(&str, String)],
    keys: Option<&Keys>,
    around: &Surroundings,
) -> Result<Found> {
    let region = around.region.as_str();
    let amazon = endpoint::amazon_url("sts", region);
    let url = around.sts_url.as_deref().unwrap_or(&amazon);
    let (authority, path) = endpoint::split(url)?;
    let body: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", sign::encode(value, false)))
        .collect();
    let body = body.join("&");
    let mut headers = vec![
        ("host".to_owned(), authority),
        (
            "content-type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        ),
    ];
    if let Some(keys) = keys {
        let unsigned = Unsigned {
            service: "sts",
            method: "POST",
            path: &path,
            query: &[],
            headers: &headers,
            body_hash: &sign::sha256(body.as_bytes()),
        };
        let added = sign::sign(&unsigned, keys, region, SystemTime::now());
        headers.extend(added);
    }
    // Written by whoever sends it, the same.
    headers.remove(0);
    let asked = Asked {
        service: SERVICE,
        method: reqwest::Method::POST,
        url: url.to_owned(),
        headers,
        body,
    };
    let (status, answer) = http::send(&asked, around).await?;
    if status != 200 {
        return Err(refused(role, keys, status, &answer));
    }
    read(&answer).ok_or_else(|| {
        let context = format!("{SERVICE} answered without keys");
        Error::new(ErrorKind::Protocol, context)
    })
}

/// The service's own words name who may not do what. Behind their first line some repeat the whole
/// request, with its token.
fn refused(role: &Role, keys: Option<&Keys>, status: u16, answer: &str) -> Error {
    let code = xml::text(answer, "Code").unwrap_or_default();
    let message = xml::text(answer, "Message").unwrap_or_default();
    let mut message = message.trim().lines().next().unwrap_or_default().to_owned();
    let token = keys.and_then(|keys| keys.session_token.as_deref());
    let id = role.external_id.as_ref().map(Secret::expose);
    for secret in [token, id].into_iter().flatten() {
        message = message.replace(secret, "…");
    }
    let message: String = message.chars().take(300).collect();
    let kind = match status {
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Network,
        _ => ErrorKind::Denied,
    };
    Error::new(
        kind,
        format!(
            "cannot assume the role {}: {code} (status {status}): {message}",
            role.arn
        ),
    )
}

fn read(answer: &str) -> Option<Found> {
    let inside = xml::elements(answer, "Credentials").next()?;
    Some(Found {
        keys: Arc::new(Keys {
            access_key_id: xml::text(inside, "AccessKeyId")?,
            secret_access_key: xml::text(inside, "SecretAccessKey")?,
            session_token: Some(xml::text(inside, "SessionToken")?),
        }),
        until: Some(end_of(&xml::text(inside, "Expiration")?)?),
    })
}
