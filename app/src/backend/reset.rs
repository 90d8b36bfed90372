//! Asking for a temporary password.
//!
//! Guarantees: whatever the address, the answer is the same and the request does the same: it writes one row and looks
//! nothing up; the worker does (`mail::resets`), at a moment that chance chooses, so that its work tells
//! nobody either. The real password stays good until it is replaced.

use sea_orm::{ActiveValue, EntityTrait};

use super::canonical::canonical;
use super::entity::reset_request;
use super::error::{Doing, Stop};
use super::{Backend, random};
use crate::domain::address::EmailAddress;
use crate::domain::problem::{Field, Problem, Refusal};

/// Writes down that somebody asked for a temporary password for `email`.
pub async fn ask_reset(backend: &Backend, email: &EmailAddress) -> Result<(), Stop> {
    let Some(email_canonical) = canonical(email) else {
        return Err(Refusal::of_field(Field::Email, Problem::AddressShape).into());
    };
    let now = backend.now();
    let chance = u32::from(u16::from_le_bytes(random::bytes::<2>()));
    let wait = backend.settings.reset_delay.saturating_mul(chance) / u32::from(u16::MAX);
    let row = reset_request::ActiveModel {
        id: ActiveValue::NotSet,
        email_canonical: ActiveValue::Set(email_canonical),
        created_at: ActiveValue::Set(now.0),
        due_at: ActiveValue::Set(now.after(wait).0),
    };
    reset_request::Entity::insert(row)
        .exec_without_returning(backend.db.pool())
        .await
        .doing("write a reset request")?;
    backend.mail_bell.notify_one();
    Ok(())
}
