//! ListObjectsV2 and ListMultipartUploads.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use super::answer::{Answer, escape};
use super::content::Version;
use super::request::Request;
use super::signature::encode;
use super::state::Upload;

/// As S3 has it.
pub(super) const KEYS_MAX: usize = 1000;

pub(super) fn answer(
    objects: &BTreeMap<String, Version>,
    request: &Request,
    page_keys: usize,
) -> Answer {
    let argument = |name| request.argument(name).unwrap_or_default();
    let (prefix, delimiter) = (argument("prefix"), argument("delimiter"));
    let keys_max = argument("max-keys")
        .parse()
        .unwrap_or(page_keys)
        .min(page_keys);
    let is_encoded = argument("encoding-type") == "url";
    let text_of = |key: &str| match is_encoded {
        true => encode(key.as_bytes(), true),
        false => escape(key),
    };
    // The token is the last key, in hex so that nobody takes it for one.
    let token = argument("continuation-token");
    let behind = match token {
        "" => argument("start-after").to_owned(),
        token => unhex(token),
    };
    let start = start_of(prefix, &behind);
    let mut rows = String::new();
    let (mut count, mut last, mut next) = (0, String::new(), None);
    let mut folders: Vec<String> = Vec::new();
    for (key, object) in objects.range::<str, _>((start, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(prefix) else {
            break;
        };
        let folder = folder_of(prefix, rest, delimiter);
        if let Some(folder) = &folder
            && (folders.last() == Some(folder) || behind.starts_with(folder.as_str()))
        {
            last.clone_from(key);
            continue;
        }
        if count == keys_max {
            next = Some(hex(&last));
            break;
        }
        count += 1;
        last.clone_from(key);
        match folder {
            Some(folder) => folders.push(folder),
            None => rows.push_str(&row(&text_of(key), object)),
        }
    }
    let folders = folders
        .iter()
        .map(|folder| in_tags("Prefix", &text_of(folder)));
    rows.extend(folders.map(|folder| in_tags("CommonPrefixes", &folder)));
    let encoding = match is_encoded {
        true => in_tags("EncodingType", "url"),
        false => String::new(),
    };
    let token = next.as_ref();
    let token = token.map_or(String::new(), |token| {
        in_tags("NextContinuationToken", token)
    });
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Prefix>{}</Prefix>\
         {encoding}<KeyCount>{count}</KeyCount><MaxKeys>{keys_max}</MaxKeys>\
         <IsTruncated>{}</IsTruncated>{token}{rows}</ListBucketResult>",
        text_of(prefix),
        next.is_some()
    );
    Answer::text(200, text).with("content-type", "application/xml")
}

/// A page without a key; the listing goes on where this page would have begun.
pub(super) fn empty(request: &Request) -> Answer {
    let behind = match request.argument("continuation-token") {
        Some(token) => unhex(token),
        None => request
            .argument("start-after")
            .unwrap_or_default()
            .to_owned(),
    };
    // Nothing sorts between the two, and the token is another one.
    let token = hex(&(behind + "\0"));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><KeyCount>0</KeyCount>\
         <IsTruncated>true</IsTruncated>{}</ListBucketResult>",
        in_tags("NextContinuationToken", &token)
    );
    Answer::text(200, text).with("content-type", "application/xml")
}

/// The uploads of a bucket that are open, by key and then by id.
pub(super) fn uploads(
    uploads: &BTreeMap<String, Upload>,
    request: &Request,
    page_keys: usize,
) -> Answer {
    let argument = |name| request.argument(name).unwrap_or_default();
    let (bucket, _) = request.target();
    let behind = (argument("key-marker"), argument("upload-id-marker"));
    let mut found: Vec<(&str, &str, &Upload)> = uploads
        .iter()
        .filter(|(_, upload)| upload.bucket == bucket)
        .filter(|(_, upload)| upload.key.starts_with(argument("prefix")))
        .map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload))
        .filter(|(key, id, _)| (*key, *id) > behind)
        .collect();
    found.sort_by_key(|(key, id, _)| (*key, *id));
    let is_truncated = found.len() > page_keys;
    found.truncate(page_keys);
    let encoded = |key: &str| encode(key.as_bytes(), true);
    let mut text = format!(
        "<ListMultipartUploadsResult><Bucket>{bucket}</Bucket><EncodingType>url</EncodingType>\
         <IsTruncated>{is_truncated}</IsTruncated>"
    );
    if let (true, Some((key, id, _))) = (is_truncated, found.last()) {
        text += &in_tags("NextKeyMarker", &encoded(key));
        text += &in_tags("NextUploadIdMarker", id);
    }
    for (key, id, upload) in found {
        let begun = iso(upload.begun);
        text += &format!(
            "<Upload><Key>{}</Key><UploadId>{id}</UploadId><Initiated>{begun}</Initiated></Upload>",
            encoded(key)
        );
    }
    text += "</ListMultipartUploadsResult>";
    Answer::text(200, text).with("content-type", "application/xml")
}

/// The folder that a key shares with others: its prefix, and `rest` up to the delimiter.
fn folder_of(prefix: &str, rest: &str, delimiter: &str) -> Option<String> {
    let end = rest.find(delimiter).filter(|_| !delimiter.is_empty())? + delimiter.len();
    Some(format!("{prefix}{}", &rest[..end]))
}

fn in_tags(name: &str, text: &str) -> String {
    format!("<{name}>{text}</{name}>")
}

/// Where a page begins: at the prefix, or behind the last key of the page before.
fn start_of<'a>(prefix: &'a str, behind: &'a str) -> Bound<&'a str> {
    if behind.is_empty() || behind < prefix {
        Bound::Included(prefix)
    } else {
        Bound::Excluded(behind)
    }
}

fn row(key: &str, object: &Version) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>{}</ETag>\
         <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
        iso(object.modified),
        escape(&object.etag),
        object.content.len()
    )
}

fn iso(time: SystemTime) -> String {
    let time = chrono::DateTime::<chrono::Utc>::from(time);
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn hex(text: &str) -> String {
    super::content::hex(text.as_bytes())
}

fn unhex(text: &str) -> String {
    let bytes = (0..text.len() / 2).filter_map(|at| {
        let two = text.get(2 * at..2 * at + 2)?;
        u8::from_str_radix(two, 16).ok()
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}
