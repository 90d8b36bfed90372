//! The items of swc_common that cargo-leptos refers to.

use std::sync::Arc;

/// The name of a source file.
#[derive(Debug)]
pub enum FileName {
    Anon,
}

/// A source file.
#[derive(Debug)]
pub struct SourceFile {
    pub source: String,
}

/// Creates source files.
#[derive(Debug, Default)]
pub struct SourceMap;

impl SourceMap {
    pub fn new_source_file(&self, _: Arc<FileName>, source: String) -> Arc<SourceFile> {
        Arc::new(SourceFile { source })
    }
}

/// swc's state of a thread, which is empty here.
#[derive(Debug, Default)]
pub struct Globals;

#[derive(Debug)]
pub struct ScopedGlobals;

impl ScopedGlobals {
    pub fn set<T>(&self, _: &Globals, run: impl FnOnce() -> T) -> T {
        run()
    }
}

pub static GLOBALS: ScopedGlobals = ScopedGlobals;
