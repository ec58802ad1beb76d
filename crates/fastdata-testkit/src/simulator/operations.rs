//! What each request means, and what it is answered.

use std::ops::Range;
use std::time::SystemTime;

use super::answer::{Answer, escape};
use super::checksum;
use super::content::{Content, Object, Version};
use super::faults::{Action, Operation, Spoil};
use super::listing;
use super::request::Request;
use super::state::State;

/// S3 refuses parts that are smaller, except for the last one.
const PART_BYTES_MIN: usize = 5 << 20;

/// Which operation a request is; `None` for those that the simulator does not have.
pub(super) fn operation_of(request: &Request) -> Option<Operation> {
    let (_, key) = request.target();
    let has = |name| request.argument(name).is_some();
    Some(match (request.method.as_str(), key.is_empty()) {
        ("GET", true) if !has("location") => Operation::List,
        ("GET", false) if has("attributes") => Operation::Attributes,
        ("GET", false) if !has("uploadId") => Operation::Get,
        ("HEAD", _) => Operation::Head,
        ("PUT", false) if has("partNumber") => Operation::PutPart,
        ("PUT", false) => Operation::Put,
        ("DELETE", false) if has("uploadId") => Operation::AbortUpload,
        ("DELETE", false) => Operation::Delete,
        ("POST", false) if has("uploads") => Operation::CreateUpload,
        ("POST", false) if has("uploadId") => Operation::CompleteUpload,
        _ => return None,
    })
}

/// Carries a request out.
pub(super) fn answer(
    state: &mut State,
    request: &Request,
    operation: Operation,
    action: Option<&Action>,
) -> Answer {
    let (bucket, key) = request.target();
    if !state.buckets.contains_key(bucket) {
        let message = "The specified bucket does not exist";
        return Answer::error(404, "NoSuchBucket", message);
    }
    let mut answer = match operation {
        Operation::Get | Operation::Head => read(state, request, operation, action),
        Operation::Attributes => attributes(state, request),
        Operation::Put => put(state, request),
        Operation::Delete => {
            state.delete(bucket, key, request.argument("versionId"));
            Answer::empty(204)
        }
        Operation::List if request.argument("uploads").is_some() => {
            let page_keys = state.page_keys.unwrap_or(listing::KEYS_MAX);
            listing::uploads(&state.uploads, request, page_keys)
        }
        Operation::List if action == Some(&Action::EmptyPage) => listing::empty(request),
        Operation::List => match state.buckets.get(bucket) {
            Some(objects) => {
                let page_keys = state.page_keys.unwrap_or(listing::KEYS_MAX);
                listing::answer(objects, request, page_keys)
            }
            None => Answer::empty(404),
        },
        Operation::CreateUpload => create_upload(state, request),
        Operation::PutPart => put_part(state, request),
        Operation::CompleteUpload => complete_upload(state, request),
        Operation::AbortUpload => match state.uploads.remove(upload_id(request)) {
            Some(_) => Answer::empty(204),
            None => no_such_upload(),
        },
    };
    if let Some(action) = action {
        answer.spoil = Spoil::of(action);
    }
    if operation == Operation::Head {
        answer.without_body = true;
    }
    answer
}

fn read(state: &State, request: &Request, operation: Operation, action: Option<&Action>) -> Answer {
    let (bucket, key) = request.target();
    let version = request.argument("versionId");
    let Some(object) = state.find(bucket, key, version) else {
        if key.is_empty() {
            return Answer::empty(200);
        }
        if version.is_some() {
            let message = "The specified version does not exist.";
            return Answer::error(404, "NoSuchVersion", message);
        }
        return Answer::error(404, "NoSuchKey", "The specified key does not exist.");
    };
    if let Some(refusal) = refused_by_condition(request, Some(object)) {
        return refusal;
    }
    let size_bytes = object.content.len();
    let asked = request
        .header("range")
        .filter(|_| action != Some(&Action::IgnoreRange));
    let asked = asked.and_then(|text| parse_range(text, size_bytes));
    let (status, range) = match asked {
        None => (200, 0..size_bytes),
        Some(range) if range.start >= size_bytes || range.is_empty() => {
            let message = "The requested range is not satisfiable";
            return Answer::error(416, "InvalidRange", message)
                .with("content-range", &format!("bytes */{size_bytes}"));
        }
        Some(range) => (206, range),
    };
    let mut answer = described(object, status);
    if status == 206 {
        let mut named = range.clone();
        if action == Some(&Action::WrongContentRange) {
            named = named.start + 1..named.end + 1;
        }
        let text = format!("bytes {}-{}/{size_bytes}", named.start, named.end - 1);
        answer = answer.with("content-range", &text);
    }
    if action == Some(&Action::WrongEtag) {
        answer.headers.retain(|(name, _)| name != "etag");
        answer = answer.with("etag", "\"0123456789abcdef0123456789abcdef\"");
    }
    let wants_checksum = request.header("x-amz-checksum-mode").is_some();
    if wants_checksum
        && range == (0..size_bytes)
        && let Some((name, value)) = &object.checksum
    {
        let kind = match object.parts.is_empty() {
            true => "FULL_OBJECT",
            false => "COMPOSITE",
        };
        answer = answer.with(name, value).with("x-amz-checksum-type", kind);
    }
    answer.content = object.content.clone();
    answer.range = range;
    answer.without_body = operation == Operation::Head;
    answer
}

