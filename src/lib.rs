//! The entry point of the browser: hydrates the islands of the page.
#![cfg(target_arch = "wasm32")]

use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Hydrates the islands. The page calls this function once the module has loaded.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
