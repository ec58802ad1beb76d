//! One HTTP/1.1 connection: requests out, heads and bodies in, bodies straight to their place.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::rate::RateLimit;
use super::trust::tls_config;

/// Longer heads are an attack or a mistake.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What is read at first: the head, and with luck a small body.
const READ_BYTES: usize = 16 << 10;

/// What has to go out within the time-out, when a body is sent.
const SEND_BYTES: usize = 256 << 10;

/// A stream with or without TLS.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that is not in the middle of an answer.
pub(super) struct Connection {
    stream: Stream,
    buffer: BytesMut,
    pub(super) address: SocketAddr,
    pub(super) idle_since: Instant,
    /// Answers that it has brought so far.
    pub(super) answers: u64,
}

/// Status line and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// What the framing says about the body.
    pub(super) body: BodyLength,
    keep_alive: bool,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    Bytes(u64),
    Chunked,
    /// Until the connection ends: whether it is whole, nobody knows.
    UntilClose,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `Err` says what makes no sense. `None`: there is more to come.
    pub(super) fn parse(bytes: &[u8], without_body: bool) -> Result<Option<(Self, usize)>, String> {
        let mut slots = [httparse::EMPTY_HEADER; 96];
        let mut parsed = httparse::Response::new(&mut slots);
        let parsing = parsed.parse(bytes);
        let len = match parsing.map_err(|error| format!("the answer is no HTTP ({error})"))? {
            httparse::Status::Complete(len) => len,
            httparse::Status::Partial if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
            httparse::Status::Partial => return Err("the head of the answer has no end".into()),
        };
        let mut headers = Vec::with_capacity(parsed.headers.len());
        for header in parsed.headers.iter() {
            let value = String::from_utf8_lossy(header.value).trim().to_owned();
            headers.push((header.name.to_ascii_lowercase(), value));
        }
        let mut head = Self {
            status: parsed.code.unwrap_or(0),
            headers,
            body: BodyLength::Bytes(0),
            keep_alive: parsed.version == Some(1),
        };
        head.keep_alive &= head.header("connection") != Some("close");
        head.body = head.body_length(without_body)?;
        head.keep_alive &= head.body != BodyLength::UntilClose;
        Ok(Some((head, len)))
    }

    fn body_length(&self, without_body: bool) -> Result<BodyLength, String> {
        if without_body || matches!(self.status, 100..200 | 204 | 304) {
            return Ok(BodyLength::Bytes(0));
        }
        if let Some(coding) = self.header("transfer-encoding") {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(BodyLength::Chunked),
                false => Err(format!("the transfer encoding {coding:?} is unknown")),
            };
        }
        let mut lengths = self
            .headers
            .iter()
            .filter(|(name, _)| name == "content-length");
        let Some((_, first)) = lengths.next() else {
            return Ok(BodyLength::UntilClose);
        };
        if lengths.any(|(_, other)| other != first) {
            return Err("the answer has two lengths".into());
        }
        let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        match first.parse() {
            Ok(length) if is_number => Ok(BodyLength::Bytes(length)),
            _ => Err(format!("the length {first:?} is no number")),
        }
    }
}

/// Why a connection could not be made or used.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nothing was sent.
    NoConnection(String),
    /// The certificate is not to be trusted, and never will be.
    Untrusted(String),
    /// The other side closed before it answered anything.
    Closed,
    /// It broke, or took too long.
    Lost(String),
    /// What came is no HTTP.
    Nonsense(String),
}

impl Broken {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Lost(error.to_string()),
        }
    }
}

/// With whom a connection is to be secure.
pub(super) struct Secured<'a> {
    pub(super) host: &'a str,
    /// Whom to trust instead of what the system trusts.
    pub(super) ca_bundle: Option<&'a Path>,
}

