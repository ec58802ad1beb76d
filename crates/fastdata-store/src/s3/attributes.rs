//! The parts in which an object was written, where it has only checksums of theirs.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::client::{Client, Request};
use super::xml;
use crate::checksum::Digest;
use crate::{Checksum, Location, ObjectStat, StoredPart, StoredParts};

/// S3 allows 10,000 parts, a thousand on a page.
const PAGES_MAX: usize = 11;

/// The parts behind `told`, the checksum of an upload in parts. `None` where the store does not say them, or
/// says others: then there is nothing to compare with.
pub(super) async fn parts(
    client: &Client,
    object: &Location,
    stat: &ObjectStat,
    told: Checksum,
) -> Option<StoredParts> {
    let tag = format!("Checksum{}", told.algorithm.name().to_uppercase());
    let mut parts: Vec<StoredPart> = Vec::new();
    for _ in 0..PAGES_MAX {
        let text = page(client, object, parts.len()).await?;
        let before = parts.len();
        for part in xml::elements(&text, "Part") {
            let bytes = xml::text(part, "Size")?.parse().ok()?;
            let value = xml::text(part, &tag)?;
            let algorithm = told.algorithm;
            let checksum = Checksum { algorithm, value };
            parts.push(StoredPart { bytes, checksum });
        }
        let is_more = xml::text(&text, "IsTruncated").as_deref() == Some("true");
        if !is_more || parts.len() == before {
            break;
        }
    }
    let total = parts.iter().map(|part| part.bytes).sum::<u64>();
    let is_all = total == stat.size_bytes && of_all(&told, &parts)? == told.value;
    is_all.then_some(StoredParts {
        checksum: told,
        parts,
    })
}

/// One page of parts, behind the first `behind`.
async fn page(client: &Client, object: &Location, behind: usize) -> Option<String> {
    let mut effort = client.effort();
    let mut headers = vec![(
        "x-amz-object-attributes".to_owned(),
        "ObjectParts".to_owned(),
    )];
    if behind > 0 {
        let marker = "x-amz-part-number-marker".to_owned();
        headers.push((marker, behind.to_string()));
    }
    let request = Request {
        method: "GET",
        key: object.key(),
        query: vec![("attributes", String::new())],
        headers,
        ..Request::default()
    };
    let (_, body) = client.document(&request, &mut effort).await.ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}

/// The checksum of the checksums, as S3 makes it.
fn of_all(told: &Checksum, parts: &[StoredPart]) -> Option<String> {
    let mut digest = Digest::new(told.algorithm);
    for part in parts {
        digest.update(&BASE64_STANDARD.decode(&part.checksum.value).ok()?);
    }
    Some(format!("{}-{}", digest.finish().value, parts.len()))
}
