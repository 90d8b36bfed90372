//! The HTTP layer: router, middleware, and handlers of the routes that are not Leptos pages.

pub mod handlers;
pub mod middleware;
pub mod page_cache;
pub mod prefetch;
pub mod router;
