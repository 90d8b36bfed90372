//! `vestibule`: see [`server::cli`] for its commands.

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]

use std::process::ExitCode;

/// Returns memory to the system seconds after many sign-ins. glibc's allocator keeps freed memory that lies between
/// allocations still in use.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::cli::run()
}
