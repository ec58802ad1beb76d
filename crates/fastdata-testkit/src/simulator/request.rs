//! Reads requests from a connection.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer heads and bodies are somebody's mistake.
const HEAD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 1 << 30;

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Decoded.
    pub(super) path: String,
    /// Decoded, in order.
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case, in order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Bucket and key.
    pub(super) fn target(&self) -> (&str, &str) {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split_once('/').unwrap_or((path, ""))
    }

    /// The next request; `None` when the client has gone or talks nonsense.
    pub(super) async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> Option<Self> {
        let (mut request, head_bytes, body_bytes) = loop {
            if let Some(found) = Self::parse(buffer)? {
                break found;
            }
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        buffer.advance(head_bytes);
        if request.header("expect").is_some() {
            stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .await
                .ok()?;
        }
        if body_bytes > BODY_BYTES_MAX {
            return None;
        }
        while buffer.len() < body_bytes {
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        request.body = buffer.split_to(body_bytes).freeze();
        Some(request)
    }

    /// Outer `None`: nonsense; inner `None`: there is more to come.
    #[expect(
        clippy::option_option,
        reason = "both are told apart by the only caller"
    )]
    fn parse(buffer: &BytesMut) -> Option<Option<(Self, usize, usize)>> {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut slots);
        let head_bytes = match parsed.parse(buffer).ok()? {
            httparse::Status::Complete(head_bytes) => head_bytes,
            httparse::Status::Partial if buffer.len() < HEAD_BYTES_MAX => return Some(None),
            httparse::Status::Partial => return None,
        };
        let mut headers = Vec::new();
        for header in parsed.headers.iter() {
            let value = String::from_utf8_lossy(header.value).trim().to_owned();
            headers.push((header.name.to_ascii_lowercase(), value));
        }
        let target = parsed.path?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            });
        let request = Self {
            method: parsed.method?.to_owned(),
            path: decode(path),
            query: query.collect(),
            headers,
            body: Bytes::new(),
        };
        let body_bytes = match request.header("content-length") {
            Some(text) => text.parse().ok()?,
            None => 0,
        };
        Some(Some((request, head_bytes, body_bytes)))
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|two| str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
