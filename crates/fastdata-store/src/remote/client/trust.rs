//! Whom `object_store` trusts when there is a file of certificates: those and nobody else, as our own client
//! does and AWS's do. By itself it would trust them beside those that it brings.

use std::time::Duration;

use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::Certificate;

use super::{POOL_IDLE_TIMEOUT, USER_AGENT};
use crate::{Error, Result, StoreConfig};

/// How long the address of an instance's metadata may take, as `object_store` has it.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes clients that trust a bundle.
#[derive(Debug)]
pub(super) struct Trusting {
    bundle: Vec<Certificate>,
    connect_timeout: Duration,
    timeout: Duration,
    connections: usize,
    endpoint_is_plain: bool,
}

/// What makes clients, when the configuration names whom to trust.
pub(super) fn connector(config: &StoreConfig, endpoint_is_plain: bool) -> Result<Option<Trusting>> {
    let Some(bundle) = config.ca_bundle_text()? else {
        return Ok(None);
    };
    let bundle = Certificate::from_pem_bundle(&bundle).ok();
    let Some(bundle) = bundle.filter(|bundle| !bundle.is_empty()) else {
        return Err(Error::invalid("the CA bundle has no certificates"));
    };
    Ok(Some(Trusting {
        bundle,
        connect_timeout: config.connect_timeout,
        timeout: config.request_timeout * 3,
        connections: config.connections,
        endpoint_is_plain,
    }))
}

impl HttpConnector for Trusting {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows_plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let allows_plain = allows_plain.is_some_and(|text| text == "true");
        // Plain connections beside an endpoint that has none are those to the instance's metadata.
        let connect_timeout = match allows_plain && !self.endpoint_is_plain {
            true => METADATA_TIMEOUT,
            false => self.connect_timeout,
        };
        let trusting = self.bundle.iter().cloned().fold(
            reqwest::Client::builder().tls_built_in_root_certs(false),
            reqwest::ClientBuilder::add_root_certificate,
        );
        let client = trusting
            .user_agent(USER_AGENT)
            .connect_timeout(connect_timeout)
            .timeout(self.timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(self.connections)
            .http1_only()
            .https_only(!allows_plain)
            .build();
        let client = client.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: Box::new(error),
        })?;
        Ok(HttpClient::new(client))
    }
}
