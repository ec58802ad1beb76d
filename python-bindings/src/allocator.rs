//! The extension's allocator: its own, so that it shares none with other libraries of the process.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
