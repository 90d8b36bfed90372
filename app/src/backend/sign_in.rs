//! Signing in with a password.
//!
//! Guarantees: exactly one Argon2 verification whatever the name, the password and the account's status; one answer
//! for everything until the password has proved right; tries are counted before any hashing.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::net::IpAddr;
use tower_sessions::Session;

use super::Backend;
use super::audit::Action;
use super::canonical::canonical;
use super::entity::user;
use super::error::{Doing, Failure, Stop};
use super::password_hash::{HashError, Verdict};
use super::sessions::{Browser, Opening, open_session};
use crate::domain::address::EmailAddress;
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::{Status, UserId};
use crate::domain::username;

/// What somebody signs in with.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// Name or address, as typed.
    pub identifier: &'a str,
    /// The password.
    pub password: &'a Password,
    /// "This is a shared computer".
    pub shared: bool,
    /// Where they come from.
    pub source: IpAddr,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// A session is open.
    Open,
    /// The password was right, but in this status nobody signs in.
    NotActive {
        /// Whose password it was.
        user_id: UserId,
        /// Where they stand.
        status: Status,
        /// Whether a new link to confirm the address can be asked for.
        may_confirm: bool,
    },
}

/// Signs in.
pub async fn sign_in(
    backend: &Backend,
    session: &Session,
    form: SignIn<'_>,
    browser: &Browser,
) -> Result<SignedIn, Stop> {
    check_shape(&form)?;
    let lookup = Lookup::of(form.identifier);
    let attempt = backend.limits.try_sign_in(&backend.settings, &lookup.key(), form.source, backend.now())?;
    let user = find(backend, &lookup).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let verdict = match backend.hasher.verify(form.password, hash).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Being busy is nobody's failed try.
            backend.limits.give_back(attempt);
            return Err(error.into());
        }
    };
    let (Some(user), Verdict::Right { outdated }) = (user, verdict) else {
        return Err(Problem::Incorrect.into());
    };
    backend.limits.give_back(attempt);
    if outdated {
        renew_hash(backend, &user, form.password).await?;
    }
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    if status != Status::Active {
        let may_confirm =
            user.email_confirmed_at.is_none() && matches!(status, Status::Pending | Status::Shadow);
        return Ok(SignedIn::NotActive { user_id: user.id, status, may_confirm });
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch,
        shared: form.shared,
        action: Action::SignIn,
    };
    open_session(backend, session, opening, browser).await?;
    Ok(SignedIn::Open)
}

/// Refuses what needs no look at the database: nothing typed, or more than any password or name can be.
fn check_shape(form: &SignIn<'_>) -> Result<(), Stop> {
    let mut refusal = Refusal::default();
    if form.identifier.trim().is_empty() {
        refusal.add(Field::Username, Problem::IdentifierMissing);
    }
    if form.password.is_empty() {
        refusal.add(Field::Password, Problem::PasswordMissing);
    }
    if !refusal.is_empty() {
        return Err(refusal.into());
    }
    let impossible = form.identifier.len() > 4 * crate::domain::address::MAX_LENGTH
        || form.identifier.contains('\0')
        || form.password.expose().contains('\0')
        || form.password.is_too_long();
    if impossible { Err(Problem::Incorrect.into()) } else { Ok(()) }
}

/// What a typed identifier is looked up by. Limits count under the same, so that no other spelling of an address or
/// name has tries of its own.
#[derive(Debug, PartialEq, Eq)]
enum Lookup {
    /// Whoever has confirmed that address.
    Address(String),
    /// Whoever has that name.
    Name(String),
}

impl Lookup {
    fn of(identifier: &str) -> Self {
        let address = EmailAddress::parse(identifier).ok().and_then(|address| canonical(&address));
        address.map_or_else(|| Self::Name(username::key_of(identifier)), Self::Address)
    }

    fn key(&self) -> String {
        match self {
            Self::Address(address) => format!("address {address}"),
            Self::Name(name) => format!("name {name}"),
        }
    }
}

async fn find(backend: &Backend, lookup: &Lookup) -> Result<Option<user::Model>, Failure> {
    let query = user::Entity::find();
    let query = match lookup {
        Lookup::Address(address) => query
            .filter(user::Column::EmailCanonical.eq(address))
            .filter(user::Column::EmailConfirmedAt.is_not_null())
            .filter(user::Column::Status.ne(Status::Rejected.as_str())),
        Lookup::Name(name) => query.filter(user::Column::UsernameKey.eq(name)),
    };
    query.one(backend.db.pool()).await.doing("find the account")
}

/// Replaces a hash of older parameters, if it is still the one that was verified. Moves no epoch.
async fn renew_hash(backend: &Backend, user: &user::Model, password: &Password) -> Result<(), Stop> {
    let hash = match backend.hasher.hash(password).await {
        Ok(hash) => hash,
        // Another time: the old hash still does.
        Err(HashError::Busy) => return Ok(()),
        Err(HashError::Failed(failure)) => return Err(failure.into()),
    };
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::PasswordHash.eq(user.password_hash.clone()))
        .exec(backend.db.pool())
        .await
        .doing("renew the hash")?;
    Ok(())
}
