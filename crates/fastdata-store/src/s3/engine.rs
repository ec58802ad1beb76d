//! What all buckets share: connections, the number of requests in flight, retries and hedges left,
//! the clock of the service, and the rate limit.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::concurrency::Controller;
use super::endpoint::Endpoint;
use super::hedge::Hedging;
use super::pool::Pool;
use super::rate::RateLimit;
use super::retry::{Budget, Patience, Retry};
use crate::{ChecksumAlgorithm, StoreConfig};

/// Requests in flight at first: what fills 10 Gbit/s at 70 MB/s a connection. With more, parts of 8 MiB
/// only wait for each other behind a line of 4 Gbit/s, and a scan gets its last row groups all at once.
const START: usize = 18;

/// What a request for a part of 8 MiB takes of what may be in flight; smaller ones take less.
const UNITS: usize = 8;

/// What a connection could bring while a request waits for its answer: 90 MB/s for 31 ms.
const WAITING_BYTES: u64 = 2_800_000;

/// A pool belongs to the runtime that watches its sockets.
type PoolKey = (tokio::runtime::Id, bool, String, u16);

pub(super) struct Engine {
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) stall_timeout: Duration,
    patience: Patience,
    started: Instant,
    ca_bundle: Option<PathBuf>,
    pools: Mutex<HashMap<PoolKey, Arc<Pool>>>,
    pub(super) hedging: Mutex<Hedging>,
    pub(super) budget: Mutex<Budget>,
    controller: Mutex<Flow>,
    /// In units.
    permits: Arc<Semaphore>,
    /// One for each request that may run, however small it is.
    slots: Arc<Semaphore>,
    /// The algorithm by which objects have their checksums, as far as they were seen.
    usual_checksum: Mutex<ChecksumAlgorithm>,
    /// What the service's clock shows beyond ours, in seconds.
    clock_ahead_s: AtomicI64,
    seed: AtomicU64,
    pub(super) rate: RateLimit,
}

/// The controller, and how far the permits are from its target.
struct Flow {
    controller: Controller,
    /// Units that exist, in the semaphore or in use.
    issued: usize,
    /// Units to be thrown away when they come back.
    surplus: usize,
}

/// Leave to send one request.
pub(super) struct Permit {
    permit: Option<OwnedSemaphorePermit>,
    _slot: Option<OwnedSemaphorePermit>,
    engine: Arc<Engine>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(super) fn new(config: &StoreConfig) -> Self {
        let most = config.connections.clamp(1, 4096);
        let controller = Controller::new(START, most);
        let issued = controller.target() * UNITS;
        Self {
            connect_timeout: config.connect_timeout,
            request_timeout: config.request_timeout,
            stall_timeout: config.stall_timeout,
            patience: Patience {
                retries: u32::try_from(config.retries).unwrap_or(u32::MAX),
                total: config.retry_timeout,
            },
            started: Instant::now(),
            ca_bundle: config.ca_bundle.clone(),
            pools: Mutex::default(),
            hedging: Mutex::default(),
            budget: Mutex::default(),
            permits: Arc::new(Semaphore::new(issued)),
            slots: Arc::new(Semaphore::new(most)),
            usual_checksum: Mutex::new(ChecksumAlgorithm::Crc64Nvme),
            controller: Mutex::new(Flow {
                controller,
                issued,
                surplus: 0,
            }),
            clock_ahead_s: AtomicI64::new(0),
            seed: AtomicU64::new(u64::from(std::process::id()) << 32),
            rate: RateLimit::new(config.max_bytes_per_second),
        }
    }

    /// Time since the engine came to be, for everything that has no clock of its own.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time by the service's clock, as far as we know.
    pub(super) fn service_time(&self) -> SystemTime {
        let ahead = self.clock_ahead_s.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 { now - by } else { now + by }
    }

    pub(super) fn set_clock_ahead(&self, seconds: i64) {
        self.clock_ahead_s.store(seconds, Ordering::Relaxed);
    }

    /// The clock's offset in seconds, if it had to be corrected.
    pub(super) fn clock_ahead_s(&self) -> i64 {
        self.clock_ahead_s.load(Ordering::Relaxed)
    }

