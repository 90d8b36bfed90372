//! Registration: creating an account that is pending until an administrator approves it.
//!
//! # Guarantees
//!
//! - Registering with a known email address gives the same answer, writes the same rows and does the same work as with an
//!   unknown one.
//! - Only the owner of an email address learns, by email, that it has an account.
//! - The unique indexes of the database decide whether a username is free.
//! - A registration that was sent twice gets the first answer twice ([`crate::accounts::repeated_registration`]).

use std::net::IpAddr;

use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, SqlErr};

use crate::accounts::email_address::{canonical, is_known};
use crate::accounts::repeated_registration::find_repeated_registration;
use crate::audit::{Action, insert_audit};
use crate::auth::password::hasher::{HashError, RETRY_AFTER};
use crate::auth::password::policy::PasswordPolicy;
use crate::auth::rate_limit::network_key;
use crate::email::jobs::insert_job;
use crate::entity::email_job::JobKind;
use crate::entity::{registration, user};
use crate::error::{InternalError, UseCaseError};
use crate::infra::database::Lock;
use crate::{Actor, Backend};
use domain::email_address::EmailAddress;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::free_text::FreeText;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;
use domain::username::Username;
use domain::validation::Registration;

impl From<HashError> for UseCaseError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => ErrorCode::Busy(RETRY_AFTER).into(),
            HashError::Failed(failure) => Self::Internal(failure),
        }
    }
}

/// Registers an account and returns its user id. A registration that repeats one of the last minutes returns the user id of that
/// one.
pub async fn register(
    backend: &Backend,
    form: Registration,
    client_ip: IpAddr,
) -> Result<UserId, UseCaseError> {
    backend.rate_limiter.acquire_registration(&backend.settings, client_ip, backend.now()).await?;
    if let Some(first) = find_repeated_registration(backend, &form, client_ip).await? {
        return Ok(first);
    }
    let new = prepare_registration(backend, form, &client_ip.to_string()).await?;
    match create_registration(backend, &new, client_ip).await {
        // The first registration may have been written while the password was being hashed.
        Err(UseCaseError::Rejected(errors)) if errors == username_taken() => {
            let first = find_repeated_registration(backend, &new.form, client_ip).await?;
            first.ok_or(UseCaseError::Rejected(errors))
        }
        created => created,
    }
}

/// Writes the account of a registration, its row of the audit log and the job of its emails. Returns the user id.
async fn create_registration(
    backend: &Backend,
    new: &PreparedRegistration,
    client_ip: IpAddr,
) -> Result<UserId, UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    let known = is_known(&*txn, &new.email_canonical).await?;
    let status = if known { Status::Shadow } else { Status::Pending };
    let username = new.username();
    let id = insert_registration(&*txn, new, status, Role::Member, None, now).await?;
    let actor = Actor { id: Some(id), name: username.to_owned(), client_ip: client_ip.to_string() };
    insert_audit(&*txn, Action::Register, &actor, Some((id, username)), now).await?;
    insert_job(&*txn, JobKind::Registered, id, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(id)
}

/// A registration that has been checked and hashed, ready to be inserted.
#[derive(Debug)]
pub(crate) struct PreparedRegistration {
    form: Registration,
    email_canonical: String,
    password_hash: String,
    client_ip: Option<IpAddr>,
    /// The question that the form asked.
    question: Option<String>,
}

impl PreparedRegistration {
    /// Returns the username.
    pub(crate) fn username(&self) -> &str {
        self.form.username.as_str()
    }
}

/// Returns the registration with its canonical email address and password hash, or the error of a field.
pub(crate) async fn prepare_registration(
    backend: &Backend,
    form: Registration,
    client_ip: &str,
) -> Result<PreparedRegistration, UseCaseError> {
    let Some(email_canonical) = canonical(&form.email) else {
        return Err(FormErrors::of_field(Field::Email, ErrorCode::EmailInvalid).into());
    };
    let policy =
        PasswordPolicy::new(&form.password, form.username.as_str(), form.email.as_str(), &backend.settings);
    let hash =
        backend.hasher.hash_unless(form.password.password(), client_ip, move || policy.is_too_weak()).await?;
    let Some(password_hash) = hash else {
        return Err(FormErrors::of_field(Field::Password, ErrorCode::PasswordTooWeak).into());
    };
    let question = backend.settings.register_question.clone().filter(|_| form.answer.is_some());
    Ok(PreparedRegistration {
        form,
        email_canonical,
        password_hash,
        client_ip: client_ip.parse().ok(),
        question,
    })
}

