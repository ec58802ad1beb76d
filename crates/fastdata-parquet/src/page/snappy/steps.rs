//! Single tags of a snappy block, without a look at the ends of the memory.

#![expect(
    unsafe_code,
    reason = "a step reads and writes within margins that its caller has looked at"
)]

/// Nearest copy whose two 8-byte halves read only what is already written.
const NEAR: usize = 8;

/// How far a stream has come.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) read: usize,
    pub(super) written: usize,
}

impl Place {
    pub(super) fn is_before(self, other: Self) -> bool {
        self.read < other.read && self.written < other.written
    }
}

/// What tag bytes say, in one place so that one register finds all of it.
struct Tags {
    /// Which bits of the two bytes behind the tag are the offset, and what is added to them. The
    /// offset of tags that are not common comes out as 0, which no copy may have; that of a literal
    /// as [`NEAR`].
    offset: [(u32, u32); 256],
    /// How many bytes come out of a common tag.
    len: [u8; 256],
    /// How far the next tag is behind a common tag. Not in one word with the others: the way to the
    /// next tag is what everything waits for.
    advance: [u8; 256],
}

static TAGS: Tags = tags();

const fn tags() -> Tags {
    let (mut offset, mut len, mut advance) = ([(0, 0); 256], [0; 256], [0; 256]);
    let mut tag = 0;
    while tag < 256 {
        let upper = tag as u32 >> 2;
        let (bytes, mask, add) = match tag & 3 {
            0 => (upper + 1, 0, NEAR as u32),
            1 => (4 + (upper & 7), 0xff, (upper >> 3) << 8),
            2 => (upper + 1, 0xffff, 0),
            _ => (64, 0, 0),
        };
        if bytes <= 16 {
            (offset[tag], len[tag]) = ((mask, add), bytes as u8);
        }
        advance[tag] = match tag & 3 {
            0 => upper as u8 + 2,
            1 => 2,
            _ => 3,
        };
        tag += 1;
    }
    Tags {
        offset,
        len,
        advance,
    }
}

/// How far the tag behind `tag` is, if it is a literal of at most 60 bytes or a copy.
pub(super) fn advance(tag: u8) -> usize {
    usize::from(TAGS.advance[usize::from(tag)])
}

/// Decodes the next tag, or with `TURNS` the next two if they are a literal and a copy. False, and
/// nothing done, if the next is not common.
///
/// # Safety
/// For each tag 17 bytes are readable in `stored` from `at.read` on, and 16 writable in `output`
/// from `at.written` on.
#[inline(always)]
pub(super) unsafe fn step<const TURNS: bool>(
    stored: *const u8,
    output: *mut u8,
    at: &mut Place,
) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe { TURNS && pair(stored, output, at) || common_tag(stored, output, at) }
}

/// Decodes a literal of at most 16 bytes and the common copy behind it: half of the instructions
/// of two tags, if the processor can foresee that they come so. False, and nothing done, if they do
/// not.
///
/// # Safety
/// 34 bytes are readable in `stored` from `at.read` on, and 32 writable in `output` from
/// `at.written` on.
#[inline(always)]
unsafe fn pair(stored: *const u8, output: *mut u8, at: &mut Place) -> bool {
    // SAFETY: the caller vouches for 34 bytes.
    let from = unsafe { stored.add(at.read) };
    // SAFETY: as above.
    let tag = usize::from(unsafe { from.read_volatile() });
    const NOT_A_SHORT_LITERAL: usize = 0xc3;
    if tag & NOT_A_SHORT_LITERAL != 0 {
        return false;
    }
    let len = (tag >> 2) + 1;
    // SAFETY: the caller vouches for 32 bytes there, and for 16 behind the tag.
    let target = unsafe { output.add(at.written) };
    // SAFETY: as above. What is behind the literal is written again, by whatever comes next.
    unsafe { move_bytes::<16>(from.add(1), target, 0) };
    // SAFETY: the next tag is at most 17 bytes behind, and two more bytes behind that.
    let next = unsafe { from.add(1 + len) };
    // SAFETY: as above.
    let tag = usize::from(unsafe { next.read_volatile() });
    // SAFETY: as above.
    let behind = u16::from_le(unsafe { next.add(1).cast::<u16>().read_unaligned() });
    let (mask, add) = TAGS.offset[tag];
    let offset = ((u32::from(behind) & mask) + add) as usize;
    let written = at.written + len;
    if offset < NEAR || offset > written || tag & 3 == 0 {
        return false;
    }
    // SAFETY: behind a literal of 16 bytes another 16 may be written; `offset <= written`, and it
    // is at least 8, so that the first half lies in what is written, and then the second.
    unsafe {
        let target = target.add(len);
        move_bytes::<8>(target.sub(offset), target, 0);
        move_bytes::<8>(target.sub(offset), target, 8);
    }
    at.written = written + usize::from(TAGS.len[tag]);
    // A copy of the first kind has one byte behind its tag, one of the second two.
    at.read += len + 2 + (tag & 3);
    true
}

