//! Signing in with a password.
//!
//! Guarantees: exactly one Argon2 verification whatever the name, the password and the account's status; one answer
//! for everything until the password has proved right; tries are counted before any hashing. Input in the form of a
//! temporary password is then also looked up as one: it opens a session that can only choose a new password.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::net::IpAddr;

use super::Backend;
use super::canonical::canonical;
use super::counts::SignInOutcome;
use super::database::Lock;
use super::entity::user;
use super::error::{Doing, Failure, Stop};
use super::known_browsers::{
    KnownBrowser, count_attempt, forget_if_spent, known_to, note_success, refund_attempt, remember_at_sign_in,
};
use super::password_hash::{HashError, Verdict};
use super::sessions::{
    Browser, BrowserSession, OpenedBy, Opening, hold_person, insert_sign_in, open_session, prepare_session,
};
use super::token::{PlainToken, find_token, spend_token, void_tokens};
use crate::domain::address::EmailAddress;
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::{Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;
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
    Open {
        /// The browser's new entry for its cookie; `None` on a shared computer.
        known: Option<KnownBrowser>,
    },
    /// A session is open that can only choose a new password.
    Restricted,
    /// The password was right, but in this status nobody signs in.
    NotActive {
        /// Whose password it was.
        user_id: UserId,
        /// The reason that the person reads.
        why: Problem,
        /// Whether a new link to confirm the address can be asked for.
        may_confirm: bool,
    },
}

/// Signs in.
pub async fn sign_in(
    backend: &Backend,
    session: &BrowserSession,
    form: SignIn<'_>,
    browser: &Browser,
) -> Result<SignedIn, Stop> {
    let done = attempt_sign_in(backend, session, form, browser).await;
    if let Some(outcome) = outcome_of(&done) {
        backend.counts.count_sign_in(outcome);
    }
    done
}

/// What is counted; `None` for a form that was not filled in and for what broke.
fn outcome_of(done: &Result<SignedIn, Stop>) -> Option<SignInOutcome> {
    match done {
        Ok(SignedIn::Open { .. }) => Some(SignInOutcome::Entered),
        Ok(SignedIn::Restricted) => Some(SignInOutcome::Restricted),
        Ok(SignedIn::NotActive { .. }) => Some(SignInOutcome::NotActive),
        Err(Stop::Refused(refusal)) => match refusal.form? {
            Problem::Incorrect => Some(SignInOutcome::Incorrect),
            Problem::TooMany(_) => Some(SignInOutcome::TooMany),
            Problem::Busy(_) => Some(SignInOutcome::Busy),
            _ => None,
        },
        Err(Stop::Failed(_)) => None,
    }
}

async fn attempt_sign_in(
    backend: &Backend,
    session: &BrowserSession,
    form: SignIn<'_>,
    browser: &Browser,
) -> Result<SignedIn, Stop> {
    check_shape(&form)?;
    let lookup = Lookup::of(form.identifier);
    let now = backend.now();
    let attempt = backend.limits.try_sign_in(&backend.settings, &lookup.key(), form.source, now).await?;
    let user = find(backend, &lookup).await?;
    let temporary = PlainToken::from_typed(form.password.expose());
    let known = user.as_ref().and_then(|user| known_to(&browser.known, user.id));
    // Whether only a temporary password may be right: past the daily limit, in a browser that is not known.
    let mut only_temporary = false;
    if let Some(wait) = attempt.day_over() {
        let counted = match known {
            Some(known) => count_attempt(backend.db.pool(), known).await?,
            None => false,
        };
        if !counted && temporary.is_none() {
            backend.limits.give_back(attempt, now).await;
            return Err(Problem::TooMany(wait).into());
        }
        only_temporary = !counted;
    }
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let verdict = match backend.hasher.verify(form.password, hash, &form.source.to_string()).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Being busy is nobody's failed try.
            if let (Some(known), Some(_)) = (known, attempt.day_over()) {
                refund_attempt(backend.db.pool(), known).await?;
            }
            backend.limits.give_back(attempt, now).await;
            return Err(error.into());
        }
    };
    if let (Some(user), Verdict::Right { outdated }, false) = (&user, verdict, only_temporary) {
        // Where nobody can sign in, or has done so too often, a try costs a hash and leads nowhere: it counts.
        if user.status != Status::Active.as_str() {
            backend.limits.failed(attempt, now).await;
            return enter(backend, session, &form, user, outdated, browser).await;
        }
        if let Err(problem) = backend.limits.signed_in(user.id, form.source, now).await {
            backend.limits.failed(attempt, now).await;
            return Err(problem.into());
        }
        let enter = enter(backend, session, &form, user, outdated, browser);
        let ((), entered) = tokio::join!(backend.limits.give_back(attempt, now), enter);
        return entered;
    }
    if let Some(temporary) = temporary
        && enter_by_temporary(backend, session, &form, &temporary, user.as_ref(), browser).await?
    {
        if let (Some(known), true, false) = (known, attempt.day_over().is_some(), only_temporary) {
            refund_attempt(backend.db.pool(), known).await?;
        }
        backend.limits.give_back(attempt, now).await;
        return Ok(SignedIn::Restricted);
    }
    if let Some(known) = known {
        if attempt.day_over().is_none() {
            count_attempt(backend.db.pool(), known).await?;
        }
        forget_if_spent(backend.db.pool(), known).await?;
    }
    backend.limits.failed(attempt, now).await;
    Err(Problem::Incorrect.into())
}

