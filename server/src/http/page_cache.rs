//! The store of rendered pages.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use app::http::Theme;

/// A rendered page, split at every occurrence of the nonce.
pub type CachedPage = Vec<String>;

/// The cached pages by path and theme.
#[derive(Debug, Default)]
pub struct PageCache(RwLock<HashMap<(&'static str, Theme), Arc<CachedPage>>>);

impl PageCache {
    /// Returns the cached page for a path and a theme.
    pub fn get(&self, key: (&'static str, Theme)) -> Option<Arc<CachedPage>> {
        self.0.read().ok()?.get(&key).cloned()
    }

    /// Adds a page.
    pub fn insert(&self, key: (&'static str, Theme), page: CachedPage) {
        if let Ok(mut pages) = self.0.write() {
            pages.insert(key, Arc::new(page));
        }
    }
}
