//! Checks signatures of version 4, the way AWS documents it and not the way our client does it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use ring::hmac;

use super::content::hex;
use super::request::Request;

/// The hash of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// AWS refuses signatures that are older or younger.
const SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// Who may sign.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) region: String,
}

/// Why a request is refused: status, code, message.
pub(super) type Refusal = (u16, &'static str, String);

fn refusal(status: u16, code: &'static str, message: &str) -> Refusal {
    (status, code, message.to_owned())
}

/// `Ok` when the request is signed with our keys, for our region, about `now`.
pub(super) fn check(request: &Request, keys: &Keys, now: SystemTime) -> Result<(), Refusal> {
    let authorization = request
        .header("authorization")
        .ok_or_else(|| refusal(403, "AccessDenied", "anonymous requests are not allowed"))?;
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256")
        .ok_or_else(|| refusal(400, "InvalidArgument", "unknown signing method"))?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(credential), Some(signed), Some(signature)) = (
        field("Credential"),
        field("SignedHeaders"),
        field("Signature"),
    ) else {
        return Err(refusal(
            400,
            "AuthorizationHeaderMalformed",
            "a field is missing",
        ));
    };
    let scope: Vec<&str> = credential.split('/').collect();
    let [key_id, day, region, service, end] = scope[..] else {
        return Err(refusal(
            400,
            "AuthorizationHeaderMalformed",
            "the scope is odd",
        ));
    };
    if key_id != keys.access_key_id {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(refusal(403, "InvalidAccessKeyId", message));
    }
    if region != keys.region {
        let message = format!(
            "The authorization header is malformed; the region '{region}' is wrong; expecting '{}'",
            keys.region
        );
        return Err((400, "AuthorizationHeaderMalformed", message));
    }
    let date = request.header("x-amz-date").unwrap_or_default();
    if !date.starts_with(day) || (service, end) != ("s3", "aws4_request") {
        return Err(refusal(
            400,
            "AuthorizationHeaderMalformed",
            "the scope is odd",
        ));
    }
    check_clock(date, now)?;
    let hash = body_hash(request)?;
    let canonical = canonical_request(request, signed, &hash)?;
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/s3/aws4_request\n{}",
        hex(digest(&SHA256, canonical.as_bytes()).as_ref())
    );
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
    };
    let key = sign(format!("AWS4{}", keys.secret_access_key).as_bytes(), day);
    let key = sign(key.as_ref(), region);
    let key = sign(key.as_ref(), "s3");
    let key = sign(key.as_ref(), "aws4_request");
    if hex(sign(key.as_ref(), &to_sign).as_ref()) == signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(refusal(403, "SignatureDoesNotMatch", message))
}

fn body_hash(request: &Request) -> Result<String, Refusal> {
    let hash = request.header("x-amz-content-sha256").unwrap_or_default();
    let is_right = hash == UNSIGNED || hash == hex(digest(&SHA256, &request.body).as_ref());
    match is_right {
        true => Ok(hash.to_owned()),
        false => Err(refusal(
            400,
            "XAmzContentSHA256Mismatch",
            "the body is not what was signed",
        )),
    }
}

fn canonical_request(request: &Request, signed: &str, hash: &str) -> Result<String, Refusal> {
    let path = encode(request.path.as_bytes(), true);
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .map(|(name, value)| {
            (
                encode(name.as_bytes(), false),
                encode(value.as_bytes(), false),
            )
        })
        .collect();
    query.sort();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = String::new();
    for name in signed.split(';') {
        let Some(value) = request.header(name) else {
            let message = format!("the signed header {name} is missing");
            return Err((403, "SignatureDoesNotMatch", message));
        };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        headers.push_str(&format!("{name}:{value}\n"));
    }
    // Everything that steers the service has to be signed.
    let unsigned = request.headers.iter().find(|(name, _)| {
        (name.starts_with("x-amz-") || name == "host") && !signed.split(';').any(|one| one == name)
    });
    if let Some((name, _)) = unsigned {
        let message = format!("the header {name} is not signed");
        return Err((403, "AccessDenied", message));
    }
    let method = &request.method;
    let query = query.join("&");
    Ok(format!(
        "{method}\n{path}\n{query}\n{headers}\n{signed}\n{hash}"
    ))
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(bytes: &[u8], keep_slashes: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(byte as char);
            }
            b'/' if keep_slashes => text.push('/'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn check_clock(date: &str, now: SystemTime) -> Result<(), Refusal> {
    let Some(then) = parse_date(date) else {
        return Err(refusal(403, "AccessDenied", "x-amz-date is no date"));
    };
    let off = now
        .duration_since(then)
        .unwrap_or_else(|early| early.duration());
    if off > SKEW_MAX {
        let message = "The difference between the request time and the server's time is too large.";
        return Err(refusal(403, "RequestTimeTooSkewed", message));
    }
    Ok(())
}

/// `20260115T101530Z`.
fn parse_date(date: &str) -> Option<SystemTime> {
    let date = chrono::NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(date.and_utc().timestamp()).ok()?))
}
