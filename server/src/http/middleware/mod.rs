//! The middleware, one concern per file. The router defines the order.

pub mod authentication;
pub mod authorization;
pub mod client_ip;
pub mod concurrency_limit;
pub mod error_pages;
pub mod form_body;
pub mod own_cookies;
pub mod page_cache;
pub mod page_spelling;
pub mod request_guard;
pub mod request_log;
pub mod security_headers;