/// Inserts the account of a registration and returns its user id, or the error of the field whose value is taken.
pub(crate) async fn insert_registration(
    db: &impl ConnectionTrait,
    new: &PreparedRegistration,
    status: Status,
    role: Role,
    confirmed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<UserId, UseCaseError> {
    let account = NewAccount {
        username: &new.form.username,
        email: &new.form.email,
        email_canonical: &new.email_canonical,
        password_hash: Some(&new.password_hash),
        client_ip: new.client_ip,
        question: new.question.as_deref(),
        answer: new.form.answer.as_ref().map(FreeText::as_str),
    };
    insert_account(db, &account, status, role, confirmed_at, now).await.map_err(unique_violation_error)
}

/// The values of an account to insert.
#[derive(Debug)]
pub(crate) struct NewAccount<'a> {
    /// The username.
    pub(crate) username: &'a Username,
    /// The email address as typed.
    pub(crate) email: &'a EmailAddress,
    /// The canonical form of the email address.
    pub(crate) email_canonical: &'a str,
    /// The PHC string of the password, or `None` for an account without a password.
    pub(crate) password_hash: Option<&'a str>,
    /// The IP address of the client, or `None` for an account that the operator creates.
    pub(crate) client_ip: Option<IpAddr>,
    /// The question that the person was asked at registration.
    pub(crate) question: Option<&'a str>,
    /// The answer.
    pub(crate) answer: Option<&'a str>,
}

/// Inserts an account with its registration, and returns its user id.
pub(crate) async fn insert_account(
    db: &impl ConnectionTrait,
    account: &NewAccount<'_>,
    status: Status,
    role: Role,
    confirmed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<UserId, DbErr> {
    let row = user::ActiveModel {
        id: ActiveValue::NotSet,
        username: ActiveValue::Set(account.username.as_str().to_owned()),
        username_key: ActiveValue::Set(account.username.key()),
        email: ActiveValue::Set(account.email.as_str().to_owned()),
        email_canonical: ActiveValue::Set(account.email_canonical.to_owned()),
        email_confirmed_at: ActiveValue::Set(confirmed_at),
        registration_disputed_at: ActiveValue::Set(None),
        password_hash: ActiveValue::Set(account.password_hash.map(ToOwned::to_owned)),
        status: ActiveValue::Set(status),
        status_since: ActiveValue::Set(now),
        status_by: ActiveValue::Set(None),
        role: ActiveValue::Set(role),
        credential_version: ActiveValue::Set(0),
        deletion_due_at: ActiveValue::Set(None),
        created_at: ActiveValue::Set(now),
        last_sign_in_at: ActiveValue::Set(Timestamp::NEVER),
    };
    let id = user::Entity::insert(row).exec(db).await?.last_insert_id;
    let registration = registration::ActiveModel {
        user_id: ActiveValue::Set(id),
        question: ActiveValue::Set(account.question.map(ToOwned::to_owned)),
        answer: ActiveValue::Set(account.answer.map(ToOwned::to_owned)),
        client_ip: ActiveValue::Set(account.client_ip.map(network_key)),
        created_at: ActiveValue::Set(now),
        assigned_to: ActiveValue::Set(None),
        assigned_at: ActiveValue::Set(None),
    };
    registration::Entity::insert(registration).exec_without_returning(db).await?;
    Ok(id)
}

/// Returns the errors of a registration whose username is taken.
fn username_taken() -> FormErrors {
    FormErrors::of_field(Field::Username, ErrorCode::UsernameTaken)
}

/// Converts a violation of a unique index into the error of its field.
pub(crate) fn unique_violation_error(error: DbErr) -> UseCaseError {
    match error.sql_err() {
        // PostgreSQL names the index, SQLite the column.
        Some(SqlErr::UniqueConstraintViolation(text)) if text.contains("username_key") => {
            username_taken().into()
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => ErrorCode::EmailTaken.into(),
        _ => InternalError::Database { context: "store the account", source: error }.into(),
    }
}
