//! Secrets that travel in links.
//!
//! Guarantees: 256 random bits; the database holds only their SHA-256; the secret never prints. A token is spent by one
//! conditional UPDATE, whose count of changed rows decides.

use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use super::entity::user_token;
use super::error::{Doing, Failure};
use super::random;
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// How long an earlier email address can undo a change.
pub const UNDO_LIFETIME: Duration = Duration::from_hours(72);
/// Crockford's base32: no I, L, O or U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of a typable secret.
const TYPABLE: usize = 26;
/// Digits of a group: two groups of 13 would be hard to keep one's place in.
const GROUP: usize = 5;

/// A secret as it stands in a link or is typed.
#[derive(Clone)]
pub struct PlainToken(String);

impl std::fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

impl PlainToken {
    /// A new secret that can be typed: 26 of Crockford's base32 digits, 130 bits.
    pub fn generate_typable() -> Self {
        let digit = |byte: u8| char::from(DIGITS[usize::from(byte & 31)]);
        Self(random::bytes::<TYPABLE>().into_iter().map(digit).collect())
    }

    /// A typable secret as somebody typed it, whatever the case, spaces and hyphens, and with the letters that are read
    /// for digits; `None` if it has not the form of one.
    pub fn from_typed(text: &str) -> Option<Self> {
        let digits = text.chars().filter(|c| !matches!(c, '-' | ' ' | '\u{a0}')).take(TYPABLE + 1);
        let read = |c: char| match c.to_ascii_uppercase() {
            'O' => Some('0'),
            'I' | 'L' => Some('1'),
            c if c.is_ascii() && DIGITS.contains(&(c as u8)) => Some(c),
            _ => None,
        };
        let text = digits.map(read).collect::<Option<String>>()?;
        (text.len() == TYPABLE).then_some(Self(text))
    }

    /// A typable secret in groups that are easy to read and type.
    pub fn grouped(&self) -> String {
        let mut grouped = String::with_capacity(TYPABLE + TYPABLE / GROUP);
        for (place, digit) in self.0.chars().enumerate() {
            // The last group has one more, rather than one alone.
            if place > 0 && place % GROUP == 0 && place + GROUP <= TYPABLE {
                grouped.push('-');
            }
            grouped.push(digit);
        }
        grouped
    }

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
    /// The same as typed, where it is not the person's own; else empty.
    pub email: &'a str,
    /// When it was made.
    pub now: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Makes a token and keeps its hash.
pub async fn insert_token(db: &impl ConnectionTrait, binding: Binding<'_>) -> Result<PlainToken, Failure> {
    let token = match binding.purpose {
        Purpose::TemporaryPassword => PlainToken::generate_typable(),
        _ => PlainToken::generate(),
    };
    let row = user_token::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(binding.user_id),
        purpose: ActiveValue::Set(binding.purpose.as_str().to_owned()),
        token_hash: ActiveValue::Set(token.hash()),
        epoch: ActiveValue::Set(binding.epoch),
        email_canonical: ActiveValue::Set(binding.email_canonical.to_owned()),
        email: ActiveValue::Set(binding.email.to_owned()),
        created_at: ActiveValue::Set(binding.now.0),
        expires_at: ActiveValue::Set(binding.expires_at.0),
        used_at: ActiveValue::Set(None),
    };
    user_token::Entity::insert(row).exec_without_returning(db).await.doing("insert a token")?;
    Ok(token)
}

/// The unspent, unexpired token of that secret and one of these purposes.
pub async fn find_token(
    db: &impl ConnectionTrait,
    token: &PlainToken,
    purposes: &[Purpose],
    now: Timestamp,
) -> Result<Option<user_token::Model>, Failure> {
    user_token::Entity::find()
        .filter(user_token::Column::TokenHash.eq(token.hash()))
        .filter(live(purposes, now))
        .one(db)
        .await
        .doing("find a token")
}

/// Spends a token; `false` if somebody else was faster or its time is over.
pub async fn spend_token(db: &impl ConnectionTrait, id: i32, now: Timestamp) -> Result<bool, Failure> {
    let spent = user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now.0))
        .filter(user_token::Column::Id.eq(id))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(now.0))
        .exec(db)
        .await
        .doing("spend a token")?;
    Ok(spent.rows_affected == 1)
}

