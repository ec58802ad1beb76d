//! How a store is reached.

use fastdata::StoreConfig;

use crate::args::StoreArgs;
use crate::failure::Failure;

/// What was typed goes before what the environment of other tools says.
pub(super) fn store(args: StoreArgs) -> StoreConfig {
    let mut store = StoreConfig::from_env();
    store.endpoint_url = args.endpoint_url.or(store.endpoint_url);
    store.region = args.region.or(store.region);
    store.profile = args.profile.or(store.profile);
    store.anonymous |= args.anonymous;
    store
}

/// [`store`] with at most `connections` requests under way.
pub(super) fn connected(
    args: StoreArgs,
    connections: Option<usize>,
) -> Result<StoreConfig, Failure> {
    let mut store = store(args);
    match connections {
        Some(0) => return Err(Failure::usage("--connections 0: at least 1")),
        Some(connections) => store.connections = connections,
        None => {}
    }
    Ok(store)
}
