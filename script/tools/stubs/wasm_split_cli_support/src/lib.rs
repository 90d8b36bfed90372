//! The part of wasm_split_cli_support that cargo-leptos names. It never splits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eyre::{Result, bail};

/// What is to be split, and where to.
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
        Self { input_wasm, output_dir: none, main_out_path: none, main_module: "", link_name: "", verbose: false }
    }
}

/// The files that a WASM was split into.
#[derive(Debug)]
pub struct SplitWasm {
    pub split_modules: Vec<PathBuf>,
    pub prefetch_map: HashMap<String, Vec<String>>,
}

/// Always fails.
pub fn transform(_: Options<'_>) -> Result<SplitWasm> {
    bail!("this cargo-leptos was built without `--split`: install cargo-leptos with `cargo install cargo-leptos`")
}
