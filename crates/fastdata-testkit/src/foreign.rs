//! A client that is not ours, for what has to come from elsewhere.

use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder};

/// The `object_store` crate's client of a bucket, by the variables that `Simulator::env` and
/// `S3Server::env` give.
///
/// # Panics
/// When the variables do not make one.
pub fn foreign_client(env: [(&'static str, String); 4], bucket: &str) -> AmazonS3 {
    let [endpoint_url, region, access_key_id, secret_access_key] = env.map(|(_, value)| value);
    AmazonS3Builder::new()
        .with_endpoint(endpoint_url)
        .with_allow_http(true)
        .with_region(region)
        .with_bucket_name(bucket)
        .with_access_key_id(access_key_id)
        .with_secret_access_key(secret_access_key)
        // Callers may have a runtime for each call, and a connection ends with its runtime.
        .with_client_options(
            ClientOptions::new()
                .with_allow_http(true)
                .with_pool_max_idle_per_host(0),
        )
        .build()
        .unwrap_or_else(|error| panic!("no client for {bucket}: {error}"))
}
