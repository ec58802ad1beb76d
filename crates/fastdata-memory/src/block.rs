//! One piece of memory that was asked of the system: a mapping on huge pages, or a heap block when
//! it is small.
//!
//! A block's bytes are initialised from the start (anonymous mappings are zero, heap blocks are
//! asked for as zeroed) and stay so, whatever is written: this is what makes handing them out as
//! `&mut [u8]` sound without clearing them between two users.

#![expect(
    unsafe_code,
    reason = "mmap, madvise and the allocator have no safe interface"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Size of a huge page, and the alignment of every mapping.
pub(crate) const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Alignment of a heap block: a cache line, which is also what Arrow recommends.
pub(crate) const HEAP_ALIGN_BYTES: usize = 64;

/// Exclusively owned, initialised memory.
pub(crate) struct Block {
    ptr: NonNull<u8>,
    len_bytes: usize,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Mapping,
    Heap,
}

// SAFETY: a block is the only owner of its memory (`ptr` is never handed out, slices borrow the
// block), so moving it to another thread moves the memory with it.
unsafe impl Send for Block {}
// SAFETY: a shared block only gives out `&[u8]`; there is no interior mutability.
unsafe impl Sync for Block {}

impl Block {
    /// `len_bytes` (not zero) of zeroed heap memory, aligned to [`HEAP_ALIGN_BYTES`].
    pub(crate) fn heap(len_bytes: usize) -> Self {
        let layout = heap_layout(len_bytes);
        assert!(layout.size() != 0, "a heap block is never empty");
        // SAFETY: the size is not zero (asserted above).
        let ptr = unsafe { alloc_zeroed(layout) };
        let Some(ptr) = NonNull::new(ptr) else {
            handle_alloc_error(layout)
        };
        Self {
            ptr,
            len_bytes,
            origin: Origin::Heap,
        }
    }

    /// At least `len_bytes` (not zero) of fresh anonymous memory that starts on a huge page and is
    /// marked for huge pages. Physical memory is taken when a page is first touched.
    pub(crate) fn mapping(len_bytes: usize) -> Self {
        let page_bytes = 4096;
        let failed = || -> ! {
            handle_alloc_error(
                Layout::from_size_align(len_bytes, HUGE_PAGE_BYTES).unwrap_or(Layout::new::<u8>()),
            )
        };
        // One huge page more than needed, so that an aligned start always fits; head and tail are
        // given back below.
        let Some(len_bytes) = len_bytes.checked_next_multiple_of(page_bytes) else {
            failed()
        };
        let Some(span_bytes) = len_bytes.checked_add(HUGE_PAGE_BYTES) else {
            failed()
        };
        // SAFETY: a new private anonymous mapping at an address of the kernel's choice cannot
        // touch memory that somebody else owns.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                span_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            failed();
        }
        let head_bytes = start.cast::<u8>().align_offset(HUGE_PAGE_BYTES);
        let tail_bytes = HUGE_PAGE_BYTES - head_bytes;
        let aligned = start.wrapping_byte_add(head_bytes);
        if head_bytes > 0 {
            // SAFETY: the first `head_bytes` of the mapping made above, used by nobody yet.
            unsafe { libc::munmap(start, head_bytes) };
        }
        if tail_bytes > 0 {
            // SAFETY: the last `tail_bytes` of the mapping made above (head + len + tail = span),
            // used by nobody yet.
            unsafe { libc::munmap(aligned.wrapping_byte_add(len_bytes), tail_bytes) };
        }
        // Advice only: where huge pages are switched off the memory works, just slower.
        #[cfg(target_os = "linux")]
        // SAFETY: `aligned..aligned + len_bytes` is what is left of the mapping made above.
        unsafe {
            libc::madvise(aligned, len_bytes, libc::MADV_HUGEPAGE)
        };
        let Some(ptr) = NonNull::new(aligned.cast::<u8>()) else {
            failed()
        };
        Self {
            ptr,
            len_bytes,
            origin: Origin::Mapping,
        }
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Whether the caller asked for a mapping.
    pub(crate) fn is_mapping(&self) -> bool {
        self.origin == Origin::Mapping
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `ptr` is valid for `len_bytes` initialised bytes (see the constructors) as long
        // as the block lives, which the borrow guarantees.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len_bytes) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; the exclusive borrow makes this the only slice.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len_bytes) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match self.origin {
            Origin::Heap => {
                // SAFETY: allocated in `heap` with this same layout, and freed only here.
                unsafe { dealloc(self.ptr.as_ptr(), heap_layout(self.len_bytes)) };
            }
            Origin::Mapping => {
                // SAFETY: exactly what `mapping` left mapped, and unmapped only here.
                unsafe { libc::munmap(self.ptr.as_ptr().cast(), self.len_bytes) };
            }
        }
    }
}

fn heap_layout(len_bytes: usize) -> Layout {
    match Layout::from_size_align(len_bytes, HEAP_ALIGN_BYTES) {
        Ok(layout) => layout,
        // Longer than the address space: the same end as memory that the system does not have.
        Err(_) => handle_alloc_error(Layout::new::<u8>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_zero_aligned_and_writable_to_the_last_byte() {
        for len in [
            1,
            63,
            64,
            4096,
            1 << 20,
            HUGE_PAGE_BYTES,
            HUGE_PAGE_BYTES + 1,
            9 << 20,
        ] {
            for mut block in [Block::heap(len), Block::mapping(len)] {
                assert!(block.len_bytes() >= len);
                assert!(block.as_slice().iter().all(|&byte| byte == 0), "{len}");
                assert_eq!(block.as_slice().as_ptr().align_offset(HEAP_ALIGN_BYTES), 0);
                block.as_mut_slice().fill(0xA5);
                assert!(block.as_slice().iter().all(|&byte| byte == 0xA5));
            }
        }
    }

    #[test]
    fn mappings_start_on_a_huge_page() {
        let blocks: Vec<_> = (0..20)
            .map(|step| Block::mapping(1 + step * 4096))
            .collect();
        for block in &blocks {
            assert_eq!(block.as_slice().as_ptr().align_offset(HUGE_PAGE_BYTES), 0);
        }
    }
}
