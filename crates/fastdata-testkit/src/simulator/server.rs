//! The server: one thread, one runtime, any number of connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use fastdata_store::StoreConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::answer::{After, Answer};
use super::content::Content;
use super::faults::{Action, Fault};
use super::model::{Model, Network};
use super::operations::{answer, http_date, operation_of};
use super::request::Request;
use super::signature::{self, Keys};
use super::state::{State, locked};
use super::traffic::{Sent, Traffic};

const ACCESS_KEY_ID: &str = "AKIDSIMULATOR";
const SECRET_ACCESS_KEY: &str = "canary-secret-of-the-simulator";
const REGION: &str = "eu-test-1";

/// How long the server keeps a connection that says nothing, as S3 does.
const IDLE: Duration = Duration::from_secs(5);

/// An S3 server in this process, with faults and a network model; ends when dropped.
///
/// ```
/// use fastdata_store::Location;
/// use fastdata_testkit::Simulator;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let simulator = Simulator::start();
/// simulator.put("bucket", "a//b", b"hello");
/// let store = fastdata_store::open(simulator.config());
/// let runtime = tokio::runtime::Runtime::new()?;
/// let bytes = runtime.block_on(store.read(&Location::parse("s3://bucket/a//b")?, 100))?;
/// assert_eq!(&bytes[..], b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    keys: Keys,
    network: Option<Network>,
    /// What the server's clock shows beyond this machine's, in seconds.
    clock_ahead_s: AtomicI64,
    connections: AtomicU64,
    traffic: Traffic,
}

impl Simulator {
    /// Starts one on a free port, as fast as it can answer.
    ///
    /// # Panics
    /// When the machine has no port or thread for it.
    pub fn start() -> Self {
        Self::start_at(0, None)
    }

    /// As [`Simulator::start`], behind a network.
    pub fn with_model(model: Model) -> Self {
        Self::start_at(0, Some(model))
    }

