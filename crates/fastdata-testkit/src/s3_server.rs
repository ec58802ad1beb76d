//! Versity S3 Gateway: a real S3 server over a folder, for tests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_store::StoreConfig;
use object_store::aws::AmazonS3;
use object_store::{ObjectStoreExt, PutPayload};

use crate::{foreign_client, skipped, workspace_root};

/// The release that is built when no program is at hand; `cargo xtask` builds the same.
const MODULE: &str = include_str!("../versitygw.module").trim_ascii();

/// The least Go that its module file asks for.
const GO_MIN: (u32, u32) = (1, 25);

const ACCESS_KEY_ID: &str = "fastdata-test";
const SECRET_ACCESS_KEY: &str = "not-a-secret";

/// A server that runs until this is dropped (which a `static` never is).
///
/// Buckets are the folders right below its root; their names have 3 characters or more.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    root: PathBuf,
    endpoint_url: String,
    clients: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

impl S3Server {
    /// Starts a server over `root`, which exists. `None`, and `SKIPPED` on stderr, when there is no
    /// program and none can be built.
    ///
    /// # Panics
    /// When there is a program and it does not start: that is a failure, not a lack.
    pub fn start(root: &Path) -> Option<Self> {
        let program = ensure_versitygw()?;
        // Between choosing a free port and its use by the server somebody else may take it.
        let mut log = String::new();
        for _ in 0..5 {
            match Self::start_once(&program, root) {
                Ok(server) => return Some(server),
                Err(error) => log = error,
            }
        }
        panic!("{} does not start: {log}", program.display());
    }

    fn start_once(program: &Path, root: &Path) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
        let address = free.local_addr().map_err(text)?;
        drop(free);
        let child = Command::new(program)
            .args(["--quiet", "--port", &address.to_string(), "posix"])
            .arg(root)
            .env("ROOT_ACCESS_KEY", ACCESS_KEY_ID)
            .env("ROOT_SECRET_KEY", SECRET_ACCESS_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(text)?;
        let mut server = Self {
            child,
            root: root.to_path_buf(),
            endpoint_url: format!("http://{address}"),
            clients: Mutex::default(),
        };
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            if let Some(status) = server.child.try_wait().map_err(text)? {
                return Err(format!("it ended with {status}"));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("it does not listen after 30 s".to_owned())
    }

    /// Where it listens, `http://127.0.0.1:port`.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// How a store reaches it. Nothing of the environment is in there.
    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            endpoint_url: Some(self.endpoint_url.clone()),
            region: Some("us-east-1".to_owned()),
            access_key_id: Some(ACCESS_KEY_ID.to_owned()),
            secret_access_key: Some(SECRET_ACCESS_KEY.into()),
            ..StoreConfig::default()
        }
    }

    /// The environment variables that mean the same as [`S3Server::config`], for a command.
    pub fn env(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint_url.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
    }

    /// Writes an object through the server (so that it has an ETag); makes the bucket if need be.
    ///
    /// # Panics
    /// When that fails.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let client = self.client(bucket);
        let path = object_store::path::Path::parse(key)
            .unwrap_or_else(|error| panic!("the key {key:?} cannot be written: {error}"));
        let payload = PutPayload::from(Bytes::copy_from_slice(content));
        // On a thread of its own: the caller may be inside a runtime, where one cannot block.
        let done = std::thread::scope(|scope| {
            scope
                .spawn(|| runtime().block_on(client.put(&path, payload)).map(drop))
                .join()
        });
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("cannot put {bucket}/{key}: {error}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Writes every file below `folder` as `prefix/<its path in folder>`.
    ///
    /// # Panics
    /// When that fails, or a name is not UTF-8.
    pub fn put_folder(&self, bucket: &str, prefix: &str, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            let entries = std::fs::read_dir(&next)
                .unwrap_or_else(|error| panic!("cannot list {}: {error}", next.display()));
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let below = path.strip_prefix(folder).ok().and_then(Path::to_str);
                let (Some(below), Ok(content)) = (below, std::fs::read(&path)) else {
                    panic!("cannot read {}", path.display());
                };
                self.put(bucket, &format!("{prefix}/{below}"), &content);
            }
        }
    }

    fn client(&self, bucket: &str) -> Arc<AmazonS3> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(bucket.to_owned()).or_insert_with(|| {
            let made = std::fs::create_dir_all(self.root.join(bucket));
            made.unwrap_or_else(|error| panic!("cannot make the bucket {bucket}: {error}"));
            Arc::new(foreign_client(self.env(), bucket))
        });
        Arc::clone(client)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// The gateway's program: `$FASTDATA_VERSITYGW`, or `target/tools/bin/versitygw`, which is built on
/// the first call. `None`, and `SKIPPED` on stderr, when it cannot be built here.
pub fn ensure_versitygw() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("FASTDATA_VERSITYGW") {
        let program = PathBuf::from(program);
        assert!(
            program.is_file(),
            "FASTDATA_VERSITYGW names no file: {}",
            program.display()
        );
        return Some(program);
    }
    let bin = workspace_root().join("target").join("tools").join("bin");
    let program = bin.join("versitygw");
    if program.is_file() {
        return Some(program);
    }
    match build(&bin, &program) {
        Ok(()) => Some(program),
        Err(why) => {
            skipped("tests against Versity S3 Gateway", &why);
            None
        }
    }
}

fn build(bin: &Path, program: &Path) -> Result<(), String> {
    let found = Command::new("go").args(["env", "GOVERSION"]).output();
    let found = found.map_err(|_| "there is no program and no Go to build it with".to_owned())?;
    let version = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    if go_version(&version).is_none_or(|version| version < GO_MIN) {
        return Err(format!(
            "Go is {version:?}, {}.{} or newer builds it",
            GO_MIN.0, GO_MIN.1
        ));
    }
    std::fs::create_dir_all(bin).map_err(|error| error.to_string())?;
    // Several test programs may come here at one time; the others wait, then find it built.
    let lock =
        std::fs::File::create(bin.join("versitygw.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if program.is_file() {
        return Ok(());
    }
    let output = Command::new("go")
        .args(["install", MODULE])
        .env("GOBIN", bin)
        .env("CGO_ENABLED", "0")
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() && program.is_file() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "`go install {MODULE}` failed: {}",
        log.lines().last().unwrap_or("without a word")
    ))
}

/// `go1.26.8` as (1, 26).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text
        .strip_prefix("go")?
        .split(|sign: char| !sign.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions() {
        assert_eq!(go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(go_version("go1.25rc1"), Some((1, 25)));
        assert_eq!(go_version("devel"), None);
    }
}
