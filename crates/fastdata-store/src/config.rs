//! Where object stores are, and how to log in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Error, Result};

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// How [`open`](crate::open()) reaches object stores. [`StoreConfig::from_env`] fills it as the AWS
/// tools do; `Default` knows nothing and looks at nothing.
///
/// S3 credentials come from the first of: [`anonymous`](Self::anonymous), the key fields here, the
/// profile (where its files are read: keys, single sign-on, a role, a command), then what
/// object_store finds by itself with [`options`](Self::options): web identity, container
/// credentials, instance metadata.
///
/// ```
/// use std::time::Duration;
/// use fastdata_store::StoreConfig;
///
/// let config = StoreConfig {
///     endpoint_url: Some("http://127.0.0.1:7070".into()),
///     access_key_id: Some("user".into()),
///     secret_access_key: Some("canary".into()),
///     connect_timeout: Duration::from_secs(1),
///     ..StoreConfig::default()
/// };
/// assert!(!format!("{config:?}").contains("canary"));
/// ```
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Region of the buckets. Unset: the profile's, then `us-east-1`.
    pub region: Option<String>,
    /// Where the S3 service is, when it is not Amazon's; `http://` is allowed when written here.
    pub endpoint_url: Option<String>,
    /// The profile in the files below. Unset: `default`, which may be missing.
    pub profile: Option<String>,
    /// Certificates to trust at S3 instead of those of the system: a PEM file.
    pub ca_bundle: Option<PathBuf>,
    /// AWS configuration file (`~/.aws/config`). `None`: not read.
    pub config_file: Option<PathBuf>,
    /// AWS credentials file (`~/.aws/credentials`). `None`: not read.
    pub credentials_file: Option<PathBuf>,
    /// Where `aws sso login` leaves its tokens (`~/.aws/sso/cache`). `None`: nowhere.
    pub sso_cache_folder: Option<PathBuf>,
    /// Key id of static S3 credentials; goes with [`secret_access_key`](Self::secret_access_key).
    pub access_key_id: Option<String>,
    /// Secret of static S3 credentials.
    pub secret_access_key: Option<Secret>,
    /// Session token of temporary S3 credentials.
    pub session_token: Option<Secret>,
    /// Send requests without credentials, to any store.
    pub anonymous: bool,
    /// `true`: `https://host/bucket/key`, `false`: `https://bucket.host/key`. Unset: the former
    /// with [`endpoint_url`](Self::endpoint_url) and for buckets with a dot, the latter at Amazon.
    pub path_style: Option<bool>,
    /// The most requests at one time, over all buckets. At least 1.
    pub connections: usize,
    /// Time for a connection to be made.
    pub connect_timeout: Duration,
    /// Time for an answer to begin.
    pub request_timeout: Duration,
    /// Time without a byte after which an answer is taken for dead, and the rest is asked for on
    /// another connection.
    pub stall_timeout: Duration,
    /// The most bytes that come and go in a second over all connections to S3, for those who share
    /// their line. What stores of Google and Azure take is not limited.
    pub max_bytes_per_second: Option<u64>,
    /// How often a request is sent again when that may help.
    pub retries: usize,
    /// No request is sent again when it is older than this.
    pub retry_timeout: Duration,
    /// Further settings by the names that `object_store` has for them (`aws_role_arn`,
    /// `google_service_account`, `azure_storage_account_name`, …).
    pub options: Vec<(String, Secret)>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            profile: None,
            ca_bundle: None,
            config_file: None,
            credentials_file: None,
            sso_cache_folder: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            anonymous: false,
            path_style: None,
            // S3 gives one connection 85 to 90 MB/s: this many fill 100 Gbit/s. How many are in use
            // is found out: as many as bring more.
            connections: 256,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(10),
            max_bytes_per_second: None,
            retries: 5,
            retry_timeout: Duration::from_secs(60),
            options: Vec::new(),
        }
    }
}