/// Decodes the next tag if it is common: a literal or a copy of at most 16 bytes from at least
/// [`NEAR`] back. False, and nothing done, if it is not.
///
/// # Safety
/// 17 bytes are readable in `stored` from `at.read` on, and 16 writable in `output` from
/// `at.written` on.
#[inline(always)]
unsafe fn common_tag(stored: *const u8, output: *mut u8, at: &mut Place) -> bool {
    // SAFETY: the caller vouches for 17 bytes.
    let from = unsafe { stored.add(at.read) };
    // Read by itself: taken out of the word below it would be there a cycle later, and the way to
    // the next tag is what everything waits for.
    // SAFETY: the caller vouches for 17 bytes.
    let tag = unsafe { from.read_volatile() };
    let kind = usize::from(tag);
    // SAFETY: the caller vouches for 17 bytes.
    let behind = u16::from_le(unsafe { from.add(1).cast::<u16>().read_unaligned() });
    let (mask, add) = TAGS.offset[kind];
    let offset = ((u32::from(behind) & mask) + add) as usize;
    if offset < NEAR || offset > at.written {
        return false;
    }
    // SAFETY: the caller vouches for 16 bytes from there on.
    let target = unsafe { output.add(at.written) };
    // SAFETY: `offset <= at.written`.
    let copied = unsafe { target.sub(offset) }.cast_const();
    let source = std::hint::select_unpredictable(tag & 3 == 0, from.wrapping_add(1), copied);
    // SAFETY: a literal has 16 bytes behind its tag; a copy starts at least 8 bytes in front of
    // `target`, so its first half lies in what is written.
    let half = unsafe { source.cast::<u64>().read_unaligned() };
    // SAFETY: the caller vouches for 16 bytes.
    unsafe { target.cast::<u64>().write_unaligned(half) };
    // SAFETY: as for the first half, which is now written too.
    let half = unsafe { source.add(8).cast::<u64>().read_unaligned() };
    // SAFETY: the caller vouches for 16 bytes.
    unsafe { target.add(8).cast::<u64>().write_unaligned(half) };
    at.written += usize::from(TAGS.len[kind]);
    at.read += usize::from(TAGS.advance[kind]);
    true
}

/// Decodes the next tag if it is a copy that is longer than 16 bytes, or nearer than [`NEAR`], or
/// both: runs of equal or slowly growing numbers. False, and nothing done, if it is not.
///
/// # Safety
/// 3 bytes are readable in `stored` from `at.read` on, and 72 writable in `output` from
/// `at.written` on.
#[inline(always)]
pub(super) unsafe fn other_copy(stored: *const u8, output: *mut u8, at: &mut Place) -> bool {
    // SAFETY: the caller vouches for 3 bytes.
    let [tag, low, high] = unsafe { stored.add(at.read).cast::<[u8; 3]>().read_unaligned() };
    let (tag, low, high) = (usize::from(tag), usize::from(low), usize::from(high));
    let (len, offset, advance) = match tag & 3 {
        1 => (4 + (tag >> 2 & 7), tag >> 5 << 8 | low, 2),
        2 => (1 + (tag >> 2), high << 8 | low, 3),
        _ => return false,
    };
    if offset == 0 || offset > at.written {
        return false;
    }
    // SAFETY: the caller vouches for 72 bytes from there on.
    let target = unsafe { output.add(at.written) };
    // SAFETY: `offset <= at.written`.
    let source = unsafe { target.sub(offset) }.cast_const();
    // SAFETY: what is read lies in front of `target + 64`, what is written in front of
    // `target + 72`, as `len` is at most 64.
    unsafe {
        if offset <= NEAR {
            repeat(source, target, offset, len);
        } else if offset < 16 {
            (0..8).for_each(|word| move_bytes::<8>(source, target, 8 * word));
        } else {
            (0..4).for_each(|words| move_bytes::<16>(source, target, 16 * words));
        }
    }
    at.written += len;
    at.read += advance;
    true
}

/// Writes the `offset` bytes at `source` again and again from `target` on, `len` bytes or up to 7
/// more: a word that holds them as often as they fit, and words of it that begin where they do.
///
/// # Safety
/// `offset` is 1 to 8, `source` is readable for 8 bytes and `target` writable for `len` and 8 more,
/// and for 64 if `offset` is 8.
#[inline(always)]
unsafe fn repeat(source: *const u8, target: *mut u8, offset: usize, len: usize) {
    // SAFETY: the caller vouches for 8 bytes.
    let word = u64::from_le(unsafe { source.cast::<u64>().read_unaligned() });
    if offset == 8 {
        // Equal 64-bit numbers, the most frequent of all.
        let twice = [word.to_le(); 2];
        for pair in 0..4 {
            // SAFETY: the caller vouches for 64 bytes.
            unsafe { target.cast::<[u64; 2]>().add(pair).write_unaligned(twice) };
        }
        return;
    }
    let (factor, step) = REPEATED[offset & 7];
    let once = word & ((1 << (8 * offset)) - 1);
    let word = once.wrapping_mul(factor).to_le();
    let mut done = 0;
    while done < len {
        // SAFETY: the caller vouches for `len` bytes and 8 more.
        unsafe { target.add(done).cast::<u64>().write_unaligned(word) };
        done += step;
    }
}

/// By the number of bytes that repeat, what to multiply them with to have them as often as they fit
/// into a word, and how many bytes of it are whole repetitions.
static REPEATED: [(u64, usize); 8] = [
    (0, 8),
    (0x0101_0101_0101_0101, 8),
    (0x0001_0001_0001_0001, 8),
    (0x0001_0000_0100_0001, 6),
    (0x0000_0001_0000_0001, 8),
    (0x0000_0100_0000_0001, 5),
    (0x0001_0000_0000_0001, 6),
    (0x0100_0000_0000_0001, 7),
];

/// Moves `N` bytes that lie `from` bytes behind `source` to as far behind `target`.
///
/// # Safety
/// They are readable there and writable there.
#[inline(always)]
unsafe fn move_bytes<const N: usize>(source: *const u8, target: *mut u8, from: usize) {
    // SAFETY: the caller vouches for it.
    unsafe {
        let bytes = source.add(from).cast::<[u8; N]>().read_unaligned();
        target.add(from).cast::<[u8; N]>().write_unaligned(bytes);
    }
}
