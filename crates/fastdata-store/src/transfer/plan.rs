//! What is to be moved: the objects that a source names, each with its name below that source.

use futures::TryStreamExt;

use super::names::{folder_of_pattern, is_pattern, matches};
use crate::{Error, ErrorKind, Location, ObjectMeta, ObjectStat, Result, Scheme, Store};

/// One object and what it is called below its source.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) meta: ObjectMeta,
    pub(super) relative: String,
    /// All that is known, when it was asked for by its name.
    pub(super) stat: Option<ObjectStat>,
}

/// What a source turned out to be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    /// One object, by its own name.
    pub(super) is_single: bool,
}

/// The objects that `text` names: an object, everything below a folder, or a pattern.
pub(super) async fn find(store: &dyn Store, text: &str) -> Result<Found> {
    let location = Location::parse(text)?;
    let is_folder = location.key().is_empty() || location.key().ends_with('/');
    let mut missing = None;
    if !is_folder {
        match store.stat(&location).await {
            Ok(stat) => {
                let item = Item {
                    relative: location.file_name().to_owned(),
                    meta: ObjectMeta {
                        location,
                        size_bytes: stat.size_bytes,
                        modified: stat.modified,
                        etag: stat.etag.clone(),
                    },
                    stat: Some(stat),
                };
                return Ok(Found {
                    items: vec![item],
                    is_single: true,
                });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    let items = match is_pattern(location.key()) {
        true => of_pattern(store, &location).await?,
        false => below(store, &location).await?,
    };
    match missing {
        Some(error) if items.is_empty() => Err(error),
        _ => Ok(Found {
            items,
            is_single: false,
        }),
    }
}

async fn of_pattern(store: &dyn Store, pattern: &Location) -> Result<Vec<Item>> {
    let folder = folder_of_pattern(pattern);
    let items = below(store, &folder).await?;
    let fits = |item: &Item| matches(pattern.key(), item.meta.location.key());
    Ok(items.into_iter().filter(fits).collect())
}

/// Everything below a folder.
pub(super) async fn below(store: &dyn Store, folder: &Location) -> Result<Vec<Item>> {
    let key = folder.key();
    let prefix = match key.strip_suffix('/').unwrap_or(key) {
        "" if folder.scheme() == Scheme::Local => "/".to_owned(),
        "" => String::new(),
        key => format!("{key}/"),
    };
    let listed: Vec<ObjectMeta> = store.list(folder).try_collect().await?;
    let item = |meta: ObjectMeta| match meta.location.key().strip_prefix(&prefix) {
        Some(relative) => Ok(Item {
            relative: relative.to_owned(),
            meta,
            stat: None,
        }),
        None => Err(Error::new(
            ErrorKind::Protocol,
            format!("{} was listed below {folder}", meta.location),
        )),
    };
    listed.into_iter().map(item).collect()
}
