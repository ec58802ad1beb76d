//! Signatures, version 4, in headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::{digest, hmac};

/// Keys that requests are signed with. Never printed.
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What is signed.
pub(super) struct Unsigned<'a> {
    /// `s3`, or whoever else is asked.
    pub(super) service: &'a str,
    pub(super) method: &'a str,
    /// Encoded already.
    pub(super) path: &'a str,
    /// Encoded already; sorted here.
    pub(super) query: &'a [(String, String)],
    /// Names in lower case, `host` among them; all are signed.
    pub(super) headers: &'a [(String, String)],
    /// Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`.
    pub(super) body_hash: &'a str,
}

/// Headers to add: date, token, body hash and the signature.
pub(super) fn sign(
    request: &Unsigned<'_>,
    keys: &Keys,
    region: &str,
    now: SystemTime,
) -> Vec<(String, String)> {
    let date = stamp(now);
    let day = &date[..8];
    let mut added = vec![
        (
            "x-amz-content-sha256".to_owned(),
            request.body_hash.to_owned(),
        ),
        ("x-amz-date".to_owned(), date.clone()),
    ];
    if let Some(token) = &keys.session_token {
        added.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    let mut headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .chain(&added)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    headers.sort_unstable();
    let mut query: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    query.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        request.method,
        request.path,
        query.join("&")
    );
    for (name, value) in headers {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    canonical.push_str(&format!("\n{names}\n{}", request.body_hash));
    let service = request.service;
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let first = format!("AWS4{}", keys.secret_access_key);
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for text in [day, region, service, "aws4_request"] {
        key = hmac::Key::new(
            hmac::HMAC_SHA256,
            hmac::sign(&key, text.as_bytes()).as_ref(),
        );
    }
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    added.push((
        "authorization".to_owned(),
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            keys.access_key_id
        ),
    ));
    added
}

/// Hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// In lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(digits[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if keep_slashes => encoded.push('/'),
            _ => {
                encoded.push('%');
                encoded.push_str(&hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    encoded
}

/// `20260115T101530Z`. Days to dates after Howard Hinnant's `civil_from_days`.
pub(super) fn stamp(now: SystemTime) -> String {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    /// The example of a ranged GET in Amazon's documentation of signature version 4.
    #[test]
    fn signs_amazons_example() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = Unsigned {
            service: "s3",
            method: "GET",
            path: "/test.txt",
            query: &[],
            headers: &[
                header("host", "examplebucket.s3.amazonaws.com"),
                header("range", "bytes=0-9"),
            ],
            body_hash: &sha256(b""),
        };
        let keys = Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let added = sign(&request, &keys, "us-east-1", now);
        let (_, authorization) = added.last().unwrap();
        assert!(
            authorization.ends_with(
                "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            ),
            "{authorization}"
        );
        assert!(!format!("{keys:?}").contains("wJalr"));
    }

    #[test]
    fn encodes_strictly() {
        assert_eq!(encode("a b+c/ü%2F~", true), "a%20b%2Bc/%C3%BC%252F~");
        assert_eq!(encode("a/b", false), "a%2Fb");
    }
}
