//! How the commands that move objects reach the stores.

use fastdata::CancelToken;
use fastdata::store::{Location, Transfers};

use super::{size, store};
use crate::args::RemoteArgs;
use crate::failure::Failure;

/// The transfers that `args` ask for; they end when `cancel` does.
pub(crate) fn transfers(args: &RemoteArgs, cancel: &CancelToken) -> Result<Transfers, Failure> {
    let mut store = store::connected(args.store.clone(), args.connections)?;
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
