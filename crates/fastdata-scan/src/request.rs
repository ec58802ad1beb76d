//! What a caller asks of a scan.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fastdata_iceberg::SnapshotSelector;
use fastdata_parquet::StringLayout;
use fastdata_store::StoreConfig;

use crate::parts::FilePart;

/// Everything that decides a scan. `Default` scans nothing; set [`ScanRequest::sources`].
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Table names, table locations, metadata files, Parquet files, folders or globs, all of one
    /// schema.
    pub sources: Vec<String>,
    /// Columns to return, in this order (`a.b` names a field of a struct); `None` means all.
    pub columns: Option<Vec<String>>,
    /// Equality on partition columns (identity partitions of a table, hive folders), as text.
    pub partition: Vec<(String, String)>,
    /// Rows of any of these partitions: each is an equality on partition columns, as
    /// [`ScanRequest::partition`]. Empty means that nothing is asked.
    pub any_partition: Vec<Vec<(String, String)>>,
    /// A condition in SQL's expression syntax.
    pub filter: Option<String>,
    /// Only these parts of the files that the scan would read, as [`Scan::files`] names them.
    /// `None` means all.
    ///
    /// [`Scan::files`]: crate::Scan::files
    pub parts: Option<Vec<FilePart>>,
    /// Stop after this many rows.
    pub limit_rows: Option<u64>,
    /// Which snapshot of an Iceberg table.
    pub snapshot: SnapshotSelector,
    /// Arrow layout of string and binary columns.
    pub string_layout: StringLayout,
    /// Map columns of files that carry no field ids by position when the table has no name
    /// mapping. Off by default: such files are refused, because position is only a guess.
    pub map_by_position: bool,
    /// Upper bound for the bytes that a streaming scan holds at once.
    pub max_memory_bytes: u64,
    /// Threads that decode; 0 means one per available core.
    pub threads: usize,
    /// Rows a batch at most.
    pub batch_rows: usize,
    /// How stores are reached: credentials, endpoint, connections.
    pub store: StoreConfig,
    /// Where table names are looked up.
    pub settings: Settings,
}

impl Default for ScanRequest {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            columns: None,
            partition: Vec::new(),
            any_partition: Vec::new(),
            filter: None,
            parts: None,
            limit_rows: None,
            snapshot: SnapshotSelector::Current,
            string_layout: StringLayout::default(),
            map_by_position: false,
            max_memory_bytes: DEFAULT_MAX_MEMORY_BYTES,
            threads: 0,
            batch_rows: 128 * 1024,
            store: StoreConfig::default(),
            settings: Settings::default(),
        }
    }
}

/// What a streaming scan may hold when nobody says.
pub(crate) const DEFAULT_MAX_MEMORY_BYTES: u64 = 4 << 30;

/// Where names of tables lead. Read from a TOML file and the environment by
/// [`Settings::load`]; every field can be set by hand.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder or URL below which `ns.table` is the folder `ns/table` or `ns.db/table`.
    pub warehouse: Option<String>,
    /// Further warehouses by name: `catalog.ns.table` looks in `catalogs.<catalog>`.
    pub catalogs: BTreeMap<String, CatalogSettings>,
}

/// One entry below `[catalogs]`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSettings {
    /// Folder or URL that holds the catalog's namespaces.
    pub warehouse: String,
}

impl Settings {
    /// The default place of the file: `$XDG_CONFIG_HOME/fastdata/config.toml`, or
    /// `~/.config/fastdata/config.toml` where that variable holds no absolute path.
    pub fn default_path() -> Option<PathBuf> {
        let base = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|base| base.is_absolute())
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
        Some(base.join("fastdata").join("config.toml"))
    }

    /// Reads `path` when it exists (an absent file is no error), then lets `FASTDATA_WAREHOUSE`
    /// override the warehouse.
    pub fn load(path: Option<PathBuf>) -> crate::Result<Self> {
        let mut settings = match path {
            Some(path) if path.exists() => parse_settings(&path)?,
            _ => Self::default(),
        };
        if let Ok(warehouse) = std::env::var("FASTDATA_WAREHOUSE")
            && !warehouse.is_empty()
        {
            settings.warehouse = Some(warehouse);
        }
        Ok(settings)
    }
}

fn parse_settings(path: &std::path::Path) -> crate::Result<Settings> {
    let text = std::fs::read_to_string(path).map_err(|source| {
        crate::Error::new(
            crate::ErrorKind::Io,
            format!("cannot read {}", path.display()),
        )
        .with_source(source)
    })?;
    toml::from_str(&text).map_err(|source| {
        crate::Error::invalid(format!("{}: {}", path.display(), source.message()))
    })
}