/// Which parts an object was written in.
fn attributes(state: &State, request: &Request) -> Answer {
    let (bucket, key) = request.target();
    let found = state.find(bucket, key, None);
    let Some(object) = found else {
        return Answer::error(404, "NoSuchKey", "The specified key does not exist.");
    };
    let number = |name: &str| request.header(name)?.parse::<usize>().ok();
    let behind = number("x-amz-part-number-marker").unwrap_or(0);
    let most = number("x-amz-max-parts")
        .unwrap_or(1000)
        .min(state.page_parts);
    let end = object.parts.len().min(behind + most);
    let tag = object.checksum.as_ref().map_or("", |(name, _)| name);
    let tag = tag.trim_start_matches("x-amz-checksum-").to_uppercase();
    let mut text = String::from("<GetObjectAttributesResponse>");
    if !object.parts.is_empty() {
        text += &format!(
            "<ObjectParts><IsTruncated>{}</IsTruncated><MaxParts>{most}</MaxParts>\
             <NextPartNumberMarker>{end}</NextPartNumberMarker><PartsCount>{}</PartsCount>",
            end < object.parts.len(),
            object.parts.len()
        );
        for (index, (len, sum)) in object.parts.iter().enumerate().take(end).skip(behind) {
            text += &format!(
                "<Part><Checksum{tag}>{sum}</Checksum{tag}><PartNumber>{}</PartNumber>\
                 <Size>{len}</Size></Part>",
                index + 1
            );
        }
        text += "</ObjectParts>";
    }
    text += "</GetObjectAttributesResponse>";
    Answer::text(200, text).with("last-modified", &http_date(object.modified))
}