/// Makes every unspent token of a person and of these purposes worthless.
pub async fn void_tokens(
    db: &impl ConnectionTrait,
    user_id: Option<UserId>,
    purposes: &[Purpose],
    now: Timestamp,
) -> Result<(), Failure> {
    let whose = user_id.map_or_else(
        || user_token::Column::UserId.is_null(),
        |user_id| user_token::Column::UserId.eq(user_id),
    );
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now.0))
        .filter(whose)
        .filter(user_token::Column::Purpose.is_in(purposes.iter().map(|purpose| purpose.as_str())))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .doing("void tokens")?;
    Ok(())
}

/// Makes those worthless that were issued to the same person for the same purpose at the time of `token` or later. At the same time
/// are those that stand for one another (see `delete_account`).
pub async fn void_later_tokens(
    db: &impl ConnectionTrait,
    token: &user_token::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    user_token::Entity::update_many()
        .col_expr(user_token::Column::UsedAt, Expr::value(now.0))
        .filter(user_token::Column::UserId.eq(token.user_id))
        .filter(user_token::Column::Purpose.eq(token.purpose.as_str()))
        .filter(user_token::Column::CreatedAt.gte(token.created_at))
        .filter(user_token::Column::UsedAt.is_null())
        .exec(db)
        .await
        .doing("void later tokens")?;
    Ok(())
}

/// Ends the unspent tokens of a person and purpose no later than so long after they were made.
pub async fn limit_lifetime(
    db: &impl ConnectionTrait,
    user_id: UserId,
    purpose: Purpose,
    lifetime: Duration,
) -> Result<(), Failure> {
    let lifetime = Timestamp::default().after(lifetime).0;
    let end = || Expr::col(user_token::Column::CreatedAt).add(lifetime);
    user_token::Entity::update_many()
        .col_expr(user_token::Column::ExpiresAt, end())
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(purpose.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(Expr::col(user_token::Column::ExpiresAt).gt(end()))
        .exec(db)
        .await
        .doing("limit how long tokens last")?;
    Ok(())
}

/// The earlier addresses that can take a change back, as they were written.
pub async fn addresses_with_way_back(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let mut addresses: Vec<String> = Vec::new();
    for token in ways_back(db, user_id, now).await? {
        if !addresses.contains(&token.email) {
            addresses.push(token.email);
        }
    }
    Ok(addresses)
}

/// Returns the tokens with which earlier email addresses can take a change back.
pub async fn ways_back(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<user_token::Model>, Failure> {
    user_token::Entity::find()
        .filter(user_token::Column::UserId.eq(user_id))
        .filter(user_token::Column::Purpose.eq(Purpose::UndoAddress.as_str()))
        .filter(user_token::Column::UsedAt.is_null())
        .filter(user_token::Column::ExpiresAt.gt(now.0))
        .all(db)
        .await
        .doing("look for a way back")
}

fn live(purposes: &[Purpose], now: Timestamp) -> Condition {
    Condition::all()
        .add(user_token::Column::Purpose.is_in(purposes.iter().map(|purpose| purpose.as_str())))
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
    fn a_typable_secret_is_read_as_people_type_it() {
        let token = PlainToken::generate_typable();
        let grouped = token.grouped();
        let groups: Vec<usize> = grouped.split('-').map(str::len).collect();
        assert_eq!(groups, [5, 5, 5, 5, 6], "{grouped}");
        for typed in [grouped.to_lowercase(), grouped.replace('-', " "), format!(" {grouped} ")] {
            assert_eq!(PlainToken::from_typed(&typed).map(|read| read.hash()), Some(token.hash()), "{typed}");
        }
        let zeros = PlainToken::from_typed(&"O".repeat(26)).expect("O is read as 0");
        assert_eq!(zeros.expose(), "0".repeat(26));
        assert_eq!(PlainToken::from_typed(&"iL".repeat(13)).expect("read as 1").expose(), "1".repeat(26));
        for wrong in ["", "7", "green bicycle tulips", &"0".repeat(25), &"0".repeat(27), &"U".repeat(26)] {
            assert!(PlainToken::from_typed(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        for text in ["", "abc", "../../etc/passwd", &"a".repeat(44), &"!".repeat(43)] {
            assert!(PlainToken::from_link(text).is_none(), "{text}");
        }
    }
}
