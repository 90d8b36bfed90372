//! The use cases of an account, from its registration to its deletion.

pub mod applicant;
pub mod blocked_identities;
pub mod data_export;
pub mod delete_users;
pub mod deletion;
pub mod email_address;
pub mod email_change;
pub mod email_verification;
pub mod first_admin;
pub mod last_admin;
pub mod password_change;
pub mod password_reset;
pub mod profile;
pub mod questions;
pub mod registration;
pub mod registration_data;
pub mod registration_status;
pub mod repeated_registration;
pub mod withdrawal;
