//! From what the user named to what is read: a table's metadata, or a list of Parquet files.

mod catalog;
mod files;
mod table;

pub use catalog::{Catalog, TableName};
pub(crate) use files::{DataPath, hive_type};
pub(crate) use table::{METADATA_BYTES_MAX, TableSource};

use fastdata_store::{Location, Scheme, Store};

use crate::{Error, ErrorKind, Result, ScanRequest};

/// A resolved source.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// An Iceberg table.
    Table(TableSource),
    /// Parquet files of one schema.
    Files(Vec<DataPath>),
}

/// Resolves every source of `request`. Tables do not mix with anything else.
pub(crate) async fn resolve(request: &ScanRequest, store: &dyn Store) -> Result<Source> {
    let mut files = Vec::new();
    let mut tables = Vec::new();
    for text in &request.sources {
        match resolve_one(text, request, store).await? {
            Source::Table(table) => tables.push(table),
            Source::Files(found) => files.extend(found),
        }
    }
    match (tables.len(), files.is_empty()) {
        (0, true) => Err(Error::invalid("no source was named")),
        (0, false) => Ok(Source::Files(files)),
        (1, true) => Ok(Source::Table(tables.swap_remove(0))),
        _ => Err(Error::invalid(
            "an Iceberg table cannot be scanned together with other sources; scan them one by one",
        )),
    }
}

async fn resolve_one(text: &str, request: &ScanRequest, store: &dyn Store) -> Result<Source> {
    if text.is_empty() {
        return Err(Error::invalid("an empty source was named"));
    }
    if is_metadata_file(text) {
        let file = Location::parse(text)?;
        return table::open_metadata_file(file, store)
            .await
            .map(Source::Table);
    }
    if looks_like_name(text) {
        let name = TableName::parse(text)?;
        let root = catalog::locate(&name, &request.settings, store).await?;
        return table::open(&root, store)
            .await?
            .map(Source::Table)
            .ok_or_else(|| not_a_table(&root));
    }
    // What is left of `s3://` without its slashes would be the name of a local folder.
    let trimmed = match text.ends_with("://") {
        true => text,
        false => text.trim_end_matches('/'),
    };
    let location = Location::parse(trimmed)?;
    if files::is_glob(text, &location, store).await? {
        return files::glob(&location, store).await.map(Source::Files);
    }
    if files::is_single_file(&location) {
        return files::single(location, store)
            .await
            .map(|file| Source::Files(vec![file]));
    }
    if let Some(table) = table::open(&location, store).await? {
        return Ok(Source::Table(table));
    }
    files::folder(&location, store).await.map(Source::Files)
}

/// `v3.metadata.json`, also with the suffix of a codec before or behind.
fn is_metadata_file(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or(text);
    [".metadata.json", ".metadata.json.gz", ".metadata.json.zst"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
}

/// Whether `text` is `ns.table` rather than a place: parts joined by dots, no separator, no
/// scheme, no Parquet ending, and nothing of that name on disk.
fn looks_like_name(text: &str) -> bool {
    let parts_filled = text.contains('.') && text.split('.').all(|part| !part.is_empty());
    parts_filled
        && !text.contains(['/', '\\', ':'])
        && !outside_quotes(text).any(|part| part.contains(['*', '?', '[']))
        && !files::has_parquet_ending(text)
        && !std::path::Path::new(text).exists()
}

/// What of `text` is not between double quotes, in which a name may have any sign.
fn outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').step_by(2)
}

fn not_a_table(root: &Location) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("{root} holds no Iceberg metadata"),
    )
}

/// Whether objects at `location` are files of this machine.
pub(crate) fn is_local(location: &Location) -> bool {
    location.scheme() == Scheme::Local
}

#[cfg(test)]
mod tests {
    use super::looks_like_name;

    #[test]
    fn signs_of_a_glob_are_part_of_a_quoted_name() {
        for name in [
            "ns.table",
            "a.b.c",
            r#"ns."odd name +%25#é&=?""#,
            r#"ns."a[1]*""#,
        ] {
            assert!(looks_like_name(name), "{name}");
        }
        for place in [
            "data/*.parquet",
            "ns.t?ble",
            "part-[0-9].csv",
            "s3://lake/x.y",
            "a.parquet",
        ] {
            assert!(!looks_like_name(place), "{place}");
        }
    }
}
