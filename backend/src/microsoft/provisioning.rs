//! Creates the account of a new Microsoft identity.
//!
//! # Guarantees
//!
//! - Guests and blocked identities need the approval of an administrator.
//! - An email address counts as confirmed only if the identity is a member of the organisation's own tenant.
//! - The email address of another account is never taken over.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr};

use crate::accounts::email_address::{canonical, is_known};
use crate::accounts::registration::{NewAccount, insert_account};
use crate::audit::{Action, insert_audit};
use crate::email::jobs::insert_job;
use crate::entity::email_job::JobKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::Lock;
use crate::infra::random;
use crate::microsoft::linked_identity::insert_identity;
use crate::microsoft::provider::Identity;
use crate::sessions::Browser;
use crate::{Actor, Backend};
use domain::email_address::EmailAddress;
use domain::errors::ErrorCode;
use domain::invisible::clean;
use domain::status::{Role, Status};
use domain::username;
use domain::username::Username;

/// The first suffix that is no longer tried for a username that is taken.
const SUFFIX_LIMIT: u32 = 20;

/// Creates the account of an identity that has none. Fails if another request has created it in the meantime.
pub(super) async fn create_account(
    backend: &Backend,
    identity: &Identity,
    browser: &Browser,
) -> Result<(), UseCaseError> {
    let email = identity.email.as_deref().and_then(|email| EmailAddress::parse(email).ok());
    let email = email.ok_or(ErrorCode::MicrosoftNoEmail)?;
    let email_canonical = canonical(&email).ok_or(ErrorCode::MicrosoftNoEmail)?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    let known = is_known(&*txn, &email_canonical).await?;
    if known && identity.home_member {
        return Err(ErrorCode::MicrosoftEmailTaken.into());
    }
    let status = initial_status(backend, &*txn, identity, &email_canonical, known).await?;
    let username = find_free_username(&*txn, identity.username_hint.as_deref().unwrap_or_default()).await?;
    let confirmed_at = identity.home_member.then_some(now);
    let account = NewAccount {
        username: &username,
        email: &email,
        email_canonical: &email_canonical,
        password_hash: None,
        client_ip: browser.client_ip.parse().ok(),
        question: None,
        answer: None,
    };
    let inserted = match insert_account(&*txn, &account, status, Role::Member, confirmed_at, now).await {
        Ok(id) => insert_identity(&*txn, id, identity, now).await.map(|()| id),
        Err(error) => Err(error),
    };
    let id = match inserted {
        Ok(id) => id,
        Err(error) => return Err(insert_error(error)),
    };
    let actor =
        Actor { id: Some(id), name: username.as_str().to_owned(), client_ip: browser.client_ip.clone() };
    insert_audit(&*txn, Action::RegisterMicrosoft, &actor, Some((id, username.as_str())), now).await?;
    insert_job(&*txn, JobKind::Registered, id, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

/// Returns the status of a new account. `known` is true if another account has confirmed the email address.
async fn initial_status(
    backend: &Backend,
    db: &impl ConnectionTrait,
    identity: &Identity,
    email_canonical: &str,
    known: bool,
) -> Result<Status, InternalError> {
    let blocked = backend.blocked_identities.contains(db, email_canonical).await?
        || backend.blocked_identities.contains_identity(db, &identity.tid, &identity.oid).await?;
    let needs_approval = blocked || identity.guest || !backend.settings.microsoft_new_users_active();
    Ok(match (known, needs_approval) {
        // As at registration, an unconfirmed claim does not reveal that the email address has an account.
        (true, true) => Status::Shadow,
        (false, true) => Status::Pending,
        // An account that has confirmed the email address keeps it. Here it stays unconfirmed.
        (_, false) => Status::Active,
    })
}

/// Turns a failed insert into an error: another request can take a username, an email address or the identity after the check.
fn insert_error(error: DbErr) -> UseCaseError {
    match error.sql_err() {
        // PostgreSQL names the index, SQLite the columns.
        Some(SqlErr::UniqueConstraintViolation(text)) if text.contains("username_key") => {
            ErrorCode::MicrosoftRefused.into()
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => ErrorCode::MicrosoftEmailTaken.into(),
        _ => InternalError::Database { context: "store the account", source: error }.into(),
    }
}

/// Returns a valid free username that is as close to the hint as possible.
async fn find_free_username(db: &impl ConnectionTrait, hint: &str) -> Result<Username, InternalError> {
    let base = username_from_hint(hint);
    let numbered = (2..SUFFIX_LIMIT).map(|number| format!("{}-{number}", truncate(&base, 4)));
    let random = format!("user-{}", random::public_id().chars().take(12).collect::<String>());
    for candidate in std::iter::once(base.clone()).chain(numbered).chain([random]) {
        let Ok(username) = Username::parse(&candidate) else { continue };
        let taken = user::Entity::find()
            .filter(user::Column::UsernameKey.eq(username.key()))
            .one(db)
            .await
            .context("find an unused username")?;
        if taken.is_none() {
            return Ok(username);
        }
    }
    Err(InternalError::Data("there is no unused username"))
}

/// Returns the characters of a hint that a username may contain: letters, digits and single separators. The hint can be an
/// email address (`ada.lovelace@example.com`) or a name ("Ada Lovelace").
fn username_from_hint(hint: &str) -> String {
    let hint = clean(hint);
    let local = hint.split('@').next().unwrap_or_default();
    let mut username = String::new();
    for c in local.chars() {
        if c.is_ascii_alphanumeric() {
            username.push(c);
        } else if !username.is_empty() && !username.ends_with(['.', '-', '_']) {
            username.push(if matches!(c, '-' | '_') { c } else { '.' });
        }
    }
    truncate(&username, 0)
}

/// Shortens a username so that `reserved` more characters fit, and removes separators at its end.
fn truncate(username: &str, reserved: usize) -> String {
    let max_length = username::MAX_LENGTH.saturating_sub(reserved);
    username.chars().take(max_length).collect::<String>().trim_end_matches(['.', '-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{truncate, username_from_hint};

    #[test]
    fn a_username_is_derived_from_the_hint() {
        for (hint, username) in [
            ("ada.lovelace@example.com", "ada.lovelace"),
            ("Ada Lovelace", "Ada.Lovelace"),
            ("..ada__l--@x", "ada_l"),
            ("\u{e9}mile", "mile"),
            ("a\u{ad}da.\u{2060}lovelace@example.com", "ada.lovelace"),
            ("", ""),
        ] {
            assert_eq!(username_from_hint(hint), username, "{hint}");
        }
        assert_eq!(username_from_hint(&"a".repeat(80)).len(), 32);
        assert_eq!(truncate("abcdefghijklmnopqrstuvwxyz0.1234", 4), "abcdefghijklmnopqrstuvwxyz0");
    }
}
