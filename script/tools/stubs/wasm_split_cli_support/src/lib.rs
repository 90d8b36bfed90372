//! The items of wasm_split_cli_support that cargo-leptos refers to. They never split a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eyre::{Result, bail};

/// The file to split, and the paths of the results.
#[derive(Debug)]
pub struct Options<'a> {
    pub input_wasm: &'a [u8],
    pub output_dir: &'a Path,
    pub main_out_path: &'a Path,
    pub main_module: &'a str,
    pub link_name: &'a str,
    pub verbose: bool,
}

impl<'a> Options<'a> {
    pub fn new(input_wasm: &'a [u8]) -> Self {
        let none = Path::new("");
        Self {
            input_wasm,
            output_dir: none,
            main_out_path: none,
            main_module: "",
            link_name: "",
            verbose: false,
        }
    }
}

/// The files of a WASM that has been split.
#[derive(Debug)]
pub struct SplitWasm {
    pub split_modules: Vec<PathBuf>,
    pub prefetch_map: HashMap<String, Vec<String>>,
}

/// Always returns an error.
pub fn transform(_: Options<'_>) -> Result<SplitWasm> {
    bail!(
        "this build of cargo-leptos does not support `--split`: run `cargo install cargo-leptos` for a build that does"
    )
}
