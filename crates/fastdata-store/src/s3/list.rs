//! Listings: page by page, each page asked for when the one before it has been read.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::client::{Client, Request};
use super::date;
use super::failure::Failure;
use super::xml;
use crate::{Location, ObjectMeta, Result};

/// What comes next.
enum Next {
    First,
    Behind(String),
    End,
}

/// Every object below `folder`.
pub(super) fn below(
    client: Arc<Client>,
    folder: Location,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let key = folder.key();
    let key = key.strip_suffix('/').unwrap_or(key);
    let prefix = match key {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let pages = stream::try_unfold(Next::First, move |next| {
        let (client, folder, prefix) = (Arc::clone(&client), folder.clone(), prefix.clone());
        async move {
            let token = match next {
                Next::End => return Ok(None),
                Next::First => None,
                Next::Behind(token) => Some(token),
            };
            let (found, next) = page(&client, &folder, &prefix, token).await?;
            let found = found.into_iter().map(Ok::<_, crate::Error>);
            Ok(Some((stream::iter(found), next)))
        }
    });
    pages.try_flatten().boxed()
}

async fn page(
    client: &Client,
    folder: &Location,
    prefix: &str,
    token: Option<String>,
) -> Result<(Vec<ObjectMeta>, Next)> {
    let mut effort = client.effort();
    let _permit = client.engine.permit().await;
    let mut query = vec![
        ("encoding-type", "url".to_owned()),
        ("list-type", "2".to_owned()),
        ("prefix", prefix.to_owned()),
    ];
    query.extend(token.clone().map(|token| ("continuation-token", token)));
    let request = Request {
        method: "GET",
        query,
        ..Request::default()
    };
    loop {
        let failure = match client.document(&request, &mut effort).await {
            Ok((_, body)) => match read(&String::from_utf8_lossy(&body), folder, prefix) {
                Ok((_, Next::Behind(again))) if Some(&again) == token.as_ref() => {
                    Failure::nonsense("the listing goes in circles".to_owned())
                }
                Ok(done) => return Ok(done),
                Err(what) => Failure::nonsense(what),
            },
            Err(failure) => return Err(client.error(failure, "list", folder, &effort)),
        };
        if let Err(failure) = client.again(failure, &mut effort).await {
            return Err(client.error(failure, "list", folder, &effort));
        }
    }
}

fn read(
    xml: &str,
    folder: &Location,
    prefix: &str,
) -> std::result::Result<(Vec<ObjectMeta>, Next), String> {
    // A document that breaks off must not pass for a short listing.
    if !xml.trim_end().ends_with("</ListBucketResult>") {
        return Err("the listing breaks off".to_owned());
    }
    let is_encoded = xml.contains("<EncodingType>url</EncodingType>");
    let mut found = Vec::new();
    for element in xml::elements(xml, "Contents") {
        let text = xml::text(element, "Key").ok_or("an object has no key")?;
        let key = match is_encoded {
            true => xml::url_decode(&text).ok_or("a key is not UTF-8")?,
            false => text,
        };
        if !key.starts_with(prefix) {
            return Err(format!("the key {key:?} does not start with {prefix:?}"));
        }
        // The marker of the folder itself is not below it.
        if key == prefix && !prefix.is_empty() {
            continue;
        }
        let size = xml::text(element, "Size").and_then(|text| text.parse().ok());
        found.push(ObjectMeta {
            location: folder.with_key(&key),
            size_bytes: size.ok_or("an object has no size")?,
            modified: xml::text(element, "LastModified").and_then(|text| date::parse_iso(&text)),
            etag: xml::text(element, "ETag"),
        });
    }
    // Only what stands outside of the objects.
    let is_truncated = xml::text(xml, "IsTruncated").as_deref() == Some("true");
    let next = match (is_truncated, xml::text(xml, "NextContinuationToken")) {
        (false, _) => Next::End,
        (true, Some(token)) => Next::Behind(token),
        (true, None) => return Err("the listing goes on and does not say where".to_owned()),
    };
    Ok((found, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let folder = Location::parse("s3://b/a").unwrap();
        let page = |inside: &str| {
            let xml = format!("<ListBucketResult>{inside}</ListBucketResult>");
            read(&xml, &folder, "a/")
        };
        let one = "<EncodingType>url</EncodingType><Contents><Key>a/x%20y</Key><Size>3</Size>\
                   <LastModified>2026-01-15T10:15:30.000Z</LastModified><ETag>&quot;e&quot;</ETag>\
                   </Contents><Contents><Key>a/</Key><Size>0</Size></Contents>";
        let (found, next) = page(one).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].location.to_string(), "s3://b/a/x y");
        assert_eq!(found[0].etag.as_deref(), Some("\"e\""));
        assert!(matches!(next, Next::End));
        let more = "<IsTruncated>true</IsTruncated>";
        assert!(page(more).is_err());
        let more = format!("{more}<NextContinuationToken>t</NextContinuationToken>");
        assert!(matches!(page(&more), Ok((found, Next::Behind(_))) if found.is_empty()));
        for wrong in [
            "<Contents><Size>1</Size></Contents>",
            "<Contents><Key>b/x</Key><Size>1</Size></Contents>",
            "<Contents><Key>a/x</Key><Size>-1</Size></Contents>",
        ] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
        assert!(read("<ListBucketResult><Contents>", &folder, "a/").is_err());
    }
}
