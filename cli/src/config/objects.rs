//! How the commands that move objects reach the stores.

use fastdata::store::{Location, Transfers};
use fastdata::{CancelToken, StoreConfig};

use super::size;
use crate::args::RemoteArgs;
use crate::failure::Failure;

/// What was typed goes before what the environment of other tools says.
pub(crate) fn transfers(args: &RemoteArgs, cancel: &CancelToken) -> Result<Transfers, Failure> {
    let mut store = StoreConfig::from_env();
    store.endpoint_url = args.endpoint_url.clone().or(store.endpoint_url);
    store.region = args.region.clone().or(store.region);
    store.profile = args.profile.clone().or(store.profile);
    store.anonymous |= args.anonymous;
    match args.connections {
        Some(0) => return Err(Failure::usage("--connections 0: at least 1")),
        Some(connections) => store.connections = connections,
        None => {}
    }
    if let Some(text) = &args.max_rate {
        let rate = size::parse(text).ok_or_else(|| {
            Failure::usage(format!("--max-rate {text}: write a size such as 10MB"))
        })?;
        store.max_bytes_per_second = Some(rate);
    }
    let cancel = cancel.clone();
    Ok(Transfers::new(store, move || cancel.check().is_err())?)
}

/// An address as it was typed.
pub(crate) fn location(text: &str) -> Result<Location, Failure> {
    Ok(Location::parse(text)?)
}

/// `NAME=VALUE` of metadata.
pub(crate) fn metadata(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Failure::usage(format!(
            "--metadata {text}: write NAME=VALUE"
        ))),
    }
}
