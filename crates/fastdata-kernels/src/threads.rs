//! Work over many parts, on the threads of the pool that the caller is in.
//!
//! Outside of any pool the calling thread does everything: rayon's global pool belongs to the program,
//! and waking threads takes longer than selecting from a small column.

use rayon::prelude::*;

/// Whether `count` pieces of work are worth more than one thread.
pub fn are_worth(count: usize) -> bool {
    count > 1 && rayon::current_thread_index().is_some()
}

/// What `work` makes of each item, in their order.
pub fn map_each<'a, T: Sync, R: Send, C>(
    items: &'a [T],
    work: impl Fn(&'a T) -> R + Sync + Send,
) -> C
where
    C: FromIterator<R> + FromParallelIterator<R>,
{
    match are_worth(items.len()) {
        true => items.par_iter().map(work).collect(),
        false => items.iter().map(work).collect(),
    }
}
