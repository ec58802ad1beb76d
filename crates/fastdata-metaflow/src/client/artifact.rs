//! An artifact, whose bytes are brought when they are asked for.

use std::sync::Arc;

use bytes::Bytes;
use fastdata_cas::Key;
use serde::de::DeserializeOwned;

use crate::datastore::Datastore;
use crate::layout::TaskPath;
use crate::pickle::{self, Limits, Value};
use crate::records::ArtifactInfo;
use crate::write::SavedArtifact;
use crate::{Error, ErrorKind, Result};

/// An artifact of a task.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub(super) datastore: Arc<Datastore>,
    pub(super) task: TaskPath,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) info: ArtifactInfo,
}

/// How Metaflow has called its pickles.
const ENCODINGS: [&str; 4] = ["pickle-v2", "pickle-v4", "gzip+pickle-v2", "gzip+pickle-v4"];

impl Artifact {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The task that saved it or passed it on.
    pub fn task(&self) -> &TaskPath {
        &self.task
    }

    /// The key of its pickle: equal keys, equal contents.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Bytes of its pickle.
    pub fn size_bytes(&self) -> u64 {
        self.info.size
    }

    /// Its type as Python prints it: `<class 'int'>`.
    pub fn python_type(&self) -> &str {
        &self.info.python_type
    }

    /// The name of its type alone: `int`.
    pub fn type_name(&self) -> &str {
        let name = self.info.python_type.strip_prefix("<class '");
        name.and_then(|name| name.strip_suffix("'>"))
            .unwrap_or(&self.info.python_type)
    }

    /// Whether it is Metaflow's own and not the flow's.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with('_')
    }

    /// What another task needs to pass it on.
    pub fn saved(&self) -> SavedArtifact {
        SavedArtifact {
            key: self.key.clone(),
            info: self.info.clone(),
        }
    }

    /// Its pickle.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it was collected,
    /// [`Corrupt`](ErrorKind::Corrupt) when it is not what was saved, and those of reading.
    pub fn bytes(&self) -> Result<Bytes> {
        let context = |error: Error| error.at(format!("artifact {}/{}", self.task, self.name));
        let key: Key = self
            .key
            .parse()
            .map_err(fastdata_cas::Error::from)
            .map_err(Error::from)
            .map_err(context)?;
        let blobs = self.datastore.blobs(&self.task.flow)?;
        blobs.load(&key).map_err(|error| context(error.into()))
    }

    fn pickle(&self) -> Result<Bytes> {
        match self.info.encoding.as_deref() {
            Some(other) if !ENCODINGS.contains(&other) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "artifact {}/{} is encoded as {other:?}, not as a pickle",
                    self.task, self.name
                ),
            )),
            _ => self.bytes(),
        }
    }

    /// Its value, as data.
    ///
    /// # Errors
    /// As [`Artifact::bytes`], those of [`pickle::read`], and
    /// [`Unsupported`](ErrorKind::Unsupported) for what is no pickle.
    pub fn value(&self) -> Result<Value> {
        let value = pickle::read_bytes(&self.pickle()?, &Limits::default());
        value.map_err(|error| error.at(format!("artifact {}/{}", self.task, self.name)))
    }

    /// Its value as a type.
    ///
    /// # Errors
    /// As [`Artifact::value`], and [`InvalidArgument`](ErrorKind::InvalidArgument) for a value of
    /// another shape.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T> {
        let loaded = pickle::from_value(self.value()?);
        loaded.map_err(|error| error.at(format!("artifact {}/{}", self.task, self.name)))
    }
}
