//! Asking for a temporary password.
//!
//! Guarantees: whatever the address, the answer is the same and the request does the same: it writes one row, unless one
//! for that address waits, and looks nothing up; the worker does (`mail::resets`), at a moment that chance chooses, so that its work tells
//! nobody either. The real password stays good until it is replaced.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
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
        attempts: ActiveValue::Set(0),
        failed_at: ActiveValue::Set(None),
    };
    // One row for each email address: the request that waits answers this one too.
    // One that has failed is begun anew.
    let conflict = OnConflict::column(reset_request::Column::EmailCanonical)
        .update_columns([
            reset_request::Column::DueAt,
            reset_request::Column::Attempts,
            reset_request::Column::FailedAt,
        ])
        .action_and_where(Expr::col((reset_request::Entity, reset_request::Column::FailedAt)).is_not_null())
        .to_owned();
    reset_request::Entity::insert(row)
        .on_conflict(conflict)
        .exec_without_returning(backend.db.pool())
        .await
        .doing("write a reset request")?;
    backend.mail_bell.ring();
    Ok(())
}
