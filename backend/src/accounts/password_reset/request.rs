//! Requests for a temporary password.
//!
//! # Guarantees
//!
//! - The answer and the work are the same for known and unknown email addresses: one row is written, unless a request for the
//!   email address is pending, and no account is looked up.
//! - The worker looks the account up in `password_reset::job`, after a random delay, so that its work does not reveal accounts.
//! - The current password stays valid until the user chooses a new one.

use std::net::IpAddr;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue, EntityTrait};

use crate::Backend;
use crate::accounts::email_address::canonical;
use crate::entity::password_reset_request;
use crate::error::{ErrorContext, UseCaseError};
use crate::infra::random;
use domain::email_address::EmailAddress;
use domain::errors::{ErrorCode, Field, FormErrors};

/// Inserts a request for a temporary password for `email`.
pub async fn request_password_reset(
    backend: &Backend,
    email: &EmailAddress,
    client_ip: IpAddr,
) -> Result<(), UseCaseError> {
    backend.rate_limiter.acquire_password_reset(&backend.settings, client_ip, backend.now()).await?;
    let Some(email_canonical) = canonical(email) else {
        return Err(FormErrors::of_field(Field::Email, ErrorCode::EmailInvalid).into());
    };
    let now = backend.now();
    let random = u32::from(u16::from_le_bytes(random::bytes::<2>()));
    let delay = backend.settings.reset_delay.saturating_mul(random) / u32::from(u16::MAX);
    let row = password_reset_request::ActiveModel {
        id: ActiveValue::NotSet,
        email_canonical: ActiveValue::Set(email_canonical),
        created_at: ActiveValue::Set(now),
        due_at: ActiveValue::Set(now.after(delay)),
        attempts: ActiveValue::Set(0),
        failed_at: ActiveValue::Set(None),
    };
    // There is one row for each email address. A pending request stands for this one too, and a failed one is started again.
    let conflict = OnConflict::column(password_reset_request::Column::EmailCanonical)
        .update_columns([
            password_reset_request::Column::DueAt,
            password_reset_request::Column::Attempts,
            password_reset_request::Column::FailedAt,
        ])
        .action_and_where(
            Expr::col((password_reset_request::Entity, password_reset_request::Column::FailedAt))
                .is_not_null(),
        )
        .to_owned();
    password_reset_request::Entity::insert(row)
        .on_conflict(conflict)
        .exec_without_returning(backend.db.pool())
        .await
        .context("store a request for a temporary password")?;
    backend.email_wakeup.notify();
    Ok(())
}
