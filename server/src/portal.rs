//! What handlers and layers share: the backend, our cookies, and what pages say about the built assets.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use app::api::http::CookieJar;
use app::backend::Backend;
use app::pages::{Shell, script_tags};
use leptos::config::LeptosOptions;
use tokio::sync::Semaphore;

use crate::config::ConfigError;
use crate::metrics::Metrics;
use crate::stills::Stills;

/// Where the built assets are, and what pages say about them.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The folder.
    pub root: PathBuf,
    /// What the framework has to know of them.
    pub options: LeptosOptions,
    /// What pages say about them.
    pub shell: Arc<Shell>,
}

impl Assets {
    /// Looks at the built assets. Without them there would be pages without style or scripts.
    pub fn find(root: &Path) -> Result<Self, ConfigError> {
        if !root.join("pkg").is_dir() {
            return Err(ConfigError(format!(
                "LEPTOS_SITE_ROOT: {} has no pkg folder with the built assets; script/build makes target/site.",
                root.display()
            )));
        }
        match hashes() {
            Some(hashes) => Ok(Self::new(root, Some(&hashes))),
            // `script/server --watch` builds without hashes: the names must stay the same from change to change.
            None if root.join("pkg/vestibule.js").is_file() => Ok(Self::new(root, None)),
            None => Err(ConfigError(
                "hash.txt has to stand beside the program; copy it together with the program, as script/build leaves them."
                    .to_owned(),
            )),
        }
    }

    /// Pages that name assets whether they are there or not (tests of the router need none).
    pub fn unbuilt(root: &Path) -> Self {
        Self::new(root, None)
    }

    fn new(root: &Path, hashes: Option<&str>) -> Self {
        let options = LeptosOptions::builder()
            .output_name("vestibule")
            .site_root(root.to_string_lossy().into_owned())
            .site_pkg_dir("pkg")
            .hash_files(hashes.is_some())
            .build();
        let css = hashes.and_then(|text| text.lines().find_map(|line| line.strip_prefix("css:")));
        let stylesheet = match css {
            Some(hash) => format!("/pkg/vestibule.{}.css", hash.trim()),
            None => "/pkg/vestibule.css".to_owned(),
        };
        let shell = Shell { scripts: script_tags(&options), stylesheet };
        Self { root: root.to_owned(), options, shell: Arc::new(shell) }
    }
}

/// The hashes in the assets' names, which cargo-leptos writes beside the program.
fn hashes() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    std::fs::read_to_string(program.parent()?.join("hash.txt")).ok()
}

/// What handlers and layers share: one pointer, since every layer of every request has its own.
#[derive(Clone, Debug)]
pub struct Portal(Arc<Parts>);

/// What a [`Portal`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The backend.
    pub backend: Backend,
    /// What makes and reads our cookies.
    pub cookies: CookieJar,
    /// What pages say about the assets.
    pub shell: Arc<Shell>,
    /// What is counted of requests.
    pub metrics: Arc<Metrics>,
    /// Where forms may lead beside the portal itself, as the Content-Security-Policy says it: Chromium checks redirects too.
    pub form_targets: String,
    /// Bounds how many requests are worked on at once.
    pub turns: Semaphore,
    /// Pages that say nothing about whoever asks for them.
    pub stills: Stills,
    /// Whether an untrusted X-Forwarded-For has been said in the log.
    pub proxy_noted: AtomicBool,
    /// What the framework has to know of the assets.
    pub options: LeptosOptions,
}

impl Deref for Portal {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Portal {
    /// Puts it together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl axum::extract::FromRef<Portal> for LeptosOptions {
    fn from_ref(portal: &Portal) -> Self {
        portal.options.clone()
    }
}

impl axum::extract::FromRef<Portal> for Backend {
    fn from_ref(portal: &Portal) -> Self {
        portal.backend.clone()
    }
}
