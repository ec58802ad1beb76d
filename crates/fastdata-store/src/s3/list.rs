//! Listings: pages, and what is made of them. A page is asked for when the one before it has been
//! read; a listing that is longer than one page goes on in several places at a time ([`spread`]).

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::client::{Client, Request};
use super::date;
use super::xml;
use crate::{Entry, Location, ObjectMeta, Result};

mod spread;

/// What comes behind a page.
enum Next {
    Behind(String),
    End,
}

/// One answer.
struct Page {
    objects: Vec<ObjectMeta>,
    /// Up to their slash, when they were asked for.
    folders: Vec<String>,
    next: Next,
}

/// What a page is asked for.
#[derive(Clone, Copy, Default)]
struct Ask<'a> {
    prefix: &'a str,
    /// Only keys behind this one.
    after: Option<&'a str>,
    /// Goes on behind another page.
    token: Option<&'a str>,
    /// Folders instead of what is below them.
    has_folders: bool,
}

/// What is listed, and through whom.
struct Listing {
    client: Arc<Client>,
    folder: Location,
}

fn prefix_of(folder: &Location) -> String {
    let key = folder.key();
    match key.strip_suffix('/').unwrap_or(key) {
        "" => String::new(),
        key => format!("{key}/"),
    }
}

/// Every object below `folder`.
pub(super) fn below(
    client: Arc<Client>,
    folder: Location,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let prefix = prefix_of(&folder);
    let listing = Arc::new(Listing { client, folder });
    stream::once(spread::below(listing, prefix))
        .try_flatten()
        .boxed()
}

/// What lies directly in `folder`.
pub(super) fn entries(client: Arc<Client>, folder: Location) -> BoxStream<'static, Result<Entry>> {
    let prefix = prefix_of(&folder);
    let listing = Arc::new(Listing { client, folder });
    let first = Some((None, String::new()));
    let pages = stream::try_unfold(first, move |next| {
        let (listing, prefix) = (Arc::clone(&listing), prefix.clone());
        async move {
            let Some((token, last)) = next else {
                return Ok(None);
            };
            let ask = Ask {
                prefix: &prefix,
                token: Option::<String>::as_deref(&token),
                has_folders: true,
                ..Ask::default()
            };
            let page = listing.page(ask).await?;
            let next = page.next.token().map(str::to_owned);
            let found = sorted(page, &listing, &prefix);
            let newest = found
                .last()
                .map_or(last.clone(), |entry| entry.key().to_owned());
            // Some servers name a folder again on the next page.
            let found = found
                .into_iter()
                .filter(move |entry| entry.key() > last.as_str());
            let found = found.map(Ok::<_, crate::Error>);
            Ok(Some((
                stream::iter(found),
                next.map(|next| (Some(next), newest)),
            )))
        }
    });
    pages.try_flatten().boxed()
}

/// Objects and folders of a page in one order; without the marker of the folder that is listed.
fn sorted(page: Page, listing: &Listing, prefix: &str) -> Vec<Entry> {
    let objects = page.objects.into_iter().map(Entry::Object);
    let mut entries: Vec<Entry> = objects.filter(|entry| entry.key() != prefix).collect();
    let folders = page.folders.iter();
    entries.extend(folders.map(|key| Entry::Folder(listing.folder.with_key(key))));
    entries.sort_by(|left, right| left.key().cmp(right.key()));
    entries
}

impl Next {
    fn token(&self) -> Option<&str> {
        match self {
            Self::Behind(token) => Some(token),
            Self::End => None,
        }
    }
}

