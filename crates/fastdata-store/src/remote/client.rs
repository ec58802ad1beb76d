//! Makes the `object_store` client of a bucket from the configuration.

use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientOptions, HeaderValue, ObjectStore, RetryConfig};

use super::failure::Failures;
use crate::config::check_endpoint;
use crate::profile::Profile;
use crate::s3::LoggedIn;
use crate::{Error, ErrorKind, Location, Result, Scheme, StoreConfig};

/// S3 closes connections that were idle for about 5 s; a request on one of those would fail first.
const POOL_IDLE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(4);

const USER_AGENT: &str = concat!("fastdata/", env!("CARGO_PKG_VERSION"));

mod trust;

pub(super) fn build(
    config: &StoreConfig,
    object: &Location,
    failures: &Failures,
) -> Result<Arc<dyn ObjectStore>> {
    config.check()?;
    let failed = |error| failures.explain_settings(object, error);
    Ok(match object.scheme() {
        Scheme::S3 => Arc::new(s3(config, object)?.build().map_err(failed)?),
        Scheme::Gcs => Arc::new(gcs(config, object).build().map_err(failed)?),
        Scheme::Azure => Arc::new(azure(config, object).build().map_err(failed)?),
        Scheme::Local => {
            return Err(Error::invalid(format!(
                "{object} is not in an object store"
            )));
        }
    })
}

/// A builder with everything that the configuration says; its build finds credentials.
pub(crate) fn s3_builder(config: &StoreConfig, object: &Location) -> Result<AmazonS3Builder> {
    s3(config, object)
}

fn s3(config: &StoreConfig, object: &Location) -> Result<AmazonS3Builder> {
    let bucket = object.bucket();
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
    for (name, value) in &config.options {
        // Settings of the other clouds are not for this one.
        if let Ok(key) = AmazonS3ConfigKey::from_str(name) {
            builder = builder.with_config(key, value.expose());
        }
    }
    let profile = Profile::load(config)?;
    if let Some(region) = config.region.clone().or_else(|| profile.region.clone()) {
        builder = builder.with_region(region);
    }
    let endpoint_url = config
        .endpoint_url
        .clone()
        .or_else(|| profile.endpoint_url.clone());
    let mut options = client_options(config);
    let path_style = config
        .path_style
        .unwrap_or(endpoint_url.is_some() || bucket.contains('.'));
    builder = builder.with_virtual_hosted_style_request(!path_style);
    let endpoint_is_plain = endpoint_url
        .as_ref()
        .is_some_and(|url| url.starts_with("http://"));
    if let Some(url) = endpoint_url {
        check_endpoint(&url)?;
        options = options.with_allow_http(endpoint_is_plain);
        builder = builder.with_endpoint(match url.split_once("://") {
            Some((protocol, host)) if !path_style => format!("{protocol}://{bucket}.{host}"),
            _ => url,
        });
    }
    let has_keys = config.access_key_id.is_some() && !profile.wants_environment();
    if config.anonymous {
        builder = builder.with_skip_signature(true);
    } else if let (true, Some(key_id), Some(secret)) =
        (has_keys, &config.access_key_id, &config.secret_access_key)
    {
        builder = builder
            .with_access_key_id(key_id)
            .with_secret_access_key(secret.expose());
        if let Some(token) = &config.session_token {
            builder = builder.with_token(token.expose());
        }
    } else if let Some(login) = LoggedIn::of(config, profile, object)? {
        builder = builder.with_credentials(Arc::new(login));
    }
    if let Some(trusting) = trust::connector(config, endpoint_is_plain)? {
        builder = builder.with_http_connector(trusting);
    }
    Ok(builder
        .with_client_options(options)
        .with_retry(retry(config)))
}

/// Where a container or an instance has its keys from, and nothing else.
pub(crate) fn machine(
    config: &StoreConfig,
    object: &Location,
    is_container: bool,
) -> Result<AwsCredentialProvider> {
    let wanted = |name: &str| match is_container {
        true => name.starts_with("aws_container_"),
        false => ["aws_metadata_endpoint", "aws_imdsv1_fallback"].contains(&name),
    };
    let options: Vec<_> = config
        .options
        .iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    let has = |wanted: &str| options.iter().any(|(name, _)| name == wanted);
    let is_complete = has("aws_container_credentials_relative_uri")
        || (has("aws_container_credentials_full_uri")
            && has("aws_container_authorization_token_file"));
    if is_container && !is_complete {
        return Err(Error::new(
            ErrorKind::Denied,
            "the AWS profile assumes a role with the keys of the container, which has none: \
             neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor \
             AWS_CONTAINER_CREDENTIALS_FULL_URI with a token file is set",
        ));
    }
    let mut builder = AmazonS3Builder::new().with_bucket_name(object.bucket());
    for (name, value) in options {
        if let Ok(key) = AmazonS3ConfigKey::from_str(name) {
            builder = builder.with_config(key, value.expose());
        }
    }
    let store = builder.with_retry(retry(config)).build();
    let store =
        store.map_err(|_| Error::invalid("the settings for the machine's keys cannot work"))?;
    Ok(Arc::clone(store.credentials()))
}

fn gcs(config: &StoreConfig, object: &Location) -> GoogleCloudStorageBuilder {
    let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(object.bucket());
    for (name, value) in &config.options {
        if let Ok(key) = GoogleConfigKey::from_str(name) {
            builder = builder.with_config(key, value.expose());
        }
    }
    if config.anonymous {
        builder = builder.with_skip_signature(true);
    }
    builder
        .with_client_options(client_options(config))
        .with_retry(retry(config))
}

fn azure(config: &StoreConfig, object: &Location) -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::new().with_container_name(object.bucket());
    for (name, value) in &config.options {
        if let Ok(key) = AzureConfigKey::from_str(name) {
            builder = builder.with_config(key, value.expose());
        }
    }
    if let Some(account) = object.account() {
        builder = builder.with_account(account);
    }
    if config.anonymous {
        builder = builder.with_skip_signature(true);
    }
    builder
        .with_client_options(client_options(config))
        .with_retry(retry(config))
}

fn client_options(config: &StoreConfig) -> ClientOptions {
    ClientOptions::new()
        .with_user_agent(HeaderValue::from_static(USER_AGENT))
        .with_connect_timeout(config.connect_timeout)
        .with_timeout(config.request_timeout * 3)
        .with_pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .with_pool_max_idle_per_host(config.connections)
}

fn retry(config: &StoreConfig) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: config.retries,
        retry_timeout: config.retry_timeout,
    }
}
