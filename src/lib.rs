//! The browser's half: starts the islands of the page, and nothing else.
#![cfg(target_arch = "wasm32")]

use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page once the module is there.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
