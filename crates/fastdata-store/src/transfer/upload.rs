//! Local files that become objects.

use std::path::{Path, PathBuf};

use crate::{Error, Location, Result};

/// One file and the object that it becomes.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) path: PathBuf,
    pub(super) object: Location,
    pub(super) bytes: u64,
}

/// The uploads that putting `source` at `destination` means: a file becomes the object, or one
/// below it when the destination ends with a slash; a folder's files go below the destination.
pub(super) fn plan(source: &str, destination: &Location) -> Result<Vec<Upload>> {
    let location = Location::parse(source)?;
    let Some(path) = location.local_path() else {
        return Err(Error::unsupported(format!(
            "{location} is not a local file: copies between stores are not supported"
        )));
    };
    let meta =
        std::fs::metadata(path).map_err(|error| super::download::io_error("read", path, error))?;
    if !meta.is_dir() {
        let is_folder = destination.key().is_empty() || destination.key().ends_with('/');
        let object = match is_folder {
            true => destination.join(location.file_name()),
            false => destination.clone(),
        };
        return Ok(vec![Upload {
            path: path.to_path_buf(),
            object,
            bytes: meta.len(),
        }]);
    }
    let mut uploads = Vec::new();
    for meta in futures::executor::block_on_stream(walk(&location)) {
        let meta = meta?;
        let relative = below(path, meta.location.local_path())?;
        uploads.push(Upload {
            path: path.join(&relative),
            object: destination.join(&relative),
            bytes: meta.size_bytes,
        });
    }
    Ok(uploads)
}

fn walk(folder: &Location) -> futures::stream::BoxStream<'static, Result<crate::ObjectMeta>> {
    crate::Store::list(&crate::local::LocalStore::default(), folder)
}

fn below(folder: &Path, path: Option<&Path>) -> Result<String> {
    let relative = path.and_then(|path| path.strip_prefix(folder).ok());
    match relative.and_then(Path::to_str) {
        Some(relative) => Ok(relative.to_owned()),
        None => Err(Error::unsupported(format!(
            "a name below {} is not UTF-8",
            folder.display()
        ))),
    }
}