    /// As [`Simulator::start`], on a given port; 0 chooses one.
    pub fn start_at(port: u16, model: Option<Model>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("s3-simulator")
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime: {error}"));
        let listener = runtime
            .block_on(async { listen(port) })
            .unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            keys: Keys {
                access_key_id: ACCESS_KEY_ID.to_owned(),
                secret_access_key: SECRET_ACCESS_KEY.to_owned(),
                region: REGION.to_owned(),
            },
            network: model.map(Network::new),
            clock_ahead_s: AtomicI64::new(0),
            connections: AtomicU64::new(0),
            traffic: Traffic::default(),
        });
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            shared,
            address,
            runtime: Some(runtime),
        }
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How a store reaches it.
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            endpoint_url: Some(self.endpoint_url()),
            region: Some(REGION.to_owned()),
            access_key_id: Some(ACCESS_KEY_ID.to_owned()),
            secret_access_key: Some(SECRET_ACCESS_KEY.into()),
            ..StoreConfig::default()
        }
    }

    /// The environment variables that mean the same, for a command.
    pub fn env(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        locked(&self.shared.state)
    }

    /// Makes a bucket if there is none.
    pub fn make_bucket(&self, bucket: &str) {
        self.state().buckets.entry(bucket.to_owned()).or_default();
    }

    /// Makes a bucket that keeps all versions of its objects.
    pub fn make_versioned_bucket(&self, bucket: &str) {
        self.make_bucket(bucket);
        let mut state = self.state();
        state.versions.entry(bucket.to_owned()).or_default();
    }

    /// Writes an object past the network and its faults; makes the bucket if need be.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let content = Content::Bytes(Bytes::copy_from_slice(content));
        self.state().store(bucket, key, content, &[]);
    }

    /// Writes an object of `len` bytes that take no memory.
    pub fn put_synthetic(&self, bucket: &str, key: &str, seed: u64, len: u64) {
        let content = Content::synthetic(seed, len);
        self.state().store(bucket, key, content, &[]);
    }

    /// As [`Simulator::put_synthetic`], with a CRC-64/NVME, as objects have by now.
    pub fn put_synthetic_with_checksum(&self, bucket: &str, key: &str, seed: u64, len: u64) {
        let content = Content::synthetic(seed, len);
        let headers: Vec<_> = super::checksum::of_synthetic(&content)
            .into_iter()
            .collect();
        self.state().store(bucket, key, content, &headers);
    }

    /// Writes an object as if in parts of these lengths, each with a checksum of its own by the algorithm
    /// that S3 calls `name`, and none of the whole.
    ///
    /// # Panics
    /// When the lengths are not those of the content, or the algorithm is unknown.
    pub fn put_in_parts(&self, bucket: &str, key: &str, content: &[u8], lens: &[u64], name: &str) {
        assert_eq!(lens.iter().sum::<u64>(), content.len() as u64, "lengths");
        let content = Content::Bytes(Bytes::copy_from_slice(content));
        let Some((value, parts)) = super::checksum::of_parts(name, &content, lens) else {
            panic!("there is no algorithm {name}");
        };
        let mut state = self.state();
        let stored = state.store(bucket, key, content, &[]);
        let object = super::content::Object {
            checksum: Some((format!("x-amz-checksum-{name}"), value)),
            parts: lens.iter().copied().zip(parts).collect(),
            ..(*stored).clone()
        };
        let objects = state.buckets.entry(bucket.to_owned()).or_default();
        objects.insert(key.to_owned(), Arc::new(object));
    }

    /// The bytes of a range of such an object.
    pub fn synthetic_bytes(seed: u64, len: u64, range: std::ops::Range<u64>) -> Vec<u8> {
        Content::synthetic(seed, len).read(range)
    }

    /// The bytes of an object, if there is one.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let object = self.state().buckets.get(bucket)?.get(key).cloned()?;
        Some(object.content.read(0..object.content.len()))
    }

    /// All keys of a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let state = self.state();
        let objects = state.buckets.get(bucket);
        objects.map_or(Vec::new(), |objects| objects.keys().cloned().collect())
    }

    /// Adds a fault to the plan; the number is for [`Simulator::hits`].
    pub fn inject(&self, fault: Fault) -> usize {
        self.state().plan.add(fault)
    }

    /// How often a fault was hit: a test whose fault never was has tested nothing.
    pub fn hits(&self, fault: usize) -> u64 {
        self.state().plan.hits(fault)
    }

    /// No fault hits from now on.
    pub fn heal(&self) {
        self.state().plan.clear();
    }

    /// Listings have at most so many keys on a page from now on, as a service may.
    pub fn set_page_keys(&self, most: usize) {
        self.state().page_keys = Some(most.max(1));
    }

    /// Makes pages of parts shorter than S3's, so that few parts have many.
    pub fn set_page_parts(&self, most: usize) {
        self.state().page_parts = most.max(1);
    }

    /// What a request that is signed for another region is answered from now on: this status and code,
    /// and which region it is.
    pub fn set_wrong_region(&self, status: u16, code: &str) {
        self.state().wrong_region = Some((status, code.to_owned()));
    }

    /// Sets the server's clock ahead of this machine's, or behind it.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.clock_ahead_s.store(seconds, Ordering::Relaxed);
    }

    /// Requests so far by operation: `get`, `head`, `put`, `list`, …
    pub fn requests(&self, operation: &str) -> u64 {
        self.state().requests.get(operation).copied().unwrap_or(0)
    }

    /// Bytes of bodies that were asked for so far.
    pub fn body_bytes_sent(&self) -> u64 {
        self.state().body_bytes_sent
    }

    /// What left the server since the last call, and how the end of it went.
    pub fn take_traffic(&self) -> Sent {
        self.shared.traffic.take()
    }

    /// Connections that were ever made.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Begins an upload in parts that nobody ends, as a client that is killed does.
    pub fn begin_upload(&self, bucket: &str, key: &str) {
        self.make_bucket(bucket);
        self.state().begin_upload(bucket, key, Vec::new());
    }

    /// Uploads in parts that were begun and neither finished nor given up.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Without waiting for connections, which clients may keep open; also inside a runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn now(&self) -> SystemTime {
        let ahead = self.clock_ahead_s.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 { now - by } else { now + by }
    }
}

