//! The connections to one host: over all of its addresses, used again while they are fresh.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::addresses::Addresses;
use super::connection::{Broken, Connection, Head, Secured};
use super::endpoint::Endpoint;

/// S3 closes connections that were idle for about 5 s; a request on one of those would fail first.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// A name is asked for again after this; until an answer comes, the old addresses do.
const LOOKUP_EVERY: Duration = Duration::from_secs(5);

/// A name that nobody knows is asked for twice.
const LOOKUPS: u32 = 2;

/// A question to the name service goes over UDP, and is asked again by the system only after seconds.
const LOOKUP_LATE: Duration = Duration::from_millis(500);

pub(super) struct Pool {
    host: String,
    port: u16,
    is_tls: bool,
    ca_bundle: Option<PathBuf>,
    started: Instant,
    addresses: Mutex<Addresses>,
    looked_up: Mutex<Option<Instant>>,
    idle: Mutex<Vec<Connection>>,
    /// Tells those who wait for a new connection that another one is free.
    freed: Notify,
    /// What they no longer waited for then: it is there, or on its way, for whoever comes next.
    left: Mutex<Vec<Attempt>>,
}

type Attempt = JoinHandle<Result<Connection, Broken>>;

/// A connection in use; it counts until it is dropped, and goes back only by [`Lease::give_back`].
pub(super) struct Lease {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    /// Whether it has answered before: then a first failure may just mean that it lay too long.
    pub(super) is_reused: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// `ca_bundle`: whom to trust instead of what the system trusts.
    pub(super) fn new(endpoint: &Endpoint, ca_bundle: Option<&Path>) -> Self {
        Self {
            host: endpoint.host.clone(),
            port: endpoint.port,
            is_tls: endpoint.is_tls,
            ca_bundle: ca_bundle.map(Path::to_path_buf),
            started: Instant::now(),
            addresses: Mutex::default(),
            looked_up: Mutex::default(),
            idle: Mutex::default(),
            freed: Notify::new(),
            left: Mutex::default(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A connection that is ready for a request: one that is free, or becomes so before a new one is
    /// made. Servers that take few at a time drop the first packet of the others, which is sent again
    /// a second later; by then most requests are through.
    pub(super) async fn lease(self: &Arc<Self>, timeout: Duration) -> Result<Lease, Broken> {
        loop {
            if let Some(connection) = self.fresh_idle() {
                return Ok(self.leased(connection, true));
            }
            self.look_up().await?;
            let mut connecting = Connecting::of(self, timeout);
            let made = tokio::select! {
                biased;
                made = connecting.made() => made,
                freed = self.next_idle() => return Ok(self.leased(freed, true)),
            };
            match made {
                Ok(connection) if connection.is_fresh() => {
                    return Ok(self.leased(connection, !connecting.is_own));
                }
                Ok(old) => locked(&self.addresses).closed(old.address),
                Err(broken) if connecting.is_own => return Err(broken),
                // That was another's attempt.
                Err(_) => {}
            }
        }
    }

    /// A new connection to the address that has the fewest.
    async fn connect(self: Arc<Self>, timeout: Duration) -> Result<Connection, Broken> {
        let chosen = locked(&self.addresses).choose(self.now());
        let Some(address) = chosen else {
            let what = format!("no connection: {} has no address", self.host);
            return Err(Broken::NoConnection(what));
        };
        // The address counts from here on, also when the connection does not come about.
        let guard = Counted(&self, address);
        let tls = self.is_tls.then_some(Secured {
            host: &self.host,
            ca_bundle: self.ca_bundle.as_deref(),
        });
        match Connection::open(address, tls, timeout).await {
            Ok(connection) => {
                std::mem::forget(guard);
                Ok(connection)
            }
            Err(broken) => {
                locked(&self.addresses).failed(address, self.now());
                Err(broken)
            }
        }
    }

    fn keep(&self, mut connection: Connection) {
        connection.idle_since = Instant::now();
        locked(&self.idle).push(connection);
        self.freed.notify_one();
    }

    async fn next_idle(&self) -> Connection {
        loop {
            self.freed.notified().await;
            if let Some(connection) = self.fresh_idle() {
                return connection;
            }
        }
    }

    fn leased(self: &Arc<Self>, connection: Connection, is_reused: bool) -> Lease {
        Lease {
            connection: Some(connection),
            pool: Arc::clone(self),
            is_reused,
        }
    }

    fn fresh_idle(&self) -> Option<Connection> {
        let mut idle = locked(&self.idle);
        while let Some(connection) = idle.pop() {
            if connection.is_fresh() {
                return Some(connection);
            }
            locked(&self.addresses).closed(connection.address);
        }
        None
    }

    /// Sees to it that the addresses are known, and soon that they are fresh.
    async fn look_up(self: &Arc<Self>) -> Result<(), Broken> {
        let is_first = {
            let mut looked_up = locked(&self.looked_up);
            let is_first = looked_up.is_none();
            let is_due = looked_up.is_none_or(|at| at.elapsed() > LOOKUP_EVERY);
            if !is_due {
                return Ok(());
            }
            if !is_first {
                *looked_up = Some(Instant::now());
            }
            is_first
        };
        if !is_first {
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                // The old addresses do until this works again.
                let _ = pool.resolve().await;
            });
            return Ok(());
        }
        let mut failed = String::new();
        for _ in 0..LOOKUPS {
            match self.resolve().await {
                Ok(()) => {
                    *locked(&self.looked_up) = Some(Instant::now());
                    return Ok(());
                }
                Err(error) => failed = error.to_string(),
            }
        }
        let what = format!(
            "no connection: the name {} is unknown ({failed})",
            self.host
        );
        Err(Broken::NoConnection(what))
    }

    async fn resolve(&self) -> std::io::Result<()> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let ask = || async {
            let found = tokio::net::lookup_host((host, self.port)).await;
            found.map(|found| found.collect::<Vec<SocketAddr>>())
        };
        let found = hedged(tokio::time::sleep(LOOKUP_LATE), ask).await?;
        locked(&self.addresses).resolved(&found, self.now());
        Ok(())
    }

