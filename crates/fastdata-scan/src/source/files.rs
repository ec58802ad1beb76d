//! Parquet files by name, folder or glob, and the values that hive-style folders carry.

use arrow_schema::DataType;
use fastdata_parquet::StringLayout;
use fastdata_store::{Location, ObjectMeta, Store};
use futures::{StreamExt, TryStreamExt};
use globset::GlobBuilder;

use super::is_local;
use crate::{Error, ErrorKind, Result};

/// How Hive writes null into a folder name.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A Parquet file to read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataPath {
    /// Where it is.
    pub(crate) location: Location,
    /// Its size where the listing told.
    pub(crate) size_bytes: Option<u64>,
    /// Columns that its folders name (`day=2026-01-15`), outermost first.
    pub(crate) hive: Vec<HiveValue>,
}

/// One `name=value` folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HiveValue {
    /// The column.
    pub(crate) name: String,
    /// Its value as text, `None` for Hive's null.
    pub(crate) value: Option<String>,
}

pub(super) fn has_parquet_ending(text: &str) -> bool {
    [".parquet", ".parq", ".pq"]
        .iter()
        .any(|ending| text.to_ascii_lowercase().ends_with(ending))
}

/// Whether `text` is a pattern: it has glob characters, and nothing has that very name.
pub(super) async fn is_glob(text: &str, location: &Location, store: &dyn Store) -> Result<bool> {
    if !text.contains(['*', '?', '[']) {
        return Ok(false);
    }
    if let Some(path) = location.local_path() {
        return Ok(!path.exists());
    }
    if store.list(location).next().await.transpose()?.is_some() {
        return Ok(false);
    }
    match store.size(location).await {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == fastdata_store::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether `location` is one file: a local file, or a remote key that ends as Parquet files do.
pub(super) fn is_single_file(location: &Location) -> bool {
    match location.local_path() {
        Some(path) => path.is_file(),
        None => has_parquet_ending(location.key()),
    }
}

pub(super) async fn single(location: Location, store: &dyn Store) -> Result<DataPath> {
    let size_bytes = match is_local(&location) {
        true => Some(store.size(&location).await?),
        // The first read tells the size of a remote object: no request of its own for that.
        false => None,
    };
    Ok(DataPath {
        location,
        size_bytes,
        hive: Vec::new(),
    })
}

/// Every Parquet file below `folder`. Names that begin with `_` or `.` are bookkeeping of the
/// writers and skipped, folders of that kind too.
pub(super) async fn folder(folder: &Location, store: &dyn Store) -> Result<Vec<DataPath>> {
    let found: Vec<ObjectMeta> = store.list(folder).try_collect().await?;
    let mut files: Vec<DataPath> = found
        .into_iter()
        .filter(|object| {
            let below = below(&object.location, folder);
            has_parquet_ending(below) && !below.split('/').any(|part| part.starts_with(['_', '.']))
        })
        .map(|object| with_hive(object, folder))
        .collect();
    sort(&mut files);
    if files.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("{folder} holds neither Iceberg metadata nor Parquet files"),
        ));
    }
    Ok(files)
}

/// Every file that the pattern matches. `*` stays within a folder, `**` does not.
pub(super) async fn glob(pattern: &Location, store: &dyn Store) -> Result<Vec<DataPath>> {
    let text = pattern.to_string();
    let matcher = GlobBuilder::new(&text)
        .literal_separator(true)
        .build()
        .map_err(|source| Error::invalid(format!("{text} is not a pattern: {source}")))?
        .compile_matcher();
    let fixed = text.split(['*', '?', '[']).next().unwrap_or_default();
    let root = fixed.rsplit_once('/').map_or("", |(root, _)| root);
    let root = Location::parse(if root.is_empty() { "/" } else { root })?;
    let found: Vec<ObjectMeta> = store.list(&root).try_collect().await?;
    let mut files: Vec<DataPath> = found
        .into_iter()
        .filter(|object| matcher.is_match(object.location.to_string()))
        .map(|object| with_hive(object, &root))
        .collect();
    sort(&mut files);
    if files.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("no file matches {text}"),
        ));
    }
    Ok(files)
}

/// By path: listings of different stores come in different orders.
fn sort(files: &mut [DataPath]) {
    files.sort_by(|a, b| a.location.key().cmp(b.location.key()));
}

fn below<'a>(location: &'a Location, root: &Location) -> &'a str {
    let key = location.key();
    key.strip_prefix(root.key())
        .unwrap_or(key)
        .trim_start_matches('/')
}

fn with_hive(object: ObjectMeta, root: &Location) -> DataPath {
    let below = below(&object.location, root);
    let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
    let hive = folders.split('/').filter_map(hive_value).collect();
    DataPath {
        location: object.location,
        size_bytes: Some(object.size_bytes),
        hive,
    }
}

fn hive_value(folder: &str) -> Option<HiveValue> {
    let (name, value) = folder.split_once('=')?;
    let value = (value != HIVE_NULL).then(|| unescape(value));
    (!name.is_empty()).then(|| HiveValue {
        name: unescape(name),
        value,
    })
}

/// Hive and Spark escape what a path cannot hold as `%XX`.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

/// The narrowest type that all values of one hive column have: whole numbers, dates, text.
pub(crate) fn hive_type<'a>(
    values: impl Iterator<Item = Option<&'a str>>,
    layout: StringLayout,
) -> DataType {
    let text = match layout {
        StringLayout::View => DataType::Utf8View,
        StringLayout::Offsets => DataType::Utf8,
        StringLayout::LargeOffsets => DataType::LargeUtf8,
    };
    let mut filled = values.flatten().peekable();
    if filled.peek().is_none() {
        return text;
    }
    let filled: Vec<&str> = filled.collect();
    let is_whole = |text: &&str| {
        // `007` is a name, not a number: reading it as 7 would lose what it says.
        text.parse::<i64>()
            .is_ok_and(|number| number.to_string() == **text)
    };
    let is_date = |text: &&str| {
        text.len() == 10
            && text
                .parse::<chrono::NaiveDate>()
                .is_ok_and(|date| date.to_string() == **text)
    };
    if filled.iter().all(is_whole) {
        DataType::Int64
    } else if filled.iter().all(is_date) {
        DataType::Date32
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hive_folders_are_unescaped() {
        let value = |folder| hive_value(folder).and_then(|hive| hive.value);
        assert_eq!(value("day=2026-01-15").as_deref(), Some("2026-01-15"));
        assert_eq!(value("name=a%2Fb%3D%"), Some("a/b=%".to_owned()));
        assert_eq!(hive_value(&format!("a={HIVE_NULL}")).unwrap().value, None);
        assert_eq!(hive_value("plain"), None);
    }

    #[test]
    fn hive_types_keep_what_the_text_says() {
        let of = |values: &[&str]| {
            hive_type(
                values.iter().map(|value| Some(*value)),
                StringLayout::Offsets,
            )
        };
        assert_eq!(of(&["1", "-20"]), DataType::Int64);
        assert_eq!(of(&["1", "007"]), DataType::Utf8);
        assert_eq!(of(&["2026-01-15"]), DataType::Date32);
        assert_eq!(of(&["2026-01-15", "x"]), DataType::Utf8);
        assert_eq!(
            hive_type([None, Some("3")].into_iter(), StringLayout::Offsets),
            DataType::Int64
        );
        assert_eq!(
            hive_type([None].into_iter(), StringLayout::Offsets),
            DataType::Utf8
        );
    }
}