fn described(object: &Object, status: u16) -> Answer {
    let mut answer = Answer::empty(status)
        .with("etag", &object.etag)
        .with("last-modified", &http_date(object.modified))
        .with("accept-ranges", "bytes")
        .with("x-amz-request-id", "5EED5EED5EED5EED");
    if let Some(version_id) = &object.version_id {
        answer = answer.with("x-amz-version-id", version_id);
    }
    for (name, value) in &object.metadata {
        answer = answer.with(name, value);
    }
    match &object.content_type {
        Some(content_type) => answer.with("content-type", content_type),
        None => answer.with("content-type", "binary/octet-stream"),
    }
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n` in an object; `None` is what a server may ignore.
fn parse_range(text: &str, size_bytes: u64) -> Option<Range<u64>> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    if start.is_empty() {
        let last: u64 = end.parse().ok()?;
        return Some(size_bytes.saturating_sub(last)..size_bytes);
    }
    let start: u64 = start.parse().ok()?;
    let end = match end {
        "" => size_bytes,
        end => end.parse::<u64>().ok()?.saturating_add(1).min(size_bytes),
    };
    Some(start..end)
}

pub(super) fn http_date(time: SystemTime) -> String {
    let time = chrono::DateTime::<chrono::Utc>::from(time);
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn refused_by_condition(request: &Request, object: Option<&Version>) -> Option<Answer> {
    let etag = object.map(|object| object.etag.as_str());
    let is_write = request.method == "PUT" || request.method == "POST";
    let failed = || {
        let message = "At least one of the pre-conditions you specified did not hold";
        Answer::error(412, "PreconditionFailed", message)
    };
    if let Some(wanted) = request.header("if-match") {
        match etag {
            None if is_write => {
                let message = "The specified key does not exist.";
                return Some(Answer::error(404, "NoSuchKey", message));
            }
            Some(etag) if wanted == "*" || wanted.trim_matches('"') == etag.trim_matches('"') => {}
            _ => return Some(failed()),
        }
    }
    let refused = request.header("if-none-match")?;
    match etag {
        Some(etag) if refused == "*" || refused == etag => match is_write {
            true => Some(failed()),
            false => Some(Answer::empty(304)),
        },
        _ => None,
    }
}

fn wrong_checksum(request: &Request) -> Option<Answer> {
    let wrong = request
        .headers
        .iter()
        .any(|(name, value)| !checksum::holds(name, value, &request.body));
    let message = "The checksum you specified did not match what we received";
    wrong.then(|| Answer::error(400, "BadDigest", message))
}

fn put(state: &mut State, request: &Request) -> Answer {
    let (bucket, key) = request.target();
    let found = state.find(bucket, key, None);
    if let Some(refusal) = refused_by_condition(request, found).or_else(|| wrong_checksum(request))
    {
        return refusal;
    }
    let content = Content::Bytes(request.body.clone());
    let object = state.store(bucket, key, content, &request.headers);
    let answer = Answer::empty(200).with("etag", &object.etag);
    match &object.version_id {
        Some(version_id) => answer.with("x-amz-version-id", version_id),
        None => answer,
    }
}

fn upload_id(request: &Request) -> &str {
    request.argument("uploadId").unwrap_or_default()
}

fn no_such_upload() -> Answer {
    let message = "The specified multipart upload does not exist.";
    Answer::error(404, "NoSuchUpload", message)
}

fn create_upload(state: &mut State, request: &Request) -> Answer {
    let (bucket, key) = request.target();
    let keep = |name: &str| name.starts_with("x-amz-meta-") || name == "content-type";
    let headers = request.headers.iter().filter(|(name, _)| keep(name));
    let id = state.begin_upload(bucket, key, headers.cloned().collect());
    let text = format!(
        "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{}</Key>\
         <UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
        escape(key)
    );
    Answer::text(200, text)
}

fn put_part(state: &mut State, request: &Request) -> Answer {
    let number = request
        .argument("partNumber")
        .and_then(|text| text.parse().ok());
    let Some(number) = number.filter(|number| (1..=10_000).contains(number)) else {
        return Answer::error(400, "InvalidArgument", "partNumber is 1 to 10000");
    };
    if let Some(refusal) = wrong_checksum(request) {
        return refusal;
    }
    let Some(upload) = state.uploads.get_mut(upload_id(request)) else {
        return no_such_upload();
    };
    let etag = Content::Bytes(request.body.clone()).etag();
    upload
        .parts
        .insert(number, (etag.clone(), request.body.clone()));
    Answer::empty(200).with("etag", &etag)
}

fn complete_upload(state: &mut State, request: &Request) -> Answer {
    let (bucket, key) = request.target();
    let found = state.find(bucket, key, None);
    if let Some(refusal) = refused_by_condition(request, found) {
        return refusal;
    }
    let Some(upload) = state.uploads.get(upload_id(request)) else {
        return no_such_upload();
    };
    let text = String::from_utf8_lossy(&request.body).replace("&quot;", "\"");
    let mut whole = Vec::new();
    let mut named = 0;
    for part in text.split("<Part>").skip(1) {
        let tag = |name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>"))?;
            Some(rest.split_once("</")?.0)
        };
        let number = tag("PartNumber").and_then(|text| text.parse::<u32>().ok());
        let known = number.and_then(|number| upload.parts.get(&number));
        let Some((_, bytes)) = known.filter(|(etag, _)| tag("ETag") == Some(etag)) else {
            return Answer::error(400, "InvalidPart", "A part could not be found");
        };
        named += 1;
        if bytes.len() < PART_BYTES_MIN && named < text.matches("<Part>").count() {
            return Answer::error(400, "EntityTooSmall", "A part is smaller than 5 MiB");
        }
        whole.extend_from_slice(bytes);
    }
    if named == 0 {
        return Answer::error(400, "MalformedXML", "no part is named");
    }
    let sums = request
        .headers
        .iter()
        .filter(|(name, _)| checksum::is_checksum(name));
    let sums: Vec<_> = sums.cloned().collect();
    if sums
        .iter()
        .any(|(name, value)| !checksum::holds(name, value, &whole))
    {
        return Answer::error(400, "BadDigest", "The checksum is not that of the object");
    }
    let Some(upload) = state.uploads.remove(upload_id(request)) else {
        return no_such_upload();
    };
    debug_assert_eq!((upload.bucket.as_str(), upload.key.as_str()), (bucket, key));
    let mut headers = upload.headers;
    headers.extend(sums);
    let object = state.store(bucket, key, Content::Bytes(whole.into()), &headers);
    let text = format!(
        "<CompleteMultipartUploadResult><Key>{}</Key><ETag>{}</ETag>\
         </CompleteMultipartUploadResult>",
        escape(key),
        escape(&object.etag)
    );
    Answer::text(200, text)
}
