//! Tables by name.

use async_trait::async_trait;
use fastdata_store::{Location, Store};
use futures::StreamExt;

use crate::{Error, ErrorKind, Result, Settings};

/// A table's name: `ns.table`, `ns.inner.table`, `catalog.ns.table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// All parts, in order; at least two.
    pub parts: Vec<String>,
}

impl TableName {
    /// Splits at dots. A name has a namespace and a table at least.
    pub fn parse(text: &str) -> Result<Self> {
        // Between double quotes a dot is a part of the name.
        let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
        for sign in text.chars() {
            match sign {
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(std::mem::take(&mut part)),
                _ => part.push(sign),
            }
        }
        parts.push(part);
        if quoted || parts.len() < 2 || parts.iter().any(String::is_empty) {
            return Err(Error::invalid(format!(
                "`{text}` is not a table name (`ns.table` or `catalog.ns.table`)"
            )));
        }
        Ok(Self { parts })
    }

    fn shown(&self) -> String {
        self.parts.join(".")
    }
}

/// Finds the root folder of a table from its name.
///
/// # Contract
///
/// Implemented by warehouse folders here, by catalogs over a network later; called once a source.
/// `Ok(None)` means that the catalog has no such table; an unreachable catalog is an error.
#[async_trait]
pub trait Catalog: std::fmt::Debug + Send + Sync {
    /// The location that holds the table's `metadata/`.
    async fn locate(&self, name: &TableName, store: &dyn Store) -> Result<Option<Location>>;
}

/// A folder or bucket prefix that holds namespaces: `<root>/ns/table` or `<root>/ns.db/table`.
#[derive(Debug)]
struct Warehouse {
    root: Location,
}

#[async_trait]
impl Catalog for Warehouse {
    async fn locate(&self, name: &TableName, store: &dyn Store) -> Result<Option<Location>> {
        let Some((table, namespace)) = name.parts.split_last() else {
            return Ok(None);
        };
        let nested = namespace.join("/");
        // Hive-style warehouses add `.db` to the namespace.
        for folder in [nested.clone(), format!("{nested}.db"), namespace.join(".")] {
            let candidate = self.root.join(&folder).join(table);
            if holds_metadata(&candidate, store).await? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

async fn holds_metadata(root: &Location, store: &dyn Store) -> Result<bool> {
    match store.list(&root.join("metadata")).next().await {
        Some(Ok(_)) => Ok(true),
        Some(Err(error)) if error.kind() == fastdata_store::ErrorKind::NotFound => Ok(false),
        Some(Err(error)) => Err(error.into()),
        None => Ok(false),
    }
}

/// Looks `name` up: in the catalog that its first part names when the settings have one, in the
/// default warehouse otherwise.
pub(crate) async fn locate(
    name: &TableName,
    settings: &Settings,
    store: &dyn Store,
) -> Result<Location> {
    let mut tried = Vec::new();
    if let Some((first, rest)) = name.parts.split_first()
        && rest.len() >= 2
        && let Some(catalog) = settings.catalogs.get(first)
    {
        let warehouse = Warehouse {
            root: Location::parse(&catalog.warehouse)?,
        };
        let inner = TableName {
            parts: rest.to_vec(),
        };
        if let Some(found) = warehouse.locate(&inner, store).await? {
            return Ok(found);
        }
        tried.push(catalog.warehouse.clone());
    }
    if let Some(root) = &settings.warehouse {
        let warehouse = Warehouse {
            root: Location::parse(root)?,
        };
        if let Some(found) = warehouse.locate(name, store).await? {
            return Ok(found);
        }
        tried.push(root.clone());
    }
    let shown = name.shown();
    Err(Error::new(
        ErrorKind::NotFound,
        match tried.is_empty() {
            true => format!(
                "no file or folder is called {shown}, and no warehouse is configured to look the \
                 name up in (set FASTDATA_WAREHOUSE or `warehouse` in config.toml)"
            ),
            false => format!("no table {shown} in {}", tried.join(" or ")),
        },
    ))
}
