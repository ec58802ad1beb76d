//! The pool: blocks that were given back wait here, by size, for the next buffer.
//!
//! Why it exists. The first touch of a 4 KiB page costs a fault and a memset by the kernel, about
//! 0.3 s a GB on virtual machines: more than decoding that GB. Huge pages make one fault out of
//! 512, reuse makes none.
//!
//! Measured by `examples/first_touch.rs` on a virtual machine with 2 cores (glibc's malloc):
//! milliseconds to allocate, write and free 1 GiB with 256 MiB alive at a time, median of 7.
//!
//! | piece | heap | fresh huge pages | pool | heap : pool |
//! |---|---|---|---|---|
//! | 256 KiB | 930 | (heap) | 69 | 13 |
//! | 1 MiB | 630 | 680 | 42 | 15 |
//! | 1.5 MiB | 610 | 210 | 62 | 10 |
//! | 4 MiB | 940 | 210 | 63 | 15 |
//! | 16 MiB | 1000 | 170 | 58 | 17 |
//! | 64 MiB | 890 | 190 | 41 | 22 |
//!
//! With one piece alive at a time malloc reuses its own memory and is as fast as the pool up to
//! 16 MiB; from 32 MiB it maps anew each time (620 against 39 at 64 MiB).
//!
//! Sizes. Below [`MAPPED_MIN_BYTES`] blocks come from the heap, above it they are mappings; both
//! wait in the pool. Four classes for each doubling, so that a block is at most a quarter larger
//! than the whole pages that it needs (what is never touched is never resident, so only a reused block can cost
//! memory that way).
//!
//! Locks. One for each class; held for a push or a pop. At 4 KiB and more a buffer's bytes cost
//! more than that even without contention, so there is no thread-local layer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::block::{Block, HEAP_ALIGN_BYTES, HUGE_PAGE_BYTES};
use crate::buffer::SLACK_BYTES;
use crate::process::memory_limit_bytes;

/// From this length on a buffer is a mapping on huge pages.
///
/// At 1 MiB a huge page is half wasted and, because the kernel clears all of it, no faster than
/// the heap (see the table); at 1.5 MiB it is three times as fast.
pub(crate) const MAPPED_MIN_BYTES: usize = 3 << 19;

/// Below this length the allocator of the process is as good as a pool.
const POOLED_MIN_BYTES: usize = 4 << 10;

/// Longer blocks go straight back to the system: one of them would push out everything else.
const POOLED_MAX_BYTES: usize = 4 << 30;

/// Classes for each doubling of the size.
const STEPS: usize = 4;

/// Slack of a mapping. It lies behind the last huge page on a page of its own: with the slack
/// inside, a buffer of exactly 2 MiB would need a second huge page for 64 bytes.
const MAPPING_SLACK_BYTES: usize = 4096;

const CLASS_COUNT: usize = class_of(POOLED_MAX_BYTES) + 1;

/// Idle blocks by size, bounded in bytes.
///
/// ```
/// use fastdata_memory::{Pool, PooledBuffer};
///
/// drop(PooledBuffer::with_len(5 << 20));
/// assert!(Pool::global().stats().idle_bytes >= 5 << 20);
/// Pool::global().trim();
/// assert_eq!(Pool::global().stats().idle_bytes, 0);
/// ```
pub struct Pool {
    classes: [Mutex<Vec<Block>>; CLASS_COUNT],
    idle_bytes: AtomicUsize,
    in_use_bytes: AtomicUsize,
    peak_bytes: AtomicUsize,
    /// [`CAP_UNSET`] until it is set or first asked for.
    cap_bytes: AtomicUsize,
    /// The smallest of `limits`; `usize::MAX` without any.
    limit_bytes: AtomicUsize,
    limits: Mutex<Vec<usize>>,
    /// The class that eviction looks at next.
    evict_next: AtomicUsize,
}

const CAP_UNSET: usize = usize::MAX;

/// What a pool holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Waiting in the pool.
    pub idle_bytes: usize,
    /// In buffers that are alive.
    pub in_use_bytes: usize,
    /// The most that was idle and in use together.
    pub peak_bytes: usize,
    /// What `idle_bytes` never exceeds.
    pub cap_bytes: usize,
}

/// A limit that ends when this is dropped; see [`Pool::limit_idle`].
#[derive(Debug)]
pub struct IdleLimit {
    pool: &'static Pool,
    idle_bytes: usize,
}

