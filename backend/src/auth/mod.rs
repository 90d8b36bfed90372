//! Authentication: passwords, tokens, links, re-authentication, revocation and rate limits.

pub mod known_browsers;
pub mod link;
pub mod link_use;
pub mod password;
pub mod password_sign_in;
pub mod rate_limit;
pub mod reauthentication;
pub mod revocation;
pub mod sign_in_link;
pub mod token;
