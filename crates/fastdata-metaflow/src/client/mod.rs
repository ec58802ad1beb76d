//! Reading runs, whoever wrote them.
//!
//! What counts of a task is its attempt that was started last, and that one only when it is done.

mod artifact;
mod follow;
mod run;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fastdata_store::StoreConfig;

pub use artifact::Artifact;
pub use follow::Follower;
pub use run::{Run, State, Step};
pub use task::{Attempt, Stream, Task};

use crate::datastore::{Datastore, DatastoreOptions};
use crate::layout::{PathSpec, TaskPath};
use crate::metadata::Metadata;
use crate::records::SelfRecord;
use crate::{Error, Result};

/// The runs of a datastore.
///
/// ```
/// use fastdata_metaflow::Client;
/// use fastdata_store::StoreConfig;
///
/// let folder = tempfile::tempdir()?;
/// let client = Client::open(folder.path().to_str().ok_or("not UTF-8")?, StoreConfig::default())?;
/// assert!(client.flows()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    datastore: Arc<Datastore>,
    metadata: Arc<Metadata>,
    /// Datastores that tasks name, where they are not the one above.
    others: Mutex<HashMap<String, Arc<Datastore>>>,
}

/// A flow: a name and its runs.
#[derive(Debug, Clone)]
pub struct Flow {
    client: Client,
    name: String,
}

/// A time that is one: records from outside may hold any number, with which nobody could count.
fn plausible_ms(ms: i64) -> Option<i64> {
    const YEAR_10000_MS: i64 = 253_402_300_800_000;
    (1..YEAR_10000_MS).contains(&ms).then_some(ms)
}

impl Client {
    /// The runs of a datastore whose metadata lies in files beside it.
    ///
    /// # Errors
    /// Those of [`Datastore::open`].
    pub fn open(root: &str, store: StoreConfig) -> Result<Self> {
        let datastore = Arc::new(Datastore::open(root, store)?);
        let metadata = Arc::new(Metadata::files(Arc::clone(&datastore)));
        Ok(Self::new(datastore, metadata))
    }

    /// The runs that `metadata` knows; artifacts are in `datastore` unless tasks name another one.
    pub fn new(datastore: Arc<Datastore>, metadata: Arc<Metadata>) -> Self {
        Self(Arc::new(Inner {
            datastore,
            metadata,
            others: Mutex::default(),
        }))
    }

    /// Where artifacts are looked for.
    pub fn datastore(&self) -> &Arc<Datastore> {
        &self.0.datastore
    }

    /// Who is asked for runs.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.0.metadata
    }

    /// Every flow, by name.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn flows(&self) -> Result<Vec<Flow>> {
        let mut names = self.0.metadata.flows()?;
        names.sort_unstable();
        Ok(names
            .into_iter()
            .map(|name| self.flow_unchecked(name))
            .collect())
    }

    /// A flow, which may have no runs.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is no name.
    pub fn flow(&self, name: &str) -> Result<Flow> {
        crate::layout::check_name(name)?;
        Ok(self.flow_unchecked(name.to_owned()))
    }

    fn flow_unchecked(&self, name: String) -> Flow {
        Flow {
            client: self.clone(),
            name,
        }
    }

    /// The run that a path names, or the newest one where it names only the flow.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and those of reading.
    pub fn run(&self, path: &PathSpec) -> Result<Run> {
        let flow = self.flow(path.flow())?;
        match path.run() {
            Some(run) => flow.run(run),
            None => {
                let latest = flow.latest_run()?;
                latest.ok_or_else(|| Error::missing(format!("no run of flow {}", path.flow())))
            }
        }
    }

    /// A task.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and those of reading.
    pub fn task(&self, path: &TaskPath) -> Result<Task> {
        let tasks = self.0.metadata.tasks(&path.flow, &path.run, &path.step)?;
        let found = tasks
            .into_iter()
            .find(|task| task.record.task() == Some(&path.task));
        let found = found.ok_or_else(|| Error::missing(format!("no task {path}")))?;
        Ok(Task::new(self.clone(), path.clone(), found))
    }

    /// The datastore that a task or an artifact names. A local one is taken for that of the client:
    /// it may have been moved or copied.
    fn datastore_at(&self, kind: &str, root: &str) -> Result<Arc<Datastore>> {
        let own = &self.0.datastore;
        if kind.is_empty()
            || root.is_empty()
            || root == own.root()
            || (kind == "local" && own.kind() == "local")
        {
            return Ok(Arc::clone(own));
        }
        let mut others = self.0.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = others.get(root) {
            return Ok(Arc::clone(found));
        }
        let options = DatastoreOptions::clone(own.options());
        let opened = Arc::new(Datastore::open_with(root, options)?);
        others.insert(root.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }
}

impl Flow {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its runs, the newest first.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn runs(&self) -> Result<Vec<Run>> {
        let runs = self.client.metadata().runs(&self.name)?.into_iter();
        Ok(runs.filter_map(|record| self.of(record)).collect())
    }

    fn of(&self, record: SelfRecord) -> Option<Run> {
        Run::new(self.client.clone(), self.name.clone(), record)
    }

    /// One run.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and those of reading.
    pub fn run(&self, id: &str) -> Result<Run> {
        let record = self.client.metadata().run(&self.name, id)?;
        let run = record.and_then(|record| self.of(record));
        run.ok_or_else(|| Error::missing(format!("no run {}/{id}", self.name)))
    }

    /// The run that was begun last, if there is one.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn latest_run(&self) -> Result<Option<Run>> {
        Ok(self.runs()?.into_iter().next())
    }
}
