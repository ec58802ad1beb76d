//! Writing, removing and asking about objects through `object_store`.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStoreExt, PutMode, PutPayload, UpdateVersion,
};

use super::transfer::Transfer;
use crate::{ErrorKind, ObjectStat, PutCondition, PutOptions, PutResult, Result};

pub(super) async fn put(
    transfer: &Transfer<'_>,
    bytes: Bytes,
    options: &PutOptions,
) -> Result<PutResult> {
    let _permit = transfer.permit().await;
    let mut attributes = Attributes::new();
    for (name, value) in &options.metadata {
        let name = name.to_ascii_lowercase().into();
        attributes.insert(Attribute::Metadata(name), value.clone().into());
    }
    if let Some(content_type) = &options.content_type {
        attributes.insert(Attribute::ContentType, content_type.clone().into());
    }
    let mode = match &options.condition {
        PutCondition::Always => PutMode::Overwrite,
        PutCondition::IfAbsent => PutMode::Create,
        PutCondition::IfMatch(etag) => PutMode::Update(UpdateVersion {
            e_tag: Some(etag.clone()),
            version: None,
        }),
    };
    let options = object_store::PutOptions {
        mode,
        attributes,
        ..Default::default()
    };
    let payload = PutPayload::from(bytes);
    let put = transfer.client.put_opts(&transfer.path, payload, options);
    match put.await {
        Ok(done) => Ok(PutResult { etag: done.e_tag }),
        Err(error) => Err(transfer.failures.explain("write", &transfer.object, error)),
    }
}

pub(super) async fn delete(transfer: &Transfer<'_>) -> Result<()> {
    let _permit = transfer.permit().await;
    match transfer.client.delete(&transfer.path).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let object = &transfer.object;
            let error = transfer.failures.explain("delete", object, error);
            // A missing bucket is not a missing object.
            let is_gone =
                error.kind() == ErrorKind::NotFound && !error.to_string().contains("NoSuchBucket");
            if is_gone { Ok(()) } else { Err(error) }
        }
    }
}

pub(super) async fn stat(transfer: &Transfer<'_>) -> Result<ObjectStat> {
    let options = GetOptions {
        head: true,
        ..GetOptions::default()
    };
    let result = transfer.open(options).await?.result;
    let mut metadata = BTreeMap::new();
    let mut content_type = None;
    for (attribute, value) in &result.attributes {
        match attribute {
            Attribute::Metadata(name) => {
                metadata.insert(name.to_string(), value.to_string());
            }
            Attribute::ContentType => content_type = Some(value.to_string()),
            _ => {}
        }
    }
    Ok(ObjectStat {
        location: transfer.object.clone(),
        size_bytes: result.meta.size,
        modified: Some(result.meta.last_modified.into()),
        etag: result.meta.e_tag,
        content_type,
        checksum: None,
        parts: None,
        metadata,
    })
}
