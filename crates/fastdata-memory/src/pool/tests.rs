//! The pool's promises: bounded, reused, whole under threads.

use super::*;
use crate::PooledBuffer;

fn leaked(cap_bytes: usize) -> &'static Pool {
    Box::leak(Box::new(Pool::with_cap(cap_bytes)))
}

#[test]
fn classes_cover_every_length_and_waste_at_most_a_quarter() {
    let mut previous = 0;
    for class in 0..CLASS_COUNT {
        assert!(class_bytes(class) > previous);
        assert_eq!(class_of(class_bytes(class)), class);
        if class > 0 {
            assert_eq!(class_of(previous + 1), class);
            assert!(class_bytes(class) <= (previous + 1) / 4 * 5 + 4, "{class}");
        }
        previous = class_bytes(class);
    }
    assert_eq!(previous, POOLED_MAX_BYTES);
}

#[test]
fn a_block_waits_in_a_class_that_it_can_serve() {
    for len in [
        4096,
        5000,
        1 << 19,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
        2 << 20,
        5 << 20,
        21 << 20,
    ] {
        let block = fresh(len);
        let class = class_of_block(&block).unwrap();
        let slack = if len < MAPPED_MIN_BYTES {
            SLACK_BYTES
        } else {
            MAPPING_SLACK_BYTES
        };
        assert!(class_bytes(class) + slack <= block.len_bytes(), "{len}");
        assert!(
            class >= class_of(len),
            "{len} would not be reused for {len}"
        );
    }
}

#[test]
fn dropped_memory_is_reused_stale() {
    for len in [
        4106,
        5000,
        1 << 20,
        1_400_000,
        MAPPED_MIN_BYTES - 1,
        (3 << 19) + 10,
        3 << 20,
    ] {
        let pool = leaked(64 << 20);
        let mut first = PooledBuffer::with_len_in(pool, len);
        first.as_mut_slice().fill(9);
        let address = first.as_slice().as_ptr();
        drop(first);
        let second = PooledBuffer::with_len_in(pool, len - 10);
        assert_eq!(second.as_slice().as_ptr(), address);
        assert!(second.as_slice().iter().all(|&byte| byte == 9));
        assert_eq!(pool.stats().idle_bytes, 0);
    }
}

#[test]
fn a_small_request_never_pins_a_large_block() {
    let pool = leaked(1 << 30);
    drop(PooledBuffer::with_len_in(pool, 64 << 20));
    drop(PooledBuffer::with_len_in(pool, 900 << 10));
    let idle = pool.stats().idle_bytes;
    let small = [2 << 20, 30 << 20, 100 << 10].map(|len| PooledBuffer::with_len_in(pool, len));
    assert_eq!(
        pool.stats().idle_bytes,
        idle,
        "all three came from the system"
    );
    drop(small);
}

#[test]
fn idle_bytes_stay_under_the_cap_and_new_sizes_push_out_old_ones() {
    let cap = 20 << 20;
    let pool = leaked(cap);
    for round in 0..4 {
        let buffers: Vec<_> = (1..12)
            .map(|step| PooledBuffer::with_len_in(pool, (step + round) << 20))
            .collect();
        drop(buffers);
        assert!(pool.stats().idle_bytes <= cap);
        assert_eq!(pool.stats().in_use_bytes, 0);
    }
    drop(PooledBuffer::with_len_in(pool, cap - (4 << 20)));
    let address_free = PooledBuffer::with_len_in(pool, cap - (4 << 20));
    assert!(
        pool.stats().idle_bytes <= cap - address_free.len(),
        "the last one was kept"
    );
    drop(PooledBuffer::with_len_in(pool, cap * 2));
    assert!(pool.stats().idle_bytes <= cap);
    assert!(pool.stats().peak_bytes >= cap * 2);
}

#[test]
fn cap_and_trim_take_effect_at_once() {
    let pool = leaked(256 << 20);
    drop([1 << 20, 2 << 20, 40 << 20, 5000].map(|len| PooledBuffer::with_len_in(pool, len)));
    assert!(pool.stats().idle_bytes > 40 << 20);
    pool.set_cap(4 << 20);
    assert!(pool.stats().idle_bytes <= 4 << 20);
    pool.trim();
    assert_eq!(pool.stats().idle_bytes, 0);
    pool.set_cap(0);
    drop(PooledBuffer::with_len_in(pool, 2 << 20));
    assert_eq!(pool.stats().idle_bytes, 0);
    assert_eq!(pool.stats().cap_bytes, 0);
}

#[test]
fn the_default_cap_is_a_share_of_the_machine() {
    let cap = Pool::global().stats().cap_bytes;
    assert!(cap > 0 && cap <= 4 << 30, "{cap}");
}

/// Buffers that are alive at the same time never share memory, whoever drops them, and the
/// counters end where they began.
#[test]
fn threads_never_share_a_live_buffer() {
    let cap = 24 << 20;
    let pool = leaked(cap);
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(u8, PooledBuffer)>(8);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let sender = sender.clone();
            scope.spawn(move || {
                for round in 0..200_usize {
                    let len = 1 + (round * 7919 + usize::from(thread) * 104_729) % (3 << 20);
                    let mut buffer = PooledBuffer::with_len_in(pool, len);
                    let mark = (round as u8) ^ (thread << 6);
                    let last = len - 1;
                    for index in [0, last / 2, last] {
                        buffer.as_mut_slice()[index] = mark;
                    }
                    sender.send((mark, buffer)).unwrap();
                    assert!(pool.stats().idle_bytes <= cap);
                }
            });
        }
        drop(sender);
        let mut alive = std::collections::VecDeque::new();
        for (mark, buffer) in receiver {
            alive.push_back((mark, buffer));
            if alive.len() > 6 {
                let (mark, buffer) = alive.pop_front().unwrap();
                let last = buffer.len() - 1;
                for index in [0, last / 2, last] {
                    assert_eq!(buffer.as_slice()[index], mark);
                }
            }
        }
    });
    let stats = pool.stats();
    assert_eq!(stats.in_use_bytes, 0);
    assert!(stats.idle_bytes <= cap);
    assert!(stats.peak_bytes < 16 * (4 << 20) + cap);
    pool.trim();
    assert_eq!(pool.stats().idle_bytes, 0);
}

#[test]
fn a_limit_ends_with_its_guard() {
    let pool = leaked(64 << 20);
    drop(PooledBuffer::with_len_in(pool, 8 << 20));
    let small = pool.limit_idle(1 << 20);
    let smaller = pool.limit_idle(0);
    assert_eq!(pool.stats().idle_bytes, 0);
    drop(small);
    drop(PooledBuffer::with_len_in(pool, 2 << 20));
    assert_eq!((pool.stats().cap_bytes, pool.stats().idle_bytes), (0, 0));
    drop(smaller);
    drop(PooledBuffer::with_len_in(pool, 8 << 20));
    assert!(pool.stats().idle_bytes >= 8 << 20);
    assert_eq!(pool.stats().cap_bytes, 64 << 20);
}
