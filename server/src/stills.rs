//! Where rendered pages are kept; `middleware::still` says which.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use app::api::http::Theme;

/// A page as it was rendered once: the text around each place of the nonce.
pub type Still = Vec<String>;

/// What has been rendered so far.
#[derive(Debug, Default)]
pub struct Stills(RwLock<HashMap<(&'static str, Theme), Arc<Still>>>);

impl Stills {
    /// The copy of a page in a theme.
    pub fn get(&self, key: (&'static str, Theme)) -> Option<Arc<Still>> {
        self.0.read().ok()?.get(&key).cloned()
    }

    /// Keeps one.
    pub fn keep(&self, key: (&'static str, Theme), still: Still) {
        if let Ok(mut stills) = self.0.write() {
            stills.insert(key, Arc::new(still));
        }
    }
}
