//! `vestibule`: see [`server::cli`] for its commands.

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives memory back to the system seconds after a rush; glibc's allocator kept what lay between what was still used.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    server::cli::run()
}