impl Connection {
    pub(super) async fn open(
        address: SocketAddr,
        tls: Option<Secured<'_>>,
        timeout: Duration,
    ) -> Result<Self, Broken> {
        let failed = |error: &dyn std::fmt::Display| {
            Broken::NoConnection(format!("no connection to {address}: {error}"))
        };
        let connecting = async {
            let stream = TcpStream::connect(address)
                .await
                .map_err(|error| failed(&error))?;
            // An error here costs time, not bytes.
            let _ = stream.set_nodelay(true);
            let Some(Secured { host, ca_bundle }) = tls else {
                return Ok(Stream::Plain(stream));
            };
            let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
            let connector = TlsConnector::from(tls_config(ca_bundle).map_err(Broken::Untrusted)?);
            match connector.connect(name, stream).await {
                Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
                Err(error) => Err(untrusted(host, &error).unwrap_or_else(|| failed(&error))),
            }
        };
        let stream = match tokio::time::timeout(timeout, connecting).await {
            Ok(stream) => stream?,
            Err(_) => return Err(failed(&format!("timed out after {timeout:?}"))),
        };
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            address,
            idle_since: Instant::now(),
            answers: 0,
        })
    }

    /// Whether the other side has neither closed nor said anything since the last answer.
    pub(super) fn is_quiet(&self) -> bool {
        let tcp = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(tcp).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn request(
        &mut self,
        head: &[u8],
        body: &[u8],
        without_body: bool,
        timeout: Duration,
        rate: &RateLimit,
    ) -> Result<Head, Broken> {
        self.buffer.clear();
        let late = |what: &str| Broken::Lost(format!("{what} within {timeout:?}"));
        let mut sent = Ok(());
        // A body may take as long as it moves.
        let piece_bytes = SEND_BYTES.min(rate.piece_bytes_max());
        for piece in std::iter::once(head).chain(body.chunks(piece_bytes)) {
            match tokio::time::timeout(timeout, self.stream.write_all(piece)).await {
                Ok(Ok(())) if body.is_empty() => {}
                Ok(Ok(())) => rate.keep(piece.len()).await,
                Ok(Err(error)) => {
                    sent = Err(error);
                    break;
                }
                Err(_) => return Err(late("nothing was taken")),
            }
        }
        let answer = async {
            if sent.is_ok() {
                sent = self.stream.flush().await;
            }
            // A server that refuses a body says why before it closes.
            match (self.head(without_body).await, sent) {
                (Ok(head), _) => Ok(head),
                (Err(_), Err(error)) => Err(Broken::of(&error)),
                (Err(error), Ok(())) => Err(error),
            }
        };
        let waiting = match tokio::time::timeout(timeout, answer).await {
            Ok(head) => head,
            Err(_) => Err(late("no answer")),
        };
        if waiting.is_ok() {
            self.answers += 1;
        }
        waiting
    }

    async fn head(&mut self, without_body: bool) -> Result<Head, Broken> {
        loop {
            match Head::parse(&self.buffer, without_body).map_err(Broken::Nonsense)? {
                Some((head, len)) => {
                    self.buffer.advance(len);
                    // 100 Continue and its like announce the answer.
                    if !(100..200).contains(&head.status) {
                        return Ok(head);
                    }
                }
                None => {
                    self.buffer.reserve(READ_BYTES);
                    let read = self.stream.read_buf(&mut self.buffer).await;
                    match read {
                        Ok(0) if self.buffer.is_empty() => return Err(Broken::Closed),
                        Ok(0) => return Err(Broken::Lost("the answer breaks off".into())),
                        Ok(_) => {}
                        Err(error) => return Err(Broken::of(&error)),
                    }
                }
            }
        }
    }

    /// The next bytes of a body of known length into `into`, which is not longer than the rest of
    /// the body. What lies in the buffer goes first; the rest goes past it.
    pub(super) async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.buffer.is_empty() {
            let len = self.buffer.len().min(into.len());
            self.buffer.copy_to_slice(&mut into[..len]);
            return Ok(len);
        }
        self.stream.read(into).await
    }

    /// A whole body in memory; `Err` when it is longer than `max_bytes` or breaks.
    pub(super) async fn read_all(
        &mut self,
        head: &Head,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Bytes, Broken> {
        let reading = async {
            let mut body = BytesMut::new();
            match head.body {
                BodyLength::Bytes(bytes) => {
                    let bytes = usize::try_from(bytes)
                        .ok()
                        .filter(|bytes| *bytes <= max_bytes);
                    let bytes = bytes.ok_or_else(too_long)?;
                    self.take(bytes, &mut body).await?;
                }
                BodyLength::Chunked => loop {
                    let line = self.line().await?;
                    let digits = line.split(';').next().unwrap_or("").trim();
                    let bytes = usize::from_str_radix(digits, 16)
                        .map_err(|_| Broken::Nonsense("a chunk has no length".into()))?;
                    if bytes > max_bytes.saturating_sub(body.len()) {
                        return Err(too_long());
                    }
                    self.take(bytes, &mut body).await?;
                    if bytes == 0 {
                        // Headers may follow, then an empty line.
                        while !self.line().await?.is_empty() {}
                        break;
                    }
                    self.line().await?;
                },
                BodyLength::UntilClose => {
                    while self.more().await? > 0 {
                        if self.buffer.len() > max_bytes {
                            return Err(too_long());
                        }
                    }
                    body = self.buffer.split();
                }
            }
            Ok(body.freeze())
        };
        match tokio::time::timeout(timeout, reading).await {
            Ok(body) => body,
            Err(_) => Err(Broken::Lost(format!(
                "the answer did not end within {timeout:?}"
            ))),
        }
    }

    async fn more(&mut self) -> Result<usize, Broken> {
        self.buffer.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.buffer).await;
        read.map_err(|error| Broken::Lost(error.to_string()))
    }

    async fn take(&mut self, bytes: usize, into: &mut BytesMut) -> Result<(), Broken> {
        let mut missing = bytes;
        while missing > 0 {
            if self.buffer.is_empty() && self.more().await? == 0 {
                return Err(Broken::Lost("the answer breaks off".into()));
            }
            let part = self.buffer.split_to(missing.min(self.buffer.len()));
            missing -= part.len();
            into.extend_from_slice(&part);
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.advance(end + 2);
                return Ok(line);
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(Broken::Nonsense("a line of the body has no end".into()));
            }
            if self.more().await? == 0 {
                return Err(Broken::Lost("the answer breaks off".into()));
            }
        }
    }

    /// Whether another request may follow an answer whose body was read to its end.
    pub(super) fn may_go_on(&self, head: &Head) -> bool {
        // Bytes behind the body were not asked for: the sides disagree about where it ended.
        head.keep_alive && self.buffer.is_empty()
    }
}

fn too_long() -> Broken {
    Broken::Nonsense("the answer is longer than answers of its kind are".into())
}

/// Certificates do not get better by trying again; a handshake that breaks may.
fn untrusted(host: &str, error: &io::Error) -> Option<Broken> {
    let tls = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let is_final = matches!(
        tls,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::InvalidMessage(_)
    );
    is_final.then(|| Broken::Untrusted(format!("no secure connection to {host}: {tls}")))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