    /// A body came at so many bytes a second.
    pub(super) fn delivered(&self, address: SocketAddr, bytes_per_second: f64) {
        locked(&self.addresses).delivered(address, bytes_per_second);
    }
}

impl Connection {
    fn is_fresh(&self) -> bool {
        self.idle_since.elapsed() < IDLE_MAX && self.is_quiet()
    }
}

/// A connection that is being made. It goes on when nobody waits for it any more.
struct Connecting {
    attempt: Option<Attempt>,
    /// Whether it was begun for whoever waits.
    is_own: bool,
    pool: Arc<Pool>,
}

impl Connecting {
    /// One that was left, or a new one.
    fn of(pool: &Arc<Pool>, timeout: Duration) -> Self {
        let left = locked(&pool.left).pop();
        Self {
            is_own: left.is_none(),
            attempt: Some(left.unwrap_or_else(|| {
                let pool = Arc::clone(pool);
                tokio::spawn(pool.connect(timeout))
            })),
            pool: Arc::clone(pool),
        }
    }

    async fn made(&mut self) -> Result<Connection, Broken> {
        let ended = Broken::NoConnection("the program is ending".to_owned());
        let Some(attempt) = &mut self.attempt else {
            return Err(ended);
        };
        let made = attempt.await;
        self.attempt = None;
        match made {
            Ok(made) => made,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(ended),
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            locked(&self.pool.left).push(attempt);
        }
    }
}

/// Asks once, and once more when no answer has come when it is `late`: the first answer counts, an
/// error only when there is no other.
async fn hedged<T, E, F: Future<Output = Result<T, E>>>(
    late: impl Future,
    ask: impl Fn() -> F,
) -> Result<T, E> {
    let mut first = std::pin::pin!(ask());
    tokio::select! {
        biased;
        answer = &mut first => return answer,
        _ = late => {}
    }
    let mut second = std::pin::pin!(ask());
    tokio::select! {
        biased;
        answer = &mut first => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => second.await,
        },
        answer = &mut second => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => first.await,
        },
    }
}

/// Takes a connection that never came about off its address again.
struct Counted<'a>(&'a Pool, SocketAddr);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        locked(&self.0.addresses).closed(self.1);
    }
}

impl Lease {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a lease holds its connection until it is given back"),
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The address did not do its work.
    pub(super) fn blame(&self) {
        if let Some(connection) = &self.connection {
            locked(&self.pool.addresses).failed(connection.address, self.pool.now());
        }
    }

    /// Keeps the connection for the next request, if it can have one.
    pub(super) fn give_back(mut self, head: &Head) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        // The next request is better off elsewhere.
        let is_slow = locked(&self.pool.addresses).is_slow(connection.address);
        if connection.may_go_on(head) && !is_slow {
            self.pool.keep(connection);
        } else {
            locked(&self.pool.addresses).closed(connection.address);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            locked(&self.pool.addresses).closed(connection.address);
        }
    }
}

#[cfg(test)]
mod tests;