impl Drop for IdleLimit {
    fn drop(&mut self) {
        self.pool.change_limits(|limits| {
            if let Some(at) = limits.iter().position(|limit| *limit == self.idle_bytes) {
                limits.swap_remove(at);
            }
        });
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.stats().fmt(f)
    }
}

impl Pool {
    /// The pool of the process.
    pub fn global() -> &'static Self {
        static GLOBAL: Pool = Pool::with_cap(CAP_UNSET);
        &GLOBAL
    }

    /// A pool of its own that keeps at most `cap_bytes` idle.
    pub const fn with_cap(cap_bytes: usize) -> Self {
        Self {
            classes: [const { Mutex::new(Vec::new()) }; CLASS_COUNT],
            idle_bytes: AtomicUsize::new(0),
            in_use_bytes: AtomicUsize::new(0),
            peak_bytes: AtomicUsize::new(0),
            cap_bytes: AtomicUsize::new(cap_bytes),
            limit_bytes: AtomicUsize::new(usize::MAX),
            limits: Mutex::new(Vec::new()),
            evict_next: AtomicUsize::new(0),
        }
    }

    /// Sets how many bytes may wait for reuse, and gives the system what is above.
    ///
    /// Until it is set: a quarter of what the process may use, at most 4 GiB.
    pub fn set_cap(&self, cap_bytes: usize) {
        // The largest number means "not set yet", which no caller can mean.
        self.cap_bytes
            .store(cap_bytes.min(CAP_UNSET - 1), Ordering::Relaxed);
        self.evict_down_to(cap_bytes);
    }

    /// Lets at most `idle_bytes` wait for reuse as long as the returned value lives: for work with a
    /// small budget, in which what waits counts too. Of several limits the smallest holds.
    pub fn limit_idle(&'static self, idle_bytes: usize) -> IdleLimit {
        self.change_limits(|limits| limits.push(idle_bytes));
        self.evict_down_to(self.cap());
        IdleLimit {
            pool: self,
            idle_bytes,
        }
    }

    fn change_limits(&self, change: impl FnOnce(&mut Vec<usize>)) {
        let mut limits = self
            .limits
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut limits);
        let smallest = limits.iter().copied().min().unwrap_or(usize::MAX);
        self.limit_bytes.store(smallest, Ordering::Relaxed);
    }

    /// Gives everything that is idle back to the system.
    pub fn trim(&self) {
        self.evict_down_to(0);
    }

    /// What the pool holds now.
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            idle_bytes: self.idle_bytes.load(Ordering::Relaxed),
            in_use_bytes: self.in_use_bytes.load(Ordering::Relaxed),
            peak_bytes: self.peak_bytes.load(Ordering::Relaxed),
            cap_bytes: self.cap(),
        }
    }

    /// A block with room for `len_bytes` and the slack.
    pub(crate) fn take(&self, len_bytes: usize) -> Block {
        let block = self
            .take_idle(len_bytes)
            .unwrap_or_else(|| fresh(len_bytes));
        let in_use = self
            .in_use_bytes
            .fetch_add(block.len_bytes(), Ordering::Relaxed);
        let total = in_use + block.len_bytes() + self.idle_bytes.load(Ordering::Relaxed);
        self.peak_bytes.fetch_max(total, Ordering::Relaxed);
        block
    }

    pub(crate) fn give_back(&self, block: Block) {
        let block_bytes = block.len_bytes();
        self.in_use_bytes.fetch_sub(block_bytes, Ordering::Relaxed);
        let cap = self.cap();
        let Some(class) = class_of_block(&block).filter(|_| block_bytes <= cap) else {
            return;
        };
        // What came back last is what is asked for next, so older blocks make room for it.
        self.evict_down_to(cap - block_bytes);
        // Room is taken before the block is visible: with many threads here at once the sum would
        // otherwise pass the cap.
        let reserved = self
            .idle_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| {
                idle.checked_add(block_bytes).filter(|&idle| idle <= cap)
            })
            .is_ok();
        if reserved {
            self.class(class).push(block);
        }
    }

    /// An idle block of the right class, or of one of the next two (at most 1.75 times as large).
    fn take_idle(&self, len_bytes: usize) -> Option<Block> {
        if !(POOLED_MIN_BYTES..=POOLED_MAX_BYTES).contains(&len_bytes) {
            return None;
        }
        let first = class_of(payload_bytes(len_bytes));
        // A heap block must not stand in for a mapping. Mappings begin at the class of one huge
        // page, heap blocks end before it.
        let kind_end = if len_bytes < MAPPED_MIN_BYTES {
            class_of(HUGE_PAGE_BYTES)
        } else {
            CLASS_COUNT
        };
        (first..(first + 3).min(kind_end)).find_map(|class| {
            let block = self.class(class).pop()?;
            self.idle_bytes
                .fetch_sub(block.len_bytes(), Ordering::Relaxed);
            Some(block)
        })
    }

    fn evict_down_to(&self, idle_bytes_max: usize) {
        let mut empty_classes = 0;
        while self.idle_bytes.load(Ordering::Relaxed) > idle_bytes_max {
            let class = self.evict_next.fetch_add(1, Ordering::Relaxed) % CLASS_COUNT;
            // The lock is let go before the block is: unmapping takes long.
            let evicted = self.class(class).pop();
            match evicted {
                Some(block) => {
                    self.idle_bytes
                        .fetch_sub(block.len_bytes(), Ordering::Relaxed);
                    empty_classes = 0;
                }
                // Other threads may have taken what was counted.
                None if empty_classes == CLASS_COUNT => return,
                None => empty_classes += 1,
            }
        }
    }

    fn class(&self, class: usize) -> std::sync::MutexGuard<'_, Vec<Block>> {
        // A panic inside a push or pop cannot leave the list broken.
        self.classes[class]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn cap(&self) -> usize {
        self.set_or_default_cap()
            .min(self.limit_bytes.load(Ordering::Relaxed))
    }

    fn set_or_default_cap(&self) -> usize {
        match self.cap_bytes.load(Ordering::Relaxed) {
            CAP_UNSET => {
                let cap = memory_limit_bytes().map_or(1 << 30, |limit| (limit / 4).min(4 << 30));
                let cap = usize::try_from(cap).unwrap_or(1 << 30);
                // Somebody may have set it meanwhile: theirs counts.
                match self.cap_bytes.compare_exchange(
                    CAP_UNSET,
                    cap,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => cap,
                    Err(set) => set,
                }
            }
            cap => cap,
        }
    }
}

