//! `fastdata flow`, ready to run.

use std::sync::Arc;

use fastdata::StoreConfig;
use fastdata::flows::layout::PathSpec;
use fastdata::flows::{Client, Datastore, Metadata, ServiceConfig};

use crate::args::{FlowAction, FlowArgs};
use crate::failure::Failure;

/// Where the runs are, and how the answer is printed.
#[derive(Debug)]
pub(crate) struct FlowConfig {
    pub(crate) action: FlowAction,
    pub(crate) client: Client,
    pub(crate) json: bool,
}

impl FlowConfig {
    /// Fills in what was left out, by Metaflow's own variables where there are any.
    pub(crate) fn resolve(args: FlowArgs) -> Result<Self, Failure> {
        let mut store = StoreConfig::from_env();
        store.endpoint_url = args.endpoint_url.or(store.endpoint_url);
        store.region = args.region.or(store.region);
        store.profile = args.profile.or(store.profile);
        store.anonymous |= args.anonymous;
        let root = match &args.datastore {
            Some(root) => root.clone(),
            None => Datastore::default_root()?,
        };
        let datastore = Arc::new(Datastore::open(&root, store.clone())?);
        // Whoever names a datastore means what lies there.
        let service = args.service.or_else(|| match args.datastore {
            Some(_) => None,
            None => service_of_metaflow(),
        });
        let metadata = match service {
            Some(url) => Metadata::service(ServiceConfig::at(url, store))?,
            None => Metadata::files(Arc::clone(&datastore)),
        };
        Ok(Self {
            action: args.action,
            client: Client::new(datastore, Arc::new(metadata)),
            json: args.json,
        })
    }
}

/// The service that Metaflow would ask.
fn service_of_metaflow() -> Option<String> {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_default = var("METAFLOW_DEFAULT_METADATA").is_some_and(|kind| kind == "service");
    var("METAFLOW_SERVICE_URL").filter(|_| is_default)
}

/// A path as it was typed.
pub(crate) fn path(text: &str) -> Result<PathSpec, Failure> {
    Ok(text.trim_end_matches('/').parse()?)
}
