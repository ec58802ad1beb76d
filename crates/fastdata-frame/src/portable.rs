//! Requests that travel to other processes, without what opens a store.

use std::collections::BTreeMap;

use fastdata_iceberg::SnapshotSelector;
use fastdata_parquet::StringLayout;
use fastdata_scan::request::CatalogSettings;
use fastdata_scan::{FilePart, ScanRequest, Settings};
use fastdata_store::StoreConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What travels of a [`ScanRequest`]: where and what, never keys, tokens or further store options.
/// Where it arrives, credentials come from the environment as everywhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PortableRequest {
    sources: Vec<String>,
    columns: Option<Vec<String>>,
    partition: Vec<(String, String)>,
    any_partition: Vec<Vec<(String, String)>>,
    filter: Option<String>,
    limit_rows: Option<u64>,
    parts: Option<Vec<FilePart>>,
    snapshot: Snapshot,
    strings: Strings,
    map_by_position: bool,
    max_memory_bytes: u64,
    threads: usize,
    batch_rows: usize,
    store: StoreRecord,
    warehouse: Option<String>,
    catalogs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Snapshot {
    Current,
    Id(i64),
    AsOfMs(i64),
    Ref(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Strings {
    View,
    Offsets,
    LargeOffsets,
}

/// Where the store is; nothing that opens it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoreRecord {
    region: Option<String>,
    endpoint_url: Option<String>,
    profile: Option<String>,
    anonymous: bool,
    path_style: Option<bool>,
    connections: usize,
}

impl PortableRequest {
    /// What travels of `request`.
    pub fn of(request: &ScanRequest) -> Self {
        let catalogs = request.settings.catalogs.iter();
        Self {
            sources: request.sources.clone(),
            columns: request.columns.clone(),
            partition: request.partition.clone(),
            any_partition: request.any_partition.clone(),
            filter: request.filter.clone(),
            limit_rows: request.limit_rows,
            parts: request.parts.clone(),
            snapshot: match &request.snapshot {
                SnapshotSelector::Current => Snapshot::Current,
                SnapshotSelector::Id(id) => Snapshot::Id(*id),
                SnapshotSelector::AsOfMs(ms) => Snapshot::AsOfMs(*ms),
                SnapshotSelector::Ref(name) => Snapshot::Ref(name.clone()),
            },
            strings: match request.string_layout {
                StringLayout::View => Strings::View,
                StringLayout::Offsets => Strings::Offsets,
                StringLayout::LargeOffsets => Strings::LargeOffsets,
            },
            map_by_position: request.map_by_position,
            max_memory_bytes: request.max_memory_bytes,
            threads: request.threads,
            batch_rows: request.batch_rows,
            store: StoreRecord {
                region: request.store.region.clone(),
                endpoint_url: request.store.endpoint_url.clone(),
                profile: request.store.profile.clone(),
                anonymous: request.store.anonymous,
                path_style: request.store.path_style,
                connections: request.store.connections,
            },
            warehouse: request.settings.warehouse.clone(),
            catalogs: catalogs
                .map(|(name, catalog)| (name.clone(), catalog.warehouse.clone()))
                .collect(),
        }
    }

    /// The request in this process, with what its environment says about access.
    pub fn into_request(self) -> ScanRequest {
        let from_env = StoreConfig::from_env();
        let catalogs = self.catalogs.into_iter();
        ScanRequest {
            sources: self.sources,
            columns: self.columns,
            partition: self.partition,
            any_partition: self.any_partition,
            filter: self.filter,
            limit_rows: self.limit_rows,
            parts: self.parts,
            snapshot: match self.snapshot {
                Snapshot::Current => SnapshotSelector::Current,
                Snapshot::Id(id) => SnapshotSelector::Id(id),
                Snapshot::AsOfMs(ms) => SnapshotSelector::AsOfMs(ms),
                Snapshot::Ref(name) => SnapshotSelector::Ref(name),
            },
            string_layout: match self.strings {
                Strings::View => StringLayout::View,
                Strings::Offsets => StringLayout::Offsets,
                Strings::LargeOffsets => StringLayout::LargeOffsets,
            },
            map_by_position: self.map_by_position,
            max_memory_bytes: self.max_memory_bytes,
            threads: self.threads,
            batch_rows: self.batch_rows.max(1),
            store: StoreConfig {
                region: self.store.region.or(from_env.region),
                endpoint_url: self.store.endpoint_url.or(from_env.endpoint_url),
                profile: self.store.profile.or(from_env.profile),
                anonymous: self.store.anonymous,
                path_style: self.store.path_style.or(from_env.path_style),
                connections: self.store.connections.max(1),
                ..from_env
            },
            settings: Settings {
                warehouse: self.warehouse,
                catalogs: catalogs
                    .map(|(name, warehouse)| (name, CatalogSettings { warehouse }))
                    .collect(),
            },
        }
    }

    /// As JSON.
    ///
    /// # Errors
    ///
    /// None that can be thought of; JSON holds all of it.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|cause| Error::invalid("a request that JSON cannot hold").with_source(cause))
    }

    /// From JSON.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when it is no request.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|cause| Error::invalid("no request for a scan").with_source(cause))
    }
}
