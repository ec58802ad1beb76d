//! The `fastdata` binary.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let code = fastdata_cli::run(std::env::args_os());
    // Leaves without freeing what the system frees faster; files were closed and renamed before.
    std::process::exit(code)
}
