//! Secrets that travel in links.
//!
//! Guarantees: 256 random bits; the database holds only their SHA-256; the secret never prints. A token is spent by one
//! conditional UPDATE, whose count of changed rows decides.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use super::entity::user_token;
use super::error::{Doing, Failure};
use super::random;
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// A secret as it stands in a link.
#[derive(Clone)]
pub struct PlainToken(String);

impl std::fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

impl PlainToken {
    /// A new secret of 256 bits.
    pub fn generate() -> Self {
        Self(BASE64URL_NOPAD.encode(&random::bytes::<32>()))
    }

    /// A secret from outside, if it has the form of one.
    pub fn from_link(text: &str) -> Option<Self> {
        let right = text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok();
        right.then(|| Self(text.to_owned()))
    }

    /// The secret, for the link alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database holds of it.
    pub fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0.as_bytes()))
    }
}

/// What a new token is bound to.
#[derive(Debug)]
pub struct Binding<'a> {
    /// Whose it is; nobody's for the first administrator's.
    pub user_id: Option<UserId>,
    /// What it is for.
    pub purpose: Purpose,
    /// The epoch of its issue.
    pub epoch: i32,
    /// The address it was made for.
    pub email_canonical: &'a str,
    /// When it was made.
    pub now: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Makes a token and keeps its hash.
pub async fn insert_token(db: &impl ConnectionTrait, binding: Binding<'_>) -> Result<PlainToken, Failure> {
    let token = PlainToken::generate();
    let row = user_token::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(binding.user_id),
        purpose: ActiveValue::Set(binding.purpose.as_str().to_owned()),
        token_hash: ActiveValue::Set(token.hash()),
        epoch: ActiveValue::Set(binding.epoch),
        email_canonical: ActiveValue::Set(binding.email_canonical.to_owned()),
        created_at: ActiveValue::Set(binding.now.0),
        expires_at: ActiveValue::Set(binding.expires_at.0),
        used_at: ActiveValue::Set(None),
    };
    user_token::Entity::insert(row).exec_without_returning(db).await.doing("insert a token")?;
    Ok(token)
}

/// The unspent, unexpired token of that secret and purpose.
pub async fn find_token(
    db: &impl ConnectionTrait,
    token: &PlainToken,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<user_token::Model>, Failure> {
    user_token::Entity::find()
        .filter(user_token::Column::TokenHash.eq(token.hash()))
        .filter(live(purpose, now))
        .one(db)
        .await
        .doing("find a token")
}

/// Spends a token; `false` if somebody else was faster or its time is over.
pub async fn spend_token(
    db: &impl ConnectionTrait,
    id: i32,
    purpose: Purpose,
    now: Timestamp,
) -> Result<bool, Failure> {
    let spent = user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now.0))
        .filter(user_token::Column::Id.eq(id))
        .filter(live(purpose, now))
        .exec(db)
        .await
        .doing("spend a token")?;
    Ok(spent.rows_affected == 1)
}

/// Makes every unspent token of a person and purpose worthless.
pub async fn void_tokens(
    db: &impl ConnectionTrait,
    user_id: Option<UserId>,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), Failure> {
    let whose = user_id.map_or_else(
        || user_token::Column::UserId.is_null(),
        |user_id| user_token::Column::UserId.eq(user_id),
    );
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now.0))
        .filter(whose)
        .filter(user_token::Column::Purpose.eq(purpose.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .doing("void tokens")?;
    Ok(())
}

fn live(purpose: Purpose, now: Timestamp) -> Condition {
    Condition::all()
        .add(user_token::Column::Purpose.eq(purpose.as_str()))
        .add(user_token::Column::UsedAt.is_null())
        .add(user_token::Column::ExpiresAt.gt(now.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_a_link_and_never_prints() {
        let token = PlainToken::generate();
        assert_eq!(token.expose().len(), 43);
        assert!(PlainToken::from_link(token.expose()).is_some());
        assert_eq!(format!("{token:?}"), "PlainToken(…)");
        assert_eq!(token.hash().len(), 64);
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        for text in ["", "abc", "../../etc/passwd", &"a".repeat(44), &"!".repeat(43)] {
            assert!(PlainToken::from_link(text).is_none(), "{text}");
        }
    }
}
