//! Tokens: the secrets of emailed links and temporary passwords.
//!
//! # Guarantees
//!
//! - The database holds only the SHA-256 of the secret.
//! - A token is consumed by one conditional UPDATE, and the number of changed rows decides.

mod plain_token;

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use crate::entity::user_token;
use crate::error::{ErrorContext, InternalError};
use domain::status::UserId;
use domain::time::Timestamp;
use domain::token::Purpose;

pub use crate::auth::token::plain_token::PlainToken;

/// The time for which a previous email address can undo a change.
pub const UNDO_LIFETIME: Duration = Duration::from_hours(72);

/// The values of a new token.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// The user. `None` for the setup link of the first administrator.
    pub user_id: Option<UserId>,
    /// The purpose.
    pub purpose: Purpose,
    /// The user's credential version.
    pub credential_version: i32,
    /// The canonical email address that the token is for.
    pub email_canonical: &'a str,
    /// The same email address as typed, if it is not the account's own.
    pub email: Option<&'a str>,
    /// The time of creation.
    pub now: Timestamp,
    /// The expiry time.
    pub expires_at: Timestamp,
}

/// Generates a token and inserts its hash.
pub async fn insert_token(db: &impl ConnectionTrait, new: NewToken<'_>) -> Result<PlainToken, InternalError> {
    let token = match new.purpose {
        Purpose::TemporaryPassword => PlainToken::generate_typable(),
        _ => PlainToken::generate(),
    };
    let row = user_token::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(new.user_id),
        purpose: ActiveValue::Set(new.purpose.into()),
        token_hash: ActiveValue::Set(token.hash()),
        credential_version: ActiveValue::Set(new.credential_version),
        email_canonical: ActiveValue::Set(new.email_canonical.to_owned()),
        email: ActiveValue::Set(new.email.map(ToOwned::to_owned)),
        created_at: ActiveValue::Set(new.now),
        expires_at: ActiveValue::Set(new.expires_at),
        used_at: ActiveValue::Set(None),
    };
    user_token::Entity::insert(row).exec_without_returning(db).await.context("insert a token")?;
    Ok(token)
}

/// Finds the token with this secret and one of these purposes, if it is neither used nor expired.
pub async fn find_token(
    db: &impl ConnectionTrait,
    token: &PlainToken,
    purposes: &[Purpose],
    now: Timestamp,
) -> Result<Option<user_token::Model>, InternalError> {
    user_token::Entity::find()
        .filter(user_token::Column::TokenHash.eq(token.hash()))
        .filter(usable(purposes, now))
        .one(db)
        .await
        .context("find a token")
}

/// Consumes a token. Returns false if it is used or expired.
pub async fn consume_token(
    db: &impl ConnectionTrait,
    id: i32,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let consumed = user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now))
        .filter(user_token::Column::Id.eq(id))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(now))
        .exec(db)
        .await
        .context("consume a token")?;
    Ok(consumed.rows_affected == 1)
}

/// Revokes every unused token of a user with one of these purposes. `None` selects the tokens without a user.
pub async fn revoke_tokens(
    db: &impl ConnectionTrait,
    user_id: Option<UserId>,
    purposes: &[Purpose],
    now: Timestamp,
) -> Result<(), InternalError> {
    let owner = user_id.map_or_else(
        || user_token::Column::UserId.is_null(),
        |user_id| user_token::Column::UserId.eq(user_id),
    );
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now))
        .filter(owner)
        .filter(user_token::Column::Purpose.is_in(purposes.iter().map(|purpose| purpose.as_str())))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .context("invalidate tokens")?;
    Ok(())
}

/// Revokes the unused tokens with which a user can change their email address to another one than `email`, as typed.
pub async fn revoke_other_email_changes(
    db: &impl ConnectionTrait,
    user_id: UserId,
    email: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now))
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(Purpose::ChangeEmail.as_str()))
        .filter(user_token::Column::Email.ne(email))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .context("invalidate earlier requests to change an email address")?;
    Ok(())
}

/// Revokes the unused tokens of the same user and purpose that were created at the same time as `token` or later. Tokens with the
/// same creation time replace each other (see [`crate::accounts::deletion`]).
pub async fn revoke_later_tokens(
    db: &impl ConnectionTrait,
    token: &user_token::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now))
        .filter(user_token::Column::UserId.eq(token.user_id))
        .filter(user_token::Column::Purpose.eq(token.purpose.as_str()))
        .filter(user_token::Column::CreatedAt.gte(token.created_at))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .context("invalidate newer tokens")?;
    Ok(())
}

/// Limits the lifetime of a user's unused tokens with this purpose, from their creation.
pub async fn limit_lifetime(
    db: &impl ConnectionTrait,
    user_id: UserId,
    purpose: Purpose,
    lifetime: Duration,
) -> Result<(), InternalError> {
    let lifetime = Timestamp::default().after(lifetime).0;
    let limit = || Expr::col(user_token::Column::CreatedAt).add(lifetime);
    user_token::Entity::update_many()
        .col_expr(user_token::Column::ExpiresAt, limit())
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(purpose.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(Expr::col(user_token::Column::ExpiresAt).gt(limit()))
        .exec(db)
        .await
        .context("shorten the lifetime of tokens")?;
    Ok(())
}

/// Makes the tokens of a user with this purpose that were revoked at `revoked_at` usable again.
pub(crate) async fn restore_tokens(
    db: &impl ConnectionTrait,
    user_id: UserId,
    purpose: Purpose,
    revoked_at: Timestamp,
) -> Result<(), InternalError> {
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(Option::<Timestamp>::None))
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(purpose.as_str()))
        .filter(user_token::Column::UsedAt.eq(revoked_at))
        .exec(db)
        .await
        .context("restore tokens")?;
    Ok(())
}

/// Prolongs a user's unused tokens with this purpose that were usable at `usable_at` until `expires_at`.
pub(crate) async fn prolong_tokens(
    db: &impl ConnectionTrait,
    user_id: UserId,
    purpose: Purpose,
    usable_at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), InternalError> {
    user_token::Entity::update_many()
        .col_expr(user_token::Column::ExpiresAt, Expr::value(expires_at))
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(purpose.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(usable_at))
        .filter(user_token::Column::ExpiresAt.lt(expires_at))
        .exec(db)
        .await
        .context("prolong the lifetime of tokens")?;
    Ok(())
}

/// Returns the previous email addresses that can undo a change, as typed.
pub async fn email_addresses_that_can_undo(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<String>, InternalError> {
    let mut addresses: Vec<String> = Vec::new();
    for email in undo_tokens(db, user_id, now).await?.into_iter().filter_map(|token| token.email) {
        if !addresses.contains(&email) {
            addresses.push(email);
        }
    }
    Ok(addresses)
}

/// Returns the tokens with which previous email addresses can undo a change.
pub async fn undo_tokens(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<user_token::Model>, InternalError> {
    user_token::Entity::find()
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(Purpose::UndoEmailChange.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(now))
        .all(db)
        .await
        .context("find tokens that undo a change")
}

fn usable(purposes: &[Purpose], now: Timestamp) -> Condition {
    Condition::all()
        .add(user_token::Column::Purpose.is_in(purposes.iter().map(|purpose| purpose.as_str())))
        .add(user_token::Column::UsedAt.is_null())
        .add(user_token::Column::ExpiresAt.gt(now))
}