impl StoreConfig {
    /// What the environment says: `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3`,
    /// `AWS_ENDPOINT_URL`, `AWS_PROFILE`, `AWS_CA_BUNDLE`, `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, the variables of web
    /// identity and container credentials, and `object_store`'s own `GOOGLE_*` and `AZURE_*`.
    pub fn from_env() -> Self {
        // A variable that is not UTF-8 cannot be one of these.
        Self::from_vars(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// As [`StoreConfig::from_env`], from given variables.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut config = Self::default();
        let (mut home, mut default_region, mut default_profile, mut general_endpoint) =
            (None, None, None, None);
        // An empty variable is how many scripts unset one.
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "HOME" => home = Some(PathBuf::from(value)),
                "AWS_REGION" => config.region = Some(value),
                "AWS_DEFAULT_REGION" => default_region = Some(value),
                "AWS_ENDPOINT_URL_S3" => config.endpoint_url = Some(value),
                "AWS_ENDPOINT_URL" | "AWS_ENDPOINT" => general_endpoint = Some(value),
                "AWS_PROFILE" => config.profile = Some(value),
                "AWS_DEFAULT_PROFILE" => default_profile = Some(value),
                "AWS_CA_BUNDLE" => config.ca_bundle = Some(value.into()),
                "AWS_CONFIG_FILE" => config.config_file = Some(value.into()),
                "AWS_SHARED_CREDENTIALS_FILE" => config.credentials_file = Some(value.into()),
                "AWS_ACCESS_KEY_ID" => config.access_key_id = Some(value),
                "AWS_SECRET_ACCESS_KEY" => config.secret_access_key = Some(value.into()),
                "AWS_SESSION_TOKEN" => config.session_token = Some(value.into()),
                "AWS_SKIP_SIGNATURE" => config.anonymous |= value.eq_ignore_ascii_case("true"),
                _ if is_option(&name) => {
                    config
                        .options
                        .push((name.to_ascii_lowercase(), value.into()));
                }
                _ => {}
            }
        }
        config.region = config.region.or(default_region);
        config.profile = config.profile.or(default_profile);
        config.endpoint_url = config.endpoint_url.or(general_endpoint);
        let in_home = |file: &str| home.as_ref().map(|home| home.join(".aws").join(file));
        config.config_file = config.config_file.or_else(|| in_home("config"));
        config.credentials_file = config.credentials_file.or_else(|| in_home("credentials"));
        config.sso_cache_folder = in_home("sso/cache");
        config
    }

    /// Refuses what cannot work, before it fails somewhere far away.
    pub(crate) fn check(&self) -> Result<()> {
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            return Err(Error::invalid(
                "access key id and secret access key of S3 go together: one of them is missing",
            ));
        }
        if let Some(url) = &self.endpoint_url {
            check_endpoint(url)?;
        }
        self.ca_bundle_text().map(drop)
    }

    /// What the file of [`ca_bundle`](Self::ca_bundle) says.
    pub(crate) fn ca_bundle_text(&self) -> Result<Option<Vec<u8>>> {
        let Some(path) = &self.ca_bundle else {
            return Ok(None);
        };
        let failed = |error| {
            Error::invalid(format!(
                "cannot read the certificates of {}",
                path.display()
            ))
            .with_source(error)
        };
        std::fs::read(path).map(Some).map_err(failed)
    }
}

/// An endpoint that requests can be sent to. The URL is not repeated when it holds a password.
pub(crate) fn check_endpoint(url: &str) -> Result<()> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    match rest {
        Some(rest) if rest.split('/').next().unwrap_or(rest).contains('@') => Err(Error::invalid(
            "the endpoint URL holds a user name: credentials go elsewhere",
        )),
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(()),
        _ => Err(Error::invalid(format!(
            "the endpoint URL {url:?} does not start with http:// or https:// and a host"
        ))),
    }
}

/// Whether `object_store` or a login may make something of the variable, and we do not already.
fn is_option(name: &str) -> bool {
    const AWS: [&str; 14] = [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_SSO",
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_METADATA_ENDPOINT",
        "AWS_IMDSV1_FALLBACK",
        "AWS_REQUEST_PAYER",
        "AWS_S3_EXPRESS",
        "AWS_ALLOW_HTTP",
    ];
    AWS.contains(&name) || name.starts_with("GOOGLE_") || name.starts_with("AZURE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &[(&str, &str)]) -> StoreConfig {
        StoreConfig::from_vars(
            pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        )
    }

    #[test]
    fn the_environment_in_the_order_of_the_aws_tools() {
        let config = vars(&[
            ("AWS_DEFAULT_REGION", "us-west-2"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", "http://general"),
            ("AWS_ENDPOINT_URL_S3", "http://s3"),
            ("AWS_PROFILE", "work"),
            ("AWS_DEFAULT_PROFILE", "other"),
            ("HOME", "/users/somebody"),
            ("AWS_CONFIG_FILE", "/etc/aws"),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
            ("UNRELATED", "x"),
        ]);
        assert_eq!(config.region.as_deref(), Some("eu-central-1"));
        assert_eq!(config.endpoint_url.as_deref(), Some("http://s3"));
        assert_eq!(config.profile.as_deref(), Some("work"));
        assert_eq!(config.config_file, Some("/etc/aws".into()));
        assert_eq!(
            config.credentials_file,
            Some("/users/somebody/.aws/credentials".into())
        );
        assert_eq!(config.session_token, None);
        assert_eq!(config.options.len(), 1);
        assert_eq!(config.options[0].0, "aws_role_arn");
        let config = vars(&[
            ("AWS_ENDPOINT_URL", "http://x"),
            ("AWS_DEFAULT_REGION", "r"),
        ]);
        assert_eq!(config.endpoint_url.as_deref(), Some("http://x"));
        assert_eq!(config.region.as_deref(), Some("r"));
        assert_eq!(config.config_file, None, "without HOME there is no ~/.aws");
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = vars(&[
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "canary-1"),
            ("AWS_SESSION_TOKEN", "canary-2"),
            ("AZURE_STORAGE_ACCOUNT_KEY", "canary-3"),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", "canary-4"),
        ]);
        assert_eq!(config.options.len(), 2);
        assert!(!format!("{config:?} {config:#?}").contains("canary"));
        let config = StoreConfig {
            endpoint_url: Some("http://u:canary@h".into()),
            ..StoreConfig::default()
        };
        assert!(!config.check().unwrap_err().to_string().contains("canary"));
    }

    #[test]
    fn impossible_settings_are_refused() {
        let half = StoreConfig {
            access_key_id: Some("x".into()),
            ..StoreConfig::default()
        };
        half.check().unwrap_err();
        for (url, ok) in [
            ("http://h:1", true),
            ("https://h/p", true),
            ("h:1", false),
            ("http://", false),
        ] {
            assert_eq!(check_endpoint(url).is_ok(), ok, "{url}");
        }
    }
}
