//! The program `vestibule`. [`server::cli`] has its commands.

// The type of a view is as deep as its page. Release builds do not erase these types and exceed the default limit of 128.
#![recursion_limit = "512"]

use std::process::ExitCode;

/// The allocator of release builds. It returns memory to the system seconds after many sign-ins, while glibc's allocator keeps
/// freed memory between allocations that are still in use.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::cli::run()
}
