//! Uploads in parts that were begun and neither finished nor given up. Their parts cost like objects,
//! and no listing of objects shows them.

use std::time::SystemTime;

use super::client::{Client, Request};
use super::date;
use super::xml;
use crate::{ErrorKind, Location, Result};

/// An upload that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The object that it would become.
    pub location: Location,
    /// What the service calls it.
    pub id: String,
    /// When it was begun.
    pub begun: Option<SystemTime>,
}

/// Where a page ends: a key, and an upload of it.
type Marker = (String, String);

/// The open uploads of an object and of everything below a folder of that name, by key.
pub(super) async fn open(client: &Client, location: &Location) -> Result<Vec<OpenUpload>> {
    let key = location.key().trim_end_matches('/');
    let is_below = |found: &str| {
        let rest = found.strip_prefix(key);
        rest.is_some_and(|rest| key.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let (uploads, next) = page(client, location, key, marker.as_ref()).await?;
        found.extend(
            uploads
                .into_iter()
                .filter(|upload| is_below(upload.location.key())),
        );
        match next {
            Some(next) => marker = Some(next),
            None => return Ok(found),
        }
    }
}

async fn page(
    client: &Client,
    location: &Location,
    prefix: &str,
    behind: Option<&Marker>,
) -> Result<(Vec<OpenUpload>, Option<Marker>)> {
    let mut query = vec![
        ("encoding-type", "url".to_owned()),
        ("prefix", prefix.to_owned()),
        ("uploads", String::new()),
    ];
    if let Some((key, id)) = behind {
        query.push(("key-marker", key.clone()));
        query.push(("upload-id-marker", id.clone()));
    }
    let request = Request {
        method: "GET",
        query,
        ..Request::default()
    };
    let page = |xml: &str| match read(xml, location)? {
        (_, Some(next)) if Some(&next) == behind => {
            Err("the list of uploads goes in circles".to_owned())
        }
        page => Ok(page),
    };
    let listing = ("list the uploads of", location);
    client.read_document(&request, listing, page).await
}

fn read(xml: &str, location: &Location) -> Result<(Vec<OpenUpload>, Option<Marker>), String> {
    // A document that breaks off must not pass for a short list.
    if !xml.trim_end().ends_with("</ListMultipartUploadsResult>") {
        return Err("the list of uploads breaks off".to_owned());
    }
    let is_encoded = xml.contains("<EncodingType>url</EncodingType>");
    let decoded = |text: String| match is_encoded {
        true => xml::url_decode(&text).ok_or("a key is not UTF-8"),
        false => Ok(text),
    };
    let mut uploads = Vec::new();
    for element in xml::elements(xml, "Upload") {
        let key = decoded(xml::text(element, "Key").ok_or("an upload has no key")?)?;
        let initiated = xml::text(element, "Initiated");
        uploads.push(OpenUpload {
            location: location.with_key(&key),
            id: xml::text(element, "UploadId").ok_or("an upload has no id")?,
            begun: initiated.and_then(|text| date::parse_iso(&text)),
        });
    }
    if xml::text(xml, "IsTruncated").as_deref() != Some("true") {
        return Ok((uploads, None));
    }
    let key = xml::text(xml, "NextKeyMarker").ok_or("the list does not say where it goes on")?;
    let id = xml::text(xml, "NextUploadIdMarker").unwrap_or_default();
    Ok((uploads, Some((decoded(key)?, id))))
}

/// Gives an upload up: the service removes its parts. One that is gone already is not an error.
pub(super) async fn give_up(client: &Client, upload: &OpenUpload) -> Result<()> {
    let mut effort = client.effort();
    let _permit = client.engine.permit(0).await;
    let request = giving_up(upload.location.key(), &upload.id);
    let Err(failure) = client.document(&request, &mut effort).await else {
        return Ok(());
    };
    match client.error(failure, "give up an upload of", &upload.location, &effort) {
        error if error.kind() == ErrorKind::NotFound => Ok(()),
        error => Err(error),
    }
}

/// The request that gives an upload up.
pub(super) fn giving_up<'a>(key: &'a str, id: &str) -> Request<'a> {
    Request {
        method: "DELETE",
        key,
        query: vec![("uploadId", id.to_owned())],
        ..Request::default()
    }
}
