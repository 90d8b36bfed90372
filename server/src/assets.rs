//! The built assets: finding the site folder, checking it, and the hashes in file names.
//!
//! # Guarantees
//!
//! - [`Assets::find`] fails unless the program, `hash.txt` and the site folder come from the same build.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leptos::config::LeptosOptions;

use crate::config::ConfigError;
use app::pages::{DocumentAssets, script_tags};

/// The built assets.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The site folder.
    pub root: PathBuf,
    /// The options of Leptos.
    pub options: LeptosOptions,
    /// The parts of every page that depend on the assets.
    pub shell: Arc<DocumentAssets>,
}

impl Assets {
    /// Finds and checks the built assets. Without them, pages would have no style and no scripts.
    pub fn find(root: &Path) -> Result<Self, ConfigError> {
        let hashes = hashes();
        check(root, hashes.as_deref())?;
        Ok(Self::new(root, hashes.as_deref()))
    }

    /// Returns assets without checking them, for tests of the router, which need no files.
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
        let shell = DocumentAssets { scripts: script_tags(&options), stylesheet };
        Self { root: root.to_owned(), options, shell: Arc::new(shell) }
    }
}

/// Returns the content of `hash.txt`, which has the hashes in the file names of the assets. cargo-leptos writes it to the
/// folder of the program.
fn hashes() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    std::fs::read_to_string(program.parent()?.join("hash.txt")).ok()
}

/// Returns the name of the file of this kind, with its hash.
fn hashed_name(hashes: &str, kind: &str) -> Option<String> {
    let hash = hashes.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'))?;
    Some(format!("vestibule.{}.{kind}", hash.trim()))
}

/// Checks that the folder has every file to which the pages of a program with these hashes link.
fn check(root: &Path, hashes: Option<&str>) -> Result<(), ConfigError> {
    let pkg = root.join("pkg");
    if let Err(error) = std::fs::read_dir(&pkg)
        && error.kind() == ErrorKind::PermissionDenied
    {
        return Err(ConfigError(format!(
            "LEPTOS_SITE_ROOT: {} is not readable ({error}). Fix: let the portal's user read the folder and everything in it.",
            root.display()
        )));
    }
    if !pkg.is_dir() {
        return Err(ConfigError(format!(
            "LEPTOS_SITE_ROOT: {} has no pkg folder. Fix: set it to the site folder that script/build creates (target/site).",
            root.display()
        )));
    }
    let Some(hashes) = hashes else {
        // `script/server --watch` builds without hashes: the names must not change between builds.
        if pkg.join("vestibule.js").is_file() {
            return Ok(());
        }
        return Err(ConfigError(
            "hash.txt is missing next to the program. Fix: copy it together with the program that script/build creates."
                .to_owned(),
        ));
    };
    for kind in ["js", "wasm", "css"] {
        let Some(name) = hashed_name(hashes, kind) else {
            return Err(ConfigError(format!(
                "hash.txt next to the program has no line for {kind}. Fix: copy the hash.txt that script/build creates."
            )));
        };
        if !pkg.join(&name).is_file() {
            return Err(ConfigError(format!(
                "LEPTOS_SITE_ROOT: {} has no pkg/{name}, which hash.txt names. Fix: copy the program, hash.txt and the site \
                 folder of the same build.",
                root.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_folder_of_another_build_is_refused() {
        let folder = tempfile::tempdir().expect("is made");
        let errors = |hashes| check(folder.path(), hashes).expect_err("is refused").0;
        let hashes = Some("js: a\nwasm: b\ncss: c\n");
        assert!(errors(hashes).contains("has no pkg folder"));
        std::fs::create_dir(folder.path().join("pkg")).expect("is made");
        for name in ["vestibule.a.js", "vestibule.b.wasm", "vestibule.c.css"] {
            assert!(errors(hashes).contains(&format!("has no pkg/{name},")), "{name}");
            std::fs::write(folder.path().join("pkg").join(name), "").expect("is written");
        }
        check(folder.path(), hashes).expect("is right");
        for damaged in ["", "js: a\nwasm: b\n"] {
            assert!(errors(Some(damaged)).contains("has no line for"), "{damaged}");
        }
        assert!(errors(None).starts_with("hash.txt is missing next to"));
        std::fs::write(folder.path().join("pkg/vestibule.js"), "").expect("is written");
        check(folder.path(), None).expect("is right without hashes in the names");
    }
}
