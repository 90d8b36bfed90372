//! The handlers of routes that are not Leptos pages.

pub mod branding;
pub mod data_export;
pub mod decision_form;
pub mod dev_mail;
pub mod health;
pub(crate) mod microsoft;
pub mod session_status;
