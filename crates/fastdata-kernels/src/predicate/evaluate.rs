//! From a bound predicate and columns to a mask.
//!
//! Rows are taken in chunks that stay in the cache while all atoms look at them, and an atom is
//! asked only for rows that are still undecided: the second part of an `and` for those where the
//! first was true, the second part of an `or` for the others. Null counts as false throughout,
//! which the normal form allows: there is no `not` above an atom.

use arrow_array::{Array, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use rayon::prelude::*;

use super::compile::compile_atom;
use super::row_test::RowTest;
use super::{Bound, Test};
use crate::Result;
use crate::bits::{BitSlice, WORD, bitmap, low_bits};

/// Words of a chunk: 16,384 rows, so that an 8-byte column takes 128 KiB of it.
const CHUNK_WORDS: usize = 256;
/// Batches of at least this many chunks are evaluated on several threads.
const PARALLEL_CHUNKS_MIN: usize = 8;

impl Bound {
    /// The rows of `batch` for which the condition is true: one bit a row, null counted as false.
    ///
    /// `batch` has the schema that the predicate was bound to; columns that no atom names may be of
    /// any type, the others in any layout of theirs (strings as views, dictionaries, other units).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when a column is missing or not comparable with what it was bound as.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        let rows = batch.num_rows();
        Ok(Node::compile(self, batch)?.bits(rows))
    }
}

/// A condition whose atoms have their columns.
pub(super) enum Node {
    Constant(bool),
    Rows {
        test: Box<dyn RowTest>,
        /// Rows that are not null, for tests that are false for null.
        valid: Option<NullBuffer>,
        /// What an answer costs, in no unit: the cheaper part of an `and` goes first.
        cost: u8,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    fn compile(bound: &Bound, batch: &RecordBatch) -> Result<Node> {
        let parts = |parts: &[Bound]| {
            let mut nodes = parts
                .iter()
                .map(|part| Node::compile(part, batch))
                .collect::<Result<Vec<Node>>>()?;
            nodes.sort_by_key(Node::cost);
            Ok(nodes)
        };
        Ok(match bound {
            Bound::Constant(value) => Node::Constant(*value),
            Bound::Atom(atom) => compile_atom(atom, batch)?,
            Bound::And(all) => Node::And(parts(all)?),
            Bound::Or(any) => Node::Or(parts(any)?),
        })
    }

    fn cost(&self) -> u8 {
        match self {
            Node::Constant(_) => 0,
            Node::Rows { cost, .. } => *cost,
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().map(Node::cost).fold(0, u8::saturating_add)
            }
        }
    }

    /// The answers for `rows` rows.
    pub(super) fn bits(&self, rows: usize) -> BooleanBuffer {
        let mut words = vec![0; rows.div_ceil(WORD)];
        let fill = |(chunk, out): (usize, &mut [u64])| {
            let first_row = chunk * CHUNK_WORDS * WORD;
            let mut live = [u64::MAX; CHUNK_WORDS];
            let live = &mut live[..out.len()];
            let left = rows - first_row;
            if left < out.len() * WORD
                && let Some(last) = live.last_mut()
            {
                *last = low_bits(left % WORD);
            }
            self.fill(first_row, live, out);
        };
        if words.len() >= CHUNK_WORDS * PARALLEL_CHUNKS_MIN {
            words.par_chunks_mut(CHUNK_WORDS).enumerate().for_each(fill);
        } else {
            words.chunks_mut(CHUNK_WORDS).enumerate().for_each(fill);
        }
        bitmap(words, rows)
    }

    /// Sets `out` to the live rows for which the condition is true.
    fn fill(&self, first_row: usize, live: &[u64], out: &mut [u64]) {
        match self {
            Node::Constant(true) => out.copy_from_slice(live),
            Node::Constant(false) => out.fill(0),
            Node::Rows {
                test, valid: None, ..
            } => {
                test.fill(first_row, live, out);
                and(out, live);
            }
            Node::Rows {
                test,
                valid: Some(valid),
                ..
            } => {
                let valid = BitSlice::new(valid.inner());
                let mut known = [0; CHUNK_WORDS];
                let known = &mut known[..live.len()];
                for (at, (known, live)) in known.iter_mut().zip(live).enumerate() {
                    *known = live & valid.bits_from(first_row + at * WORD);
                }
                test.fill(first_row, known, out);
                and(out, known);
            }
            Node::And(parts) => {
                out.copy_from_slice(live);
                let mut left = [0; CHUNK_WORDS];
                let left = &mut left[..live.len()];
                for part in parts {
                    if out.iter().all(|word| *word == 0) {
                        return;
                    }
                    left.copy_from_slice(out);
                    part.fill(first_row, left, out);
                }
            }
            Node::Or(parts) => {
                out.fill(0);
                let (mut left, mut found) = ([0; CHUNK_WORDS], [0; CHUNK_WORDS]);
                let (left, found) = (&mut left[..live.len()], &mut found[..live.len()]);
                left.copy_from_slice(live);
                for part in parts {
                    if left.iter().all(|word| *word == 0) {
                        return;
                    }
                    part.fill(first_row, left, found);
                    for ((out, left), found) in out.iter_mut().zip(&mut *left).zip(&*found) {
                        *out |= found;
                        *left &= !found;
                    }
                }
            }
        }
    }
}

fn and(out: &mut [u64], with: &[u64]) {
    out.iter_mut()
        .zip(with)
        .for_each(|(out, with)| *out &= with);
}

/// The answers of one test over a whole array: how dictionaries are tested.
pub(super) fn test_array(
    array: &dyn Array,
    test: &Test,
    bound_type: &arrow_schema::DataType,
) -> Result<BooleanBuffer> {
    let node = super::compile::compile_test(array, array.logical_nulls(), test, bound_type)?;
    Ok(node.bits(array.len()))
}
