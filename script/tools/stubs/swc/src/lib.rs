//! The items of swc that cargo-leptos refers to. They minify with esbuild, which must be on PATH.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use swc_common::{SourceFile, SourceMap};

use crate::config::JsMinifyOptions;

pub mod config {
    use crate::BoolOrDataConfig;

    /// Whether a file is an ES module.
    #[derive(Debug)]
    pub enum IsModule {
        Bool(bool),
    }

    impl Default for IsModule {
        fn default() -> Self {
            Self::Bool(true)
        }
    }

    /// Options of the minifier. esbuild's `--minify` covers all of them.
    #[derive(Debug, Default)]
    pub struct JsMinifyOptions {
        pub compress: BoolOrDataConfig,
        pub mangle: BoolOrDataConfig,
        pub module: IsModule,
    }
}

#[derive(Debug, Default)]
pub struct BoolOrDataConfig;

impl BoolOrDataConfig {
    pub fn from_bool(_: bool) -> Self {
        Self
    }
}

#[derive(Debug, Default)]
pub struct JsMinifyExtras;

/// Minified JavaScript.
#[derive(Debug)]
pub struct TransformOutput {
    pub code: String,
}

/// An error, as swc's `WithHandler` reports it.
#[derive(Debug)]
pub struct Report(anyhow::Error);

impl Report {
    pub fn to_pretty_error(self) -> anyhow::Error {
        self.0
    }
}

#[derive(Debug)]
pub struct Handler;

/// Calls `run` and returns its result.
pub fn try_with_handler<T>(
    _: Arc<SourceMap>,
    (): (),
    run: impl FnOnce(&Handler) -> anyhow::Result<T>,
) -> Result<T, Report> {
    run(&Handler).map_err(Report)
}

#[derive(Debug)]
pub struct Compiler;

impl Compiler {
    pub fn new(_: Arc<SourceMap>) -> Self {
        Self
    }

    /// Minifies an ES module.
    ///
    /// # Errors
    ///
    /// Returns an error if esbuild cannot be started, if it rejects the file, or if the file is not an ES module.
    pub fn minify(
        &self,
        file: Arc<SourceFile>,
        _: &Handler,
        options: &JsMinifyOptions,
        _: JsMinifyExtras,
    ) -> anyhow::Result<TransformOutput> {
        let config::IsModule::Bool(is_module) = options.module;
        ensure!(is_module, "only ES modules can be minified");
        let mut esbuild = Command::new("esbuild")
            .args(["--minify", "--format=esm", "--charset=utf8", "--log-level=warning"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("esbuild cannot be started: run script/bootstrap")?;
        // esbuild reads all of its input before it writes. If it ends early, its exit status says so.
        let written = esbuild.stdin.take().context("esbuild has no input")?.write_all(file.source.as_bytes());
        let output = esbuild.wait_with_output()?;
        if !output.status.success() {
            bail!("esbuild rejected the file: see its messages above");
        }
        written?;
        Ok(TransformOutput { code: String::from_utf8(output.stdout)? })
    }
}
