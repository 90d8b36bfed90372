//! `vestibule`: see [`server::cli`] for its commands.

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
