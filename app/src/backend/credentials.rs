//! What a change of credentials makes worthless.
//!
//! Guarantees: after it no link, temporary password or waiting request that was made before leads to the account.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::{mail_job, user};
use super::error::{Doing, Failure};
use super::mail::jobs::JobKind;
use super::token::{PlainToken, void_tokens};
use crate::domain::password::Password;
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// The tokens that a change voids, beside the epoch that does the same.
const VOIDED: [Purpose; 4] =
    [Purpose::SignIn, Purpose::OperatorSignIn, Purpose::TemporaryPassword, Purpose::ChangeAddress];

/// Returns a password that no one knows. Recovery by email works with it as with any other.
pub(super) fn unknown_password() -> Password {
    Password::from(PlainToken::generate().expose().to_owned())
}

/// Replaces the password, which a thief may know. Accounts without one stay without.
pub(super) async fn replace_known_password(
    db: &impl ConnectionTrait,
    user_id: UserId,
    hash: &str,
) -> Result<(), Failure> {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .filter(user::Column::Id.eq(user_id))
        .filter(user::Column::PasswordHash.is_not_null())
        .exec(db)
        .await
        .doing("replace the known password")?;
    Ok(())
}

/// Voids a person's links and temporary passwords, and the mails that would bring new ones.
pub async fn void_credentials(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), Failure> {
    void_tokens(db, Some(user_id), &VOIDED, now).await?;
    mail_job::Entity::delete_many()
        .filter(mail_job::Column::UserId.eq(user_id))
        .filter(mail_job::Column::Kind.eq(JobKind::AddressChange.as_str()))
        .exec(db)
        .await
        .doing("forget an asked address")?;
    Ok(())
}
