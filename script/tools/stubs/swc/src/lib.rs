//! The part of swc that cargo-leptos names. It minifies with esbuild, which has to be on PATH.

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

    /// What is asked of the minifier: all of it is esbuild's `--minify`.
    #[derive(Debug, Default)]
    pub struct JsMinifyOptions {
        pub compress: BoolOrDataConfig,
        pub mangle: BoolOrDataConfig,
        pub module: IsModule,
        /// Whether identifiers may stay longer than they need be. Not looked at.
        pub keep_fnames: bool,
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

/// What went wrong, as swc's `WithHandler` would report it.
#[derive(Debug)]
pub struct Report(anyhow::Error);

impl Report {
    pub fn to_pretty_error(self) -> anyhow::Error {
        self.0
    }
}

#[derive(Debug)]
pub struct Handler;

/// Calls `run` and passes its result on.
///
/// # Errors
///
/// Whatever `run` returns.
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
    /// When esbuild cannot be started, refuses the file, or is asked for a script that is no module.
    pub fn minify(
        &self,
        file: Arc<SourceFile>,
        _: &Handler,
        options: &JsMinifyOptions,
        _: JsMinifyExtras,
    ) -> anyhow::Result<TransformOutput> {
        let config::IsModule::Bool(is_module) = options.module;
        ensure!(is_module, "only ES modules are minified");
        let mut esbuild = Command::new("esbuild")
            .args(["--minify", "--format=esm", "--charset=utf8", "--log-level=warning"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("esbuild cannot be started: run script/bootstrap")?;
        // esbuild reads all of its input before it writes.
        esbuild.stdin.take().context("esbuild has no input")?.write_all(file.source.as_bytes())?;
        let output = esbuild.wait_with_output()?;
        if !output.status.success() {
            bail!("esbuild refused the file: see its messages above");
        }
        Ok(TransformOutput { code: String::from_utf8(output.stdout)? })
    }
}