/// A block from the system with room for `len_bytes` and the slack.
fn fresh(len_bytes: usize) -> Block {
    if len_bytes < POOLED_MIN_BYTES {
        return Block::heap((len_bytes + SLACK_BYTES).next_multiple_of(HEAP_ALIGN_BYTES));
    }
    if len_bytes < MAPPED_MIN_BYTES {
        return Block::heap(payload_bytes(len_bytes) + SLACK_BYTES);
    }
    // An overflow here asks for more than the address space, which `mapping` refuses.
    Block::mapping(payload_bytes(len_bytes).saturating_add(MAPPING_SLACK_BYTES))
}

/// What a fresh block for `len_bytes` (`POOLED_MIN_BYTES` or more) holds without its slack: whole
/// huge pages above the threshold, the class's size in any case.
fn payload_bytes(len_bytes: usize) -> usize {
    if len_bytes > POOLED_MAX_BYTES {
        return len_bytes;
    }
    if len_bytes < MAPPED_MIN_BYTES {
        return class_bytes(class_of(len_bytes));
    }
    let bytes = class_bytes(class_of(len_bytes.next_multiple_of(HUGE_PAGE_BYTES)));
    debug_assert_eq!(bytes % HUGE_PAGE_BYTES, 0);
    bytes
}

/// The class that a block was made for, if it may wait in the pool.
fn class_of_block(block: &Block) -> Option<usize> {
    let slack_bytes = if block.is_mapping() {
        MAPPING_SLACK_BYTES
    } else {
        SLACK_BYTES
    };
    let payload_bytes = block.len_bytes() - slack_bytes;
    (POOLED_MIN_BYTES..=POOLED_MAX_BYTES)
        .contains(&payload_bytes)
        .then(|| class_of(payload_bytes))
}

/// The class of buffers of `len_bytes` (`POOLED_MIN_BYTES..=POOLED_MAX_BYTES`).
const fn class_of(len_bytes: usize) -> usize {
    // Sizes in (2^k, 2^(k+1)] share a doubling and are cut into STEPS classes.
    if len_bytes <= POOLED_MIN_BYTES {
        return 0;
    }
    let doubling = (len_bytes - 1).ilog2() as usize;
    let step_bytes = (1 << doubling) / STEPS;
    let step = (len_bytes - (1 << doubling)).div_ceil(step_bytes);
    (doubling - POOLED_MIN_BYTES.ilog2() as usize) * STEPS + step
}

/// The longest buffer of a class, in bytes.
const fn class_bytes(class: usize) -> usize {
    let base = POOLED_MIN_BYTES << (class / STEPS);
    base + base / STEPS * (class % STEPS)
}

#[cfg(test)]
mod tests;