/// The password was right: the status decides.
async fn enter(
    backend: &Backend,
    session: &BrowserSession,
    form: &SignIn<'_>,
    user: &user::Model,
    outdated: bool,
    browser: &Browser,
) -> Result<SignedIn, Stop> {
    if outdated {
        renew_hash(backend, user, form).await?;
    }
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    if status != Status::Active {
        let may_confirm =
            user.email_confirmed_at.is_none() && matches!(status, Status::Pending | Status::Shadow);
        return Ok(SignedIn::NotActive {
            user_id: user.id,
            why: why_not_active(user, status, backend.now()),
            may_confirm,
        });
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch,
        shared: form.shared,
        by: OpenedBy::Password,
    };
    open_session(backend, session, &opening, browser).await?;
    let known = if form.shared {
        note_success(backend, user.id, &browser.known).await;
        None
    } else {
        remember_at_sign_in(backend, user.id, user.auth_epoch, &browser.known).await
    };
    Ok(SignedIn::Open { known })
}

/// Returns the reason that the owner of an account that is not active reads.
pub(super) fn why_not_active(user: &user::Model, status: Status, now: Timestamp) -> Problem {
    match user.deletion_due_at {
        Some(at) if at > now.0 => Problem::DueForDeletion(Timestamp(at)),
        _ => Problem::NotActive(status.public()),
    }
}

/// Spends a temporary password of this very account, if it is one: the first that is used voids the others.
async fn enter_by_temporary(
    backend: &Backend,
    session: &BrowserSession,
    form: &SignIn<'_>,
    temporary: &PlainToken,
    user: Option<&user::Model>,
    browser: &Browser,
) -> Result<bool, Stop> {
    let now = backend.now();
    let found = find_token(backend.db.pool(), temporary, &[Purpose::TemporaryPassword], now).await?;
    let (Some(token), Some(user)) = (found, user) else { return Ok(false) };
    let theirs = token.user_id == Some(user.id)
        && token.epoch == user.auth_epoch
        && user.status == Status::Active.as_str()
        && user.email_confirmed_at.is_some();
    if !theirs {
        return Ok(false);
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch,
        shared: form.shared,
        by: OpenedBy::TemporaryPassword,
    };
    let prepared = prepare_session(backend, session, &opening, browser).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    hold_person(&*txn, user.id).await?;
    if !spend_token(&*txn, token.id, now).await? {
        return Ok(false);
    }
    void_tokens(&*txn, Some(user.id), &[Purpose::TemporaryPassword], now).await?;
    insert_sign_in(&*txn, &prepared, &opening, browser, now).await?;
    txn.commit().await?;
    prepared.hand_over(backend, session).await;
    Ok(true)
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
async fn renew_hash(backend: &Backend, user: &user::Model, form: &SignIn<'_>) -> Result<(), Stop> {
    let hash = match backend.hasher.hash(form.password, &form.source.to_string()).await {
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
