//! The part of swc_common that cargo-leptos names.

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

/// Makes source files.
#[derive(Debug, Default)]
pub struct SourceMap;

impl SourceMap {
    pub fn new_source_file(&self, _: Arc<FileName>, source: String) -> Arc<SourceFile> {
        Arc::new(SourceFile { source })
    }
}

/// swc's state for a thread; there is none here.
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
