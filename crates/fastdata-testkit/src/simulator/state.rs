//! What the simulator holds: buckets, objects, uploads in parts, faults and counters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::content::{Content, Object, Version};
use super::faults::{Operation, Plan};

/// Everything that requests change.
#[derive(Debug)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, BTreeMap<String, Version>>,
    /// Of buckets that keep versions: all of each key, the oldest first.
    pub(super) versions: BTreeMap<String, BTreeMap<String, Vec<Version>>>,
    pub(super) versions_made: u64,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) uploads_begun: u64,
    pub(super) plan: Plan,
    pub(super) requests: BTreeMap<&'static str, u64>,
    pub(super) body_bytes_sent: u64,
    /// Status and code for requests that are signed for another region, where they are not those of AWS.
    pub(super) wrong_region: Option<(u16, String)>,
    /// The most keys on a page of a listing, where it is not what S3 has.
    pub(super) page_keys: Option<usize>,
    /// The most parts on a page of what is known about an object.
    pub(super) page_parts: usize,
}

/// An upload in parts that is not an object yet.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) begun: SystemTime,
    pub(super) headers: Vec<(String, String)>,
    /// ETag and bytes by number.
    pub(super) parts: BTreeMap<u32, (String, Bytes)>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for State {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            versions: BTreeMap::new(),
            versions_made: 0,
            uploads: BTreeMap::new(),
            uploads_begun: 0,
            plan: Plan::default(),
            requests: BTreeMap::new(),
            body_bytes_sent: 0,
            wrong_region: None,
            page_keys: None,
            page_parts: 1000,
        }
    }
}

impl State {
    pub(super) fn count(&mut self, operation: Operation) {
        let name = match operation {
            Operation::Get => "get",
            Operation::Head => "head",
            Operation::Attributes => "attributes",
            Operation::Put => "put",
            Operation::Delete => "delete",
            Operation::List => "list",
            Operation::CreateUpload => "create_upload",
            Operation::PutPart => "put_part",
            Operation::CompleteUpload => "complete_upload",
            Operation::AbortUpload => "abort_upload",
        };
        *self.requests.entry(name).or_default() += 1;
    }

    /// Begins an upload in parts; its id.
    pub(super) fn begin_upload(
        &mut self,
        bucket: &str,
        key: &str,
        headers: Vec<(String, String)>,
    ) -> String {
        self.uploads_begun += 1;
        let id = format!("upload-{}", self.uploads_begun);
        let upload = Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            begun: SystemTime::now(),
            headers,
            parts: BTreeMap::new(),
        };
        self.uploads.insert(id.clone(), upload);
        id
    }

    /// Stores a new version and returns it.
    pub(super) fn store(
        &mut self,
        bucket: &str,
        key: &str,
        content: Content,
        headers: &[(String, String)],
    ) -> Version {
        let metadata = headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-amz-meta-"))
            .cloned()
            .collect();
        let checksum = headers
            .iter()
            .find(|(name, _)| super::checksum::is_checksum(name))
            .cloned()
            .or_else(|| super::checksum::default_of(&content));
        let content_type = headers.iter().find(|(name, _)| name == "content-type");
        let version_id = self.versions.contains_key(bucket).then(|| {
            self.versions_made += 1;
            format!("version-{}", self.versions_made)
        });
        // The headers belong to the identity: S3 gives equal content equal ETags, and so do we.
        let object = Arc::new(Object {
            etag: content.etag(),
            version_id,
            content,
            modified: SystemTime::now(),
            metadata,
            content_type: content_type.map(|(_, value)| value.clone()),
            checksum,
            parts: Vec::new(),
        });
        let objects = self.buckets.entry(bucket.to_owned()).or_default();
        objects.insert(key.to_owned(), Arc::clone(&object));
        if let Some(kept) = self.versions.get_mut(bucket) {
            let kept = kept.entry(key.to_owned()).or_default();
            kept.push(Arc::clone(&object));
        }
        object
    }

    /// The object that a request names: as it is, or as it was in the given version.
    pub(super) fn find(&self, bucket: &str, key: &str, version: Option<&str>) -> Option<&Version> {
        let Some(version) = version else {
            return self.buckets.get(bucket)?.get(key);
        };
        let kept = self.versions.get(bucket)?.get(key)?;
        kept.iter()
            .find(|object| object.version_id.as_deref() == Some(version))
    }

    /// Deletes the object, or one of its versions for good: then the one before it is the object.
    pub(super) fn delete(&mut self, bucket: &str, key: &str, version: Option<&str>) {
        let Some(objects) = self.buckets.get_mut(bucket) else {
            return;
        };
        let Some(version) = version else {
            objects.remove(key);
            return;
        };
        let of_bucket = self.versions.get_mut(bucket);
        let Some(kept) = of_bucket.and_then(|of_bucket| of_bucket.get_mut(key)) else {
            return;
        };
        let is_it = |object: &Version| object.version_id.as_deref() == Some(version);
        kept.retain(|object| !is_it(object));
        if objects.get(key).is_some_and(is_it) {
            match kept.last() {
                Some(before) => objects.insert(key.to_owned(), Arc::clone(before)),
                None => objects.remove(key),
            };
        }
    }
}
