//! Where a bucket is: protocol, host, port and the path in front of its keys.

use crate::config::check_endpoint;
use crate::{Error, Result};

/// Where requests for a bucket go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) is_tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// What the `Host` header says.
    pub(super) authority: String,
    /// In front of `/key`; empty or with a slash at its start, encoded.
    pub(super) base_path: String,
}

/// Where Amazon has a service in a region.
pub(super) fn amazon_url(service: &str, region: &str) -> String {
    let end = if region.starts_with("cn-") {
        "com.cn"
    } else {
        "com"
    };
    format!("https://{service}.{region}.amazonaws.{end}")
}

/// The endpoint of a bucket. `url`: where the service is when it is not Amazon's.
pub(super) fn of(
    url: Option<&str>,
    bucket: &str,
    region: &str,
    path_style: bool,
) -> Result<Endpoint> {
    let amazon;
    let url = match url {
        Some(url) => url,
        None => {
            amazon = amazon_url("s3", region);
            &amazon
        }
    };
    check_endpoint(url)?;
    let (is_tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => {
            return Err(Error::invalid(format!(
                "the endpoint URL {url:?} has no host"
            )));
        }
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_matches('/');
    if path.contains(['?', '#']) {
        let context = format!("the endpoint URL {url:?} goes on behind its path");
        return Err(Error::invalid(context));
    }
    let mut base_path = match path {
        "" => String::new(),
        path => format!("/{path}"),
    };
    let mut authority = authority.to_ascii_lowercase();
    if path_style {
        base_path = format!("{base_path}/{}", super::sign::encode(bucket, false));
    } else {
        authority = format!("{bucket}.{authority}");
    }
    // The port is what follows the last colon, unless that belongs to an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority.as_str(), None),
    };
    let port = match port.map(str::parse) {
        None if is_tls => 443,
        None => 80,
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            return Err(Error::invalid(format!(
                "the endpoint URL {url:?} has an odd port"
            )));
        }
    };
    Ok(Endpoint {
        is_tls,
        host: host.to_owned(),
        port,
        base_path,
        authority: authority.clone(),
    })
}

/// Authority and path of the address of a service, as a request for it would name them.
pub(super) fn split(url: &str) -> Result<(String, String)> {
    check_endpoint(url)?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = authority.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    Ok((authority.to_owned(), format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: Option<&str>, path_style: bool, expected: (bool, &str, u16, &str)) {
        let endpoint = of(url, "lake", "eu-west-1", path_style).unwrap();
        let found = (
            endpoint.is_tls,
            endpoint.host.as_str(),
            endpoint.port,
            endpoint.base_path.as_str(),
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn hosts_ports_and_paths() {
        check(
            None,
            false,
            (true, "lake.s3.eu-west-1.amazonaws.com", 443, ""),
        );
        check(
            None,
            true,
            (true, "s3.eu-west-1.amazonaws.com", 443, "/lake"),
        );
        check(Some("http://h:9000/"), true, (false, "h", 9000, "/lake"));
        check(Some("https://H/p/q"), true, (true, "h", 443, "/p/q/lake"));
        check(Some("http://h"), false, (false, "lake.h", 80, ""));
        check(Some("http://[::1]:7"), true, (false, "[::1]", 7, "/lake"));
        check(Some("http://[::1]"), true, (false, "[::1]", 80, "/lake"));
        let china = of(None, "b", "cn-north-1", true).unwrap();
        assert_eq!(china.host, "s3.cn-north-1.amazonaws.com.cn");
        for url in ["ftp://h", "http://h:port", "http://h/?x=y"] {
            of(Some(url), "b", "r", true).unwrap_err();
        }
    }
}