/// With room for clients that open hundreds of connections at one time, as a service has it.
fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // Out of file handles, perhaps: others may be given back.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(converse(stream, Arc::clone(&shared)));
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    // Without it the model would wait for acknowledgements too.
    let _ = stream.set_nodelay(true);
    let mut buffer = BytesMut::with_capacity(16 << 10);
    loop {
        let request = tokio::time::timeout(IDLE, Request::read(&mut stream, &mut buffer)).await;
        let Ok(Some(request)) = request else { return };
        match serve(&mut stream, &shared, &request).await {
            Ok(After::Reuse) => {}
            Ok(After::Reset) => {
                let _ = stream.set_zero_linger();
                return;
            }
            Ok(After::Close) | Err(_) => return,
        }
    }
}

/// The answer to a request whose signature is wrong.
fn refusal(shared: &Shared, request: &Request) -> Option<Answer> {
    let checked = signature::check(request, &shared.keys, shared.now());
    let (status, code, message) = checked.err()?;
    let is_elsewhere = code == "AuthorizationHeaderMalformed";
    let told = locked(&shared.state).wrong_region.clone();
    let mut answer = match told.filter(|_| is_elsewhere) {
        Some((status, code)) => Answer::error(status, &code, "it is elsewhere"),
        None => Answer::error(status, code, &message),
    };
    if is_elsewhere {
        answer = answer.with("x-amz-bucket-region", &shared.keys.region);
    }
    answer.without_body = request.method == "HEAD";
    Some(answer)
}

async fn serve(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
) -> std::io::Result<After> {
    let date = http_date(shared.now());
    let Some(operation) = operation_of(request) else {
        let answer = Answer::error(501, "NotImplemented", "the simulator does not have this");
        return answer.send(stream, None, &shared.traffic).await;
    };
    if let Some(answer) = refusal(shared, request) {
        let answer = answer.with("date", &date);
        return answer.send(stream, None, &shared.traffic).await;
    }
    let (_, key) = request.target();
    let action = {
        let mut state = locked(&shared.state);
        state.count(operation);
        state.plan.strike(operation, key)
    };
    let mut answer = match &action {
        Some(Action::Hang) => std::future::pending().await,
        Some(Action::NoAnswer { done: false }) => return Ok(After::Close),
        Some(Action::Garbage) => {
            stream
                .write_all(b"220 smtp.example.org ESMTP ready\r\n\r\n")
                .await?;
            return Ok(After::Close);
        }
        Some(Action::Status {
            status,
            code,
            headers,
        }) => {
            let mut answer = Answer::error(*status, code, "a failure made for a test");
            for (name, value) in headers {
                answer = answer.with(name, value);
            }
            answer.without_body = request.method == "HEAD";
            answer
        }
        Some(Action::OkThenError(code)) => {
            let mut answer = Answer::error(200, code, "a failure made for a test");
            answer.status = 200;
            answer
        }
        action => answer(
            &mut locked(&shared.state),
            request,
            operation,
            action.as_ref(),
        ),
    };
    if matches!(action, Some(Action::NoAnswer { .. })) {
        return Ok(After::Close);
    }
    answer = answer.with("date", &date);
    let network = shared.network.as_ref();
    if let Some(network) = network {
        tokio::time::sleep(network.first_byte(key, answer.range.start)).await;
    }
    if !answer.without_body {
        locked(&shared.state).body_bytes_sent += answer.range.end - answer.range.start;
    }
    answer.send(stream, network, &shared.traffic).await
}
