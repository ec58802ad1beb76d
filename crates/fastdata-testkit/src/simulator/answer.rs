//! Answers and how they are sent: in time, in pieces, and spoilt where the plan says so.

use std::ops::Range;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::content::Content;
use super::faults::Spoil;
use super::model::Network;
use super::traffic::Traffic;

/// Pieces of a body that are sent at one time; small enough for an even rate.
const PIECE_BYTES: usize = 128 << 10;

/// Between pieces that are to arrive one by one: a reader that is asleep needs a moment to wake up.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// Status, headers and body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
    pub(super) range: Range<u64>,
    /// For HEAD, whose headers speak of a body that does not come.
    pub(super) without_body: bool,
    pub(super) spoil: Spoil,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Reuse,
    Close,
    Reset,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self::text(status, String::new())
    }

    pub(super) fn text(status: u16, text: String) -> Self {
        let content = Content::Bytes(text.into());
        Self {
            status,
            headers: Vec::new(),
            range: 0..content.len(),
            content,
            without_body: false,
            spoil: Spoil::default(),
        }
    }

    /// S3's document for an error.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let id = format!("{:016X}", u64::from(status) * 0x9e37_79b9);
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{}</Message><RequestId>{id}</RequestId></Error>",
            escape(message)
        );
        Self::text(status, text)
            .with("content-type", "application/xml")
            .with("x-amz-request-id", &id)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let len = self.range.end - self.range.start;
        let len = len.saturating_add_signed(self.spoil.length_delta);
        if self.status != 204 && self.status != 304 {
            head.push_str(&format!("content-length: {len}\r\n"));
        }
        head.push_str("server: fastdata-simulator\r\n\r\n");
        head
    }

    /// Sends head and body at the model's pace.
    pub(super) async fn send(
        &self,
        stream: &mut TcpStream,
        network: Option<&Network>,
        traffic: &Traffic,
    ) -> std::io::Result<After> {
        let head = self.head();
        if let Some(piece_bytes) = self.spoil.piece_bytes {
            return self.send_pieces(stream, head, piece_bytes, traffic).await;
        }
        if self.without_body || self.range.is_empty() {
            stream.write_all(head.as_bytes()).await?;
            return Ok(self.after());
        }
        let mut next_at = Instant::now();
        let rate = self
            .spoil
            .bytes_per_second
            .map(|rate| rate as f64)
            .or(network.map(|network| network.model.connection_bytes_per_second));
        let piece_bytes = self.spoil.bytes_per_second.map_or(PIECE_BYTES, |rate| {
            usize::try_from(rate / 10)
                .unwrap_or(PIECE_BYTES)
                .clamp(1, PIECE_BYTES)
        });
        let mut rest = self.range.clone();
        let mut pending = head.into_bytes();
        while rest.start < rest.end {
            let sent = rest.start - self.range.start;
            let mut piece = self.content.piece(&rest);
            piece.truncate(piece_bytes.min(self.until_next_event(sent)));
            if let Some((at, pause)) = self.spoil.stall
                && sent == at
            {
                stream.write_all(&std::mem::take(&mut pending)).await?;
                tokio::time::sleep(pause).await;
            }
            if self.spoil.close_after == Some(sent) || self.spoil.reset_after == Some(sent) {
                stream.write_all(&std::mem::take(&mut pending)).await?;
                return Ok(self.after());
            }
            // The head goes with the first piece.
            if pending.is_empty() && self.spoil.flip_at.is_none() {
                stream.write_all(&piece).await?;
            } else {
                let start = pending.len();
                pending.extend_from_slice(&piece);
                let flip = self.spoil.flip_at.and_then(|at| at.checked_sub(sent));
                if let Some(at) = flip.filter(|at| *at < piece.len() as u64) {
                    pending[start + at as usize] ^= 0x10;
                }
                stream.write_all(&std::mem::take(&mut pending)).await?;
            }
            rest.start += piece.len() as u64;
            traffic.sent(piece.len());
            if let Some(rate) = rate {
                next_at += Duration::from_secs_f64(piece.len() as f64 / rate);
                let shared = network.and_then(|network| network.pass(piece.len()));
                let until = shared.map_or(next_at, |at| next_at.max(at.into()));
                if until > Instant::now() {
                    tokio::time::sleep_until(until).await;
                }
            }
        }
        Ok(self.after())
    }

    /// Sends head and body piece by piece.
    async fn send_pieces(
        &self,
        stream: &mut TcpStream,
        head: String,
        piece_bytes: usize,
        traffic: &Traffic,
    ) -> std::io::Result<After> {
        let mut all = head.into_bytes();
        if !self.without_body {
            let body = self.content.read(self.range.clone());
            traffic.sent(body.len());
            all.extend(body);
        }
        for piece in all.chunks(piece_bytes) {
            stream.write_all(piece).await?;
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        Ok(self.after())
    }

    /// How many bytes may be sent before something happens.
    fn until_next_event(&self, sent: u64) -> usize {
        let events = [
            self.spoil.close_after,
            self.spoil.reset_after,
            self.spoil.stall.map(|(at, _)| at),
        ];
        let next = events.into_iter().flatten().filter(|at| *at > sent).min();
        next.map_or(usize::MAX, |at| (at - sent) as usize)
    }

    fn after(&self) -> After {
        if self.spoil.reset_after.is_some() {
            After::Reset
        } else if self.spoil.close_after.is_some() || self.spoil.length_delta != 0 {
            After::Close
        } else {
            After::Reuse
        }
    }
}

/// As XML wants text.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        307 => "Temporary Redirect",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Slow Down",
        _ => "Unknown",
    }
}
