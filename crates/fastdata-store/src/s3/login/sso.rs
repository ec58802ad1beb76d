//! Single sign-on: the token that `aws sso login` has left on the disk, exchanged for the keys of a
//! role; renewed when it has ended and may be renewed.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::digest;
use serde_json::Value;

use super::super::endpoint::amazon_url;
use super::super::sign::{self, Keys};
use super::http::{self, Asked};
use super::{Found, Surroundings, denied, end_of};
use crate::profile::Sso;
use crate::{Error, ErrorKind, Result};

const PORTAL: &str = "the single sign-on portal";
const OIDC: &str = "the single sign-on service";

/// Tokens are short.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Tokens are renewed so long before their end.
const AHEAD: Duration = Duration::from_secs(60);

pub(super) async fn fetch(sso: &Sso, around: &Surroundings) -> Result<Found> {
    let token = token(sso, around).await?;
    let base = match &around.sso_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => amazon_url("portal.sso", &sso.region),
    };
    let url = format!(
        "{base}/federation/credentials?role_name={}&account_id={}",
        sign::encode(&sso.role_name, false),
        sign::encode(&sso.account_id, false)
    );
    let asked = Asked {
        service: PORTAL,
        method: reqwest::Method::GET,
        url,
        headers: vec![("x-amz-sso_bearer_token".to_owned(), token)],
        body: String::new(),
    };
    let (status, answer) = http::send(&asked, around).await?;
    match status {
        200 => read(&answer).ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                format!("{PORTAL} answered without keys"),
            )
        }),
        401 => Err(again(sso, "the login has ended")),
        403 | 404 => Err(denied(format!(
            "{PORTAL} does not give the role {:?} of the account {} (status {status})",
            sso.role_name, sso.account_id
        ))),
        _ => Err(Error::new(
            ErrorKind::Network,
            format!("{PORTAL} answered with status {status}"),
        )),
    }
}

fn again(sso: &Sso, why: &str) -> Error {
    denied(format!(
        "{why}: run `aws sso login --profile {}`",
        sso.profile
    ))
}

/// A token that has not ended.
async fn token(sso: &Sso, around: &Surroundings) -> Result<String> {
    let Some(folder) = &around.token_folder else {
        return Err(denied(
            "nobody knows where `aws sso login` leaves its tokens: HOME is not set",
        ));
    };
    let path = folder.join(format!("{}.json", sha1(&sso.token_name)));
    let noted = load(path.clone())
        .await
        .ok_or_else(|| again(sso, "nobody has logged in"))?;
    let text = |name: &str| noted[name].as_str();
    let now = SystemTime::now();
    let until = text("expiresAt").and_then(end_of);
    let Some(token) = text("accessToken").filter(|_| until.is_some()) else {
        return Err(again(sso, "the login cannot be read"));
    };
    if until.is_some_and(|until| until > now + AHEAD) {
        return Ok(token.to_owned());
    }
    let is_registered = text("registrationExpiresAt")
        .and_then(end_of)
        .is_none_or(|end| end > now);
    let parts = (text("clientId"), text("clientSecret"), text("refreshToken"));
    let renewed = match parts {
        (Some(id), Some(secret), Some(refresh)) if is_registered => {
            renew(sso, around, [id, secret, refresh]).await
        }
        _ => None,
    };
    match renewed {
        Some(renewed) => {
            let (token, noted) = with(noted.clone(), &renewed, now)
                .ok_or_else(|| again(sso, "the login could not be renewed"))?;
            // Others have to log in again when this fails; we have what we need.
            let _ = tokio::task::spawn_blocking(move || save(&path, &noted)).await;
            Ok(token)
        }
        // The last minute of a token is good too.
        None if until.is_some_and(|until| until > now) => Ok(token.to_owned()),
        None => Err(again(sso, "the login has ended")),
    }
}

async fn load(path: PathBuf) -> Option<Value> {
    let meta = tokio::fs::metadata(&path).await.ok()?;
    if meta.len() > FILE_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&tokio::fs::read(&path).await.ok()?).ok()
}

async fn renew(
    sso: &Sso,
    around: &Surroundings,
    [id, secret, refresh]: [&str; 3],
) -> Option<Value> {
    let base = match &around.oidc_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => amazon_url("oidc", &sso.region),
    };
    let body = serde_json::json!({
        "grantType": "refresh_token",
        "clientId": id,
        "clientSecret": secret,
        "refreshToken": refresh,
    });
    let asked = Asked {
        service: OIDC,
        method: reqwest::Method::POST,
        url: format!("{base}/token"),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string(),
    };
    match http::send(&asked, around).await {
        Ok((200, answer)) => serde_json::from_str(&answer).ok(),
        _ => None,
    }
}

/// The new token, and what is noted about it.
fn with(mut noted: Value, renewed: &Value, now: SystemTime) -> Option<(String, Value)> {
    let token = renewed["accessToken"].as_str()?.to_owned();
    let life = Duration::from_secs(renewed["expiresIn"].as_u64()?);
    noted["accessToken"] = token.clone().into();
    noted["expiresAt"] = super::super::date::iso(now + life).into();
    if let Some(refresh) = renewed["refreshToken"].as_str() {
        noted["refreshToken"] = refresh.into();
    }
    Some((token, noted))
}

/// Readable by nobody else, and whole or not at all.
fn save(path: &Path, noted: &Value) -> std::io::Result<()> {
    let beside = path.with_extension(format!("json.{}", std::process::id()));
    let written = (|| {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(noted.to_string().as_bytes())?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn read(answer: &str) -> Option<Found> {
    let json: Value = serde_json::from_str(answer).ok()?;
    let keys = &json["roleCredentials"];
    let text = |name: &str| keys[name].as_str().map(str::to_owned);
    let until = Duration::from_millis(keys["expiration"].as_u64()?);
    Some(Found {
        keys: Arc::new(Keys {
            access_key_id: text("accessKeyId")?,
            secret_access_key: text("secretAccessKey")?,
            session_token: Some(text("sessionToken")?),
        }),
        until: Some(SystemTime::UNIX_EPOCH.checked_add(until)?),
    })
}

/// What the AWS tools name the file of a token for.
fn sha1(text: &str) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    sign::hex(hash.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_files_as_the_aws_tools_do() {
        assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
