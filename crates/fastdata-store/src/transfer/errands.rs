//! What is to come, and where to: each path is one object's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::names::refusal;
use super::plan::Item;
use crate::{Location, Result};

/// Where an item goes.
pub(super) struct Errand {
    pub(super) item: Item,
    pub(super) path: Result<PathBuf>,
}

impl Errand {
    fn object(&self) -> &Location {
        &self.item.meta.location
    }

    fn path(&self) -> Option<&Path> {
        self.path.as_deref().ok()
    }
}

/// Whether the object stands for a folder and has nothing in it.
pub(super) fn is_marker(item: &Item) -> bool {
    item.meta.location.key().ends_with('/') && item.meta.size_bytes == 0
}

/// Refuses, before a byte comes, what would overwrite another object of the same run, and a file where
/// others need a folder; an object that was named twice comes once.
pub(super) fn refuse_collisions(errands: &mut Vec<Errand>) {
    let mut seen = BTreeSet::new();
    errands.retain(|errand| {
        let path = errand.path().map(Path::to_path_buf);
        path.is_none() || seen.insert((errand.object().clone(), path))
    });
    let folders = folders(errands);
    let mut owners: BTreeMap<PathBuf, Vec<Location>> = BTreeMap::new();
    for errand in errands.iter().filter(|errand| !is_marker(&errand.item)) {
        if let Some(path) = errand.path() {
            let owners = owners.entry(path.to_path_buf()).or_default();
            owners.push(errand.object().clone());
        }
    }
    for errand in errands.iter_mut().filter(|errand| !is_marker(&errand.item)) {
        let Some(path) = errand.path() else { continue };
        let object = errand.object();
        let mut others = owners[path].iter().filter(|owner| *owner != object);
        let why = if let Some(other) = others.next() {
            format!("{other} would be {} too", path.display())
        } else if folders.contains(path) {
            format!("{} is the folder of others", path.display())
        } else {
            continue;
        };
        errand.path = Err(refusal(object, &why));
    }
}

/// The folders that the paths lie in, and those that are made for markers.
fn folders(errands: &[Errand]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for errand in errands {
        let Some(path) = errand.path() else { continue };
        let own = usize::from(!is_marker(&errand.item));
        for folder in path.ancestors().skip(own) {
            if !folders.insert(folder.to_path_buf()) {
                break;
            }
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectMeta;

    fn errand(key: &str, path: &str, size_bytes: u64) -> Errand {
        let item = Item {
            meta: ObjectMeta {
                location: Location::parse(&format!("s3://lake/{key}")).unwrap(),
                size_bytes,
                modified: None,
                etag: None,
            },
            relative: String::new(),
            stat: None,
        };
        Errand {
            item,
            path: Ok(PathBuf::from(path)),
        }
    }

    /// The keys that may come, and what is said of the others.
    fn settled(mut errands: Vec<Errand>) -> (Vec<String>, Vec<String>) {
        refuse_collisions(&mut errands);
        let (mut come, mut refused) = (Vec::new(), Vec::new());
        for errand in errands {
            match errand.path {
                Ok(_) => come.push(errand.item.meta.location.key().to_owned()),
                Err(error) => refused.push(error.to_string()),
            }
        }
        (come, refused)
    }

    #[test]
    fn two_objects_of_one_name_are_both_refused() {
        let (come, refused) = settled(vec![
            errand("x/f", "/d/f", 1),
            errand("y/f", "/d/f", 2),
            errand("y/g", "/d/g", 3),
        ]);
        assert_eq!(come, ["y/g"]);
        assert_eq!(refused.len(), 2);
        assert!(
            refused[0].contains("s3://lake/y/f would be /d/f too"),
            "{refused:?}"
        );
        assert!(
            refused[1].contains("s3://lake/x/f would be /d/f too"),
            "{refused:?}"
        );
    }

    #[test]
    fn an_object_named_twice_comes_once() {
        let (come, refused) = settled(vec![errand("x/f", "/d/f", 1), errand("x/f", "/d/f", 1)]);
        assert_eq!(
            (come.as_slice(), refused.len()),
            (["x/f".to_owned()].as_slice(), 0)
        );
    }

    #[test]
    fn a_file_where_others_need_a_folder_is_refused() {
        let (come, refused) = settled(vec![
            errand("a", "/d/a", 1),
            errand("a/b/c", "/d/a/b/c", 1),
            errand("m", "/d/m", 1),
            errand("m/", "/d/m", 0),
            errand("ab", "/d/ab", 1),
        ]);
        assert_eq!(come, ["a/b/c", "m/", "ab"]);
        assert!(
            refused[0].contains("/d/a is the folder of others"),
            "{refused:?}"
        );
        assert!(
            refused[1].contains("/d/m is the folder of others"),
            "{refused:?}"
        );
    }

    #[test]
    fn markers_of_one_folder_are_no_collision() {
        let (come, refused) = settled(vec![errand("x/s/", "/d/s", 0), errand("y/s/", "/d/s", 0)]);
        assert_eq!((come.len(), refused.len()), (2, 0));
    }
}