impl Listing {
    async fn page(&self, ask: Ask<'_>) -> Result<Page> {
        let mut query = vec![
            ("encoding-type", "url".to_owned()),
            ("list-type", "2".to_owned()),
            ("prefix", ask.prefix.to_owned()),
        ];
        if ask.has_folders {
            query.push(("delimiter", "/".to_owned()));
        }
        // What goes on knows by itself where it began.
        match (ask.token, ask.after) {
            (Some(token), _) => query.push(("continuation-token", token.to_owned())),
            (None, Some(after)) => query.push(("start-after", after.to_owned())),
            (None, None) => {}
        }
        let request = Request {
            method: "GET",
            query,
            ..Request::default()
        };
        let page = |xml: &str| match read(xml, &self.folder, ask.prefix)? {
            page if ask.token.is_some() && page.next.token() == ask.token => {
                Err("the listing goes in circles".to_owned())
            }
            page => Ok(page),
        };
        let listing = ("list", &self.folder);
        self.client.read_document(&request, listing, page).await
    }
}

fn read(xml: &str, folder: &Location, prefix: &str) -> Result<Page, String> {
    // A document that breaks off must not pass for a short listing.
    if !xml.trim_end().ends_with("</ListBucketResult>") {
        return Err("the listing breaks off".to_owned());
    }
    let is_encoded = xml.contains("<EncodingType>url</EncodingType>");
    let key_of = |text: String| {
        let key = match is_encoded {
            true => xml::url_decode(&text).ok_or("a key is not UTF-8")?,
            false => text,
        };
        match key.starts_with(prefix) {
            true => Ok(key),
            false => Err(format!("the key {key:?} does not start with {prefix:?}")),
        }
    };
    let mut objects = Vec::new();
    for element in xml::elements(xml, "Contents") {
        let key = key_of(xml::text(element, "Key").ok_or("an object has no key")?)?;
        let size = xml::text(element, "Size").and_then(|text| text.parse().ok());
        objects.push(ObjectMeta {
            location: folder.with_key(&key),
            size_bytes: size.ok_or("an object has no size")?,
            modified: xml::text(element, "LastModified").and_then(|text| date::parse_iso(&text)),
            etag: xml::text(element, "ETag"),
        });
    }
    let mut folders = Vec::new();
    for element in xml::elements(xml, "CommonPrefixes") {
        folders.push(key_of(
            xml::text(element, "Prefix").ok_or("a folder has no key")?,
        )?);
    }
    // Only what stands outside of the objects.
    let is_truncated = xml::text(xml, "IsTruncated").as_deref() == Some("true");
    let next = match (is_truncated, xml::text(xml, "NextContinuationToken")) {
        (false, _) => Next::End,
        (true, Some(token)) => Next::Behind(token),
        (true, None) => return Err("the listing goes on and does not say where".to_owned()),
    };
    Ok(Page {
        objects,
        folders,
        next,
    })
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
        let Page {
            objects: found,
            folders,
            next,
        } = page(one).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(found.len(), 2);
        assert!(folders.is_empty());
        assert_eq!(found[0].location.to_string(), "s3://b/a/x y");
        assert_eq!(found[0].etag.as_deref(), Some("\"e\""));
        assert!(matches!(next, Next::End));
        let more = "<IsTruncated>true</IsTruncated>";
        assert!(page(more).is_err());
        let more = format!("{more}<NextContinuationToken>t</NextContinuationToken>");
        assert!(matches!(page(&more), Ok(page) if page.next.token() == Some("t")));
        let folders = "<EncodingType>url</EncodingType><Prefix>a/</Prefix><CommonPrefixes><Prefix>\
                       a/%C3%BC/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>a//</Prefix>\
                       </CommonPrefixes>";
        let folders = page(folders)
            .unwrap_or_else(|what| panic!("{what}"))
            .folders;
        assert_eq!(folders, ["a/ü/", "a//"]);
        for wrong in [
            "<Contents><Size>1</Size></Contents>",
            "<Contents><Key>b/x</Key><Size>1</Size></Contents>",
            "<Contents><Key>a/x</Key><Size>-1</Size></Contents>",
            "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>",
        ] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
        assert!(read("<ListBucketResult><Contents>", &folder, "a/").is_err());
    }
}
