//! The metadata of an Iceberg table, found from its folder or named by the user.

use std::sync::Arc;

use fastdata_iceberg::{Limits, TableMetadata, choose_metadata_file};
use fastdata_store::{Location, Store};
use futures::TryStreamExt;

use crate::Result;

/// Largest metadata file, manifest or manifest list read.
pub(crate) const METADATA_BYTES_MAX: u64 = 256 << 20;
/// Version hints are a number or a name.
const HINT_BYTES_MAX: u64 = 4 << 10;

/// An opened table.
#[derive(Debug, Clone)]
pub(crate) struct TableSource {
    /// The folder that the user named: paths below the recorded location resolve against it.
    pub(crate) root: Location,
    /// The metadata file in use.
    pub(crate) metadata_file: Location,
    /// What it says.
    pub(crate) metadata: Arc<TableMetadata>,
}

/// Opens the table at `root`; `None` when there is no `metadata/` with a metadata file in it.
pub(super) async fn open(root: &Location, store: &dyn Store) -> Result<Option<TableSource>> {
    let folder = root.join("metadata");
    let listed: Vec<_> = match store.list(&folder).try_collect::<Vec<_>>().await {
        Ok(listed) => listed,
        Err(error) if error.kind() == fastdata_store::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let prefix = format!("{}/", folder.key());
    let names: Vec<String> = listed
        .iter()
        .filter_map(|object| object.location.key().strip_prefix(&prefix))
        .filter(|name| !name.contains('/'))
        .map(str::to_owned)
        .collect();
    if !names.iter().any(|name| name.contains(".metadata.json")) {
        return Ok(None);
    }
    let hint = names
        .iter()
        .find(|name| matches!(name.as_str(), "version-hint.text" | "version-hint.txt"));
    let hint = match hint {
        Some(name) => Some(store.read(&folder.join(name), HINT_BYTES_MAX).await?),
        None => None,
    };
    let chosen = choose_metadata_file(&names, hint.as_deref())?;
    load(root.clone(), folder.join(&chosen), store)
        .await
        .map(Some)
}

/// Opens the table whose metadata file the user named.
pub(super) async fn open_metadata_file(file: Location, store: &dyn Store) -> Result<TableSource> {
    let folder = file.parent().unwrap_or_else(|| file.clone());
    let root = match folder.file_name() {
        "metadata" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    load(root, file, store).await
}

async fn load(root: Location, metadata_file: Location, store: &dyn Store) -> Result<TableSource> {
    let bytes = store.read(&metadata_file, METADATA_BYTES_MAX).await?;
    let metadata = TableMetadata::parse(&bytes, &Limits::default())
        .map_err(|source| crate::Error::from(source).at(&metadata_file))?;
    Ok(TableSource {
        root,
        metadata_file,
        metadata: Arc::new(metadata),
    })
}
