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
use crate::readiness::Readiness;
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
        let hashes = hashes();
        check(root, hashes.as_deref())?;
        Ok(Self::new(root, hashes.as_deref()))
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
        let css = hashes.and_then(|hashes| hashed_name(hashes, "css"));
        let stylesheet = format!("/pkg/{}", css.unwrap_or_else(|| "vestibule.css".to_owned()));
        let shell = Shell { scripts: script_tags(&options), stylesheet };
        Self { root: root.to_owned(), options, shell: Arc::new(shell) }
    }
}

/// The hashes in the assets' names, which cargo-leptos writes beside the program.
fn hashes() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    std::fs::read_to_string(program.parent()?.join("hash.txt")).ok()
}

/// The name of the file of this kind, with the hash that is in it.
fn hashed_name(hashes: &str, kind: &str) -> Option<String> {
    let hash = hashes.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'))?;
    Some(format!("vestibule.{}.{kind}", hash.trim()))
}

/// Whether the folder holds what pages of the program with these hashes name.
fn check(root: &Path, hashes: Option<&str>) -> Result<(), ConfigError> {
    let pkg = root.join("pkg");
    if !pkg.is_dir() {
        return Err(ConfigError(format!(
            "LEPTOS_SITE_ROOT: {} has no pkg folder with the built assets; script/build makes target/site.",
            root.display()
        )));
    }
    let Some(hashes) = hashes else {
        // `script/server --watch` builds without hashes: the names must stay the same from change to change.
        if pkg.join("vestibule.js").is_file() {
            return Ok(());
        }
        return Err(ConfigError(
            "hash.txt has to stand beside the program; copy it together with the program, as script/build leaves them."
                .to_owned(),
        ));
    };
    for kind in ["js", "wasm", "css"] {
        let Some(name) = hashed_name(hashes, kind) else {
            return Err(ConfigError(format!(
                "hash.txt beside the program has no line for {kind}; copy it once more, as script/build leaves it."
            )));
        };
        if !pkg.join(&name).is_file() {
            return Err(ConfigError(format!(
                "LEPTOS_SITE_ROOT: {} has no pkg/{name}, which hash.txt names; copy the program, hash.txt and the site folder \
                 of one build.",
                root.display()
            )));
        }
    }
    Ok(())
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
    /// The last answer of `/readyz`.
    pub readiness: Readiness,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_folder_of_another_build_is_refused() {
        let folder = tempfile::tempdir().expect("is made");
        let refusal = |hashes| check(folder.path(), hashes).expect_err("is refused").0;
        let hashes = Some("js: a\nwasm: b\ncss: c\n");
        assert!(refusal(hashes).contains("has no pkg folder"));
        std::fs::create_dir(folder.path().join("pkg")).expect("is made");
        for name in ["vestibule.a.js", "vestibule.b.wasm", "vestibule.c.css"] {
            assert!(refusal(hashes).contains(&format!("has no pkg/{name},")), "{name}");
            std::fs::write(folder.path().join("pkg").join(name), "").expect("is written");
        }
        check(folder.path(), hashes).expect("is right");
        for damaged in ["", "js: a\nwasm: b\n"] {
            assert!(refusal(Some(damaged)).contains("has no line for"), "{damaged}");
        }
        assert!(refusal(None).starts_with("hash.txt has to stand beside"));
        std::fs::write(folder.path().join("pkg/vestibule.js"), "").expect("is written");
        check(folder.path(), None).expect("is right without hashes in the names");
    }
}