    pub(super) fn retry(&self) -> Retry {
        let nanos = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| u64::from(since.subsec_nanos()));
        Retry::new(
            self.patience,
            self.seed.fetch_add(1, Ordering::Relaxed) ^ nanos,
        )
    }

    pub(super) fn pool(&self, endpoint: &Endpoint) -> Arc<Pool> {
        let runtime = tokio::runtime::Handle::current().id();
        let key = (
            runtime,
            endpoint.is_tls,
            endpoint.host.clone(),
            endpoint.port,
        );
        let mut pools = locked(&self.pools);
        let pool = pools
            .entry(key)
            .or_insert_with(|| Arc::new(Pool::new(endpoint, self.ca_bundle.as_deref())));
        Arc::clone(pool)
    }

    /// Waits until a request for so many bytes may be sent.
    pub(super) async fn permit(self: &Arc<Self>, bytes: u64) -> Permit {
        let units = units(bytes);
        // An error means that the semaphore was closed, which nobody does.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_many_owned(units).await.ok();
        Permit {
            permit,
            _slot: slot,
            engine: Arc::clone(self),
        }
    }

    /// A place in the line of those who wait for leave, taken now and not when it is first asked
    /// whether their turn has come: tasks begin in any order, and a scan waits for its first row group.
    pub(super) fn place(self: &Arc<Self>, bytes: u64) -> BoxFuture<'static, Permit> {
        let engine = Arc::clone(self);
        let wait = async move { engine.permit(bytes).await };
        // A task that took many places would be asked to pause, and have none.
        let mut wait = tokio::task::unconstrained(wait).boxed();
        match (&mut wait).now_or_never() {
            Some(permit) => std::future::ready(permit).boxed(),
            None => wait,
        }
    }

    /// How objects without a known checksum are summed up on their way.
    pub(super) fn usual_checksum(&self) -> ChecksumAlgorithm {
        *locked(&self.usual_checksum)
    }

    pub(super) fn set_usual_checksum(&self, algorithm: ChecksumAlgorithm) {
        *locked(&self.usual_checksum) = algorithm;
    }

    /// A request brought `bytes` in `took`.
    pub(super) fn done(&self, took: Duration, bytes: u64) {
        let saturated =
            self.permits.available_permits() < UNITS || self.slots.available_permits() == 0;
        let mut flow = locked(&self.controller);
        flow.controller.done(self.now(), took, bytes, saturated);
        flow.settle(&self.permits);
        drop(flow);
        locked(&self.budget).succeeded();
    }

    pub(super) fn throttled(&self) {
        let mut flow = locked(&self.controller);
        flow.controller.throttled(self.now());
        flow.settle(&self.permits);
    }
}

/// The share of the line that a request is good for, which is the share of its time in which bytes come:
/// small ones wait most of theirs, and as many more fill the same line.
fn units(bytes: u64) -> u32 {
    const PART_BYTES: u64 = 8 << 20;
    let bytes = bytes.min(PART_BYTES);
    let of_part = (PART_BYTES + WAITING_BYTES) as f64 / PART_BYTES as f64;
    let share = bytes as f64 / (bytes + WAITING_BYTES) as f64 * of_part;
    (share * UNITS as f64).round().max(1.0) as u32
}

impl Flow {
    fn settle(&mut self, permits: &Semaphore) {
        let target = self.controller.target() * UNITS;
        let issued = self.issued - self.surplus;
        if target > issued {
            let wanted = target - issued;
            let kept = wanted.min(self.surplus);
            self.surplus -= kept;
            permits.add_permits(wanted - kept);
            self.issued += wanted - kept;
        } else {
            let forgotten = permits.forget_permits(issued - target);
            self.issued -= forgotten;
            self.surplus += issued - target - forgotten;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(mut permit) = self.permit.take() else {
            return;
        };
        let mut flow = locked(&self.engine.controller);
        let gone = flow.surplus.min(permit.num_permits());
        if let Some(surplus) = permit.split(gone) {
            flow.surplus -= gone;
            flow.issued -= gone;
            surplus.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn small_requests_are_many() {
        let parts = [0, 64 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 1 << 40];
        assert_eq!(parts.map(units), [1, 1, 3, 5, 6, 8, 8]);
    }
}
