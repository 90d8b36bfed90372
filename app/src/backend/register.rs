//! Registering: a new account that waits to be let in.
//!
//! Guarantees: a known address and a new one get the same answer, the same rows and the same work; whether an address
//! has an account is told to its owner alone, by mail. The database decides whether a name is free.

use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, SqlErr};

use super::audit::{Action, insert_audit};
use super::canonical::canonical;
use super::database::Lock;
use super::entity::user;
use super::error::{Failure, Stop};
use super::known_address::is_known;
use super::mail::jobs::{JobKind, insert_job};
use super::password_hash::{HashError, RETRY_AFTER};
use super::strength::Judgement;
use super::{Actor, Backend};
use crate::domain::address::EmailAddress;
use crate::domain::check::Registration;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::{Role, Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::username::Username;

impl From<HashError> for Stop {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Problem::Busy(RETRY_AFTER).into(),
            HashError::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Registers; answers the new account's number.
pub async fn register(backend: &Backend, form: Registration, source: &str) -> Result<UserId, Stop> {
    let new = prepare(backend, form, source).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    let known = is_known(&*txn, &new.email_canonical).await?;
    let status = if known { Status::Shadow } else { Status::Pending };
    let username = new.form.username.as_str().to_owned();
    let id = insert_user(&*txn, &new, status, Role::Member, None, now).await?;
    let actor = Actor { id: Some(id), name: username.clone(), source: source.to_owned() };
    insert_audit(&*txn, Action::Register, &actor, Some((id, &username)), now).await?;
    insert_job(&*txn, JobKind::Registered, id, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(id)
}

/// A registration with everything worked out that needs no transaction.
#[derive(Debug)]
pub(super) struct NewUser {
    form: Registration,
    email_canonical: String,
    password_hash: String,
}

impl NewUser {
    /// The name.
    pub(super) fn username(&self) -> &str {
        self.form.username.as_str()
    }
}

/// Works out the canonical address, judges the password and hashes it.
pub(super) async fn prepare(backend: &Backend, form: Registration, source: &str) -> Result<NewUser, Stop> {
    let Some(email_canonical) = canonical(&form.email) else {
        return Err(Refusal::of_field(Field::Email, Problem::AddressShape).into());
    };
    let judgement =
        Judgement::of(&form.password, form.username.as_str(), form.email.as_str(), &backend.settings);
    let hash = backend
        .hasher
        .hash_unless(form.password.password(), source, move || judgement.is_guessable())
        .await?;
    let Some(password_hash) = hash else {
        return Err(Refusal::of_field(Field::Password, Problem::PasswordGuessable).into());
    };
    Ok(NewUser { form, email_canonical, password_hash })
}

/// Inserts the account; the unique indexes decide whether name and address are free.
pub(super) async fn insert_user(
    db: &impl ConnectionTrait,
    new: &NewUser,
    status: Status,
    role: Role,
    confirmed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<UserId, Stop> {
    let person = Person {
        username: &new.form.username,
        email: &new.form.email,
        email_canonical: &new.email_canonical,
        password_hash: Some(&new.password_hash),
    };
    insert_person(db, &person, status, role, confirmed_at, now).await.map_err(taken)
}

/// Who is to have an account.
#[derive(Debug)]
pub(super) struct Person<'a> {
    /// The name.
    pub(super) username: &'a Username,
    /// The address.
    pub(super) email: &'a EmailAddress,
    /// What decides whether two addresses are the same.
    pub(super) email_canonical: &'a str,
    /// The PHC string of the password, if there is one.
    pub(super) password_hash: Option<&'a str>,
}

/// The same for somebody who may have no password.
pub(super) async fn insert_person(
    db: &impl ConnectionTrait,
    person: &Person<'_>,
    status: Status,
    role: Role,
    confirmed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<UserId, DbErr> {
    let row = user::ActiveModel {
        id: ActiveValue::NotSet,
        username: ActiveValue::Set(person.username.as_str().to_owned()),
        username_key: ActiveValue::Set(person.username.key()),
        email: ActiveValue::Set(person.email.as_str().to_owned()),
        email_canonical: ActiveValue::Set(person.email_canonical.to_owned()),
        email_confirmed_at: ActiveValue::Set(confirmed_at.map(|at| at.0)),
        email_disowned_at: ActiveValue::Set(None),
        password_hash: ActiveValue::Set(person.password_hash.map(ToOwned::to_owned)),
        status: ActiveValue::Set(status.as_str().to_owned()),
        status_since: ActiveValue::Set(now.0),
        status_by: ActiveValue::Set(None),
        role: ActiveValue::Set(role.as_str().to_owned()),
        auth_epoch: ActiveValue::Set(0),
        deletion_due_at: ActiveValue::Set(None),
        created_at: ActiveValue::Set(now.0),
        last_sign_in_at: ActiveValue::Set(0),
    };
    user::Entity::insert(row).exec(db).await.map(|inserted| inserted.last_insert_id)
}

/// Turns a unique violation into the problem of its field.
pub(super) fn taken(error: DbErr) -> Stop {
    match error.sql_err() {
        // PostgreSQL names the index, SQLite the column.
        Some(SqlErr::UniqueConstraintViolation(text)) if text.contains("username_key") => {
            Refusal::of_field(Field::Username, Problem::UsernameTaken).into()
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => Problem::AddressTaken.into(),
        _ => Failure::Database { doing: "write the account", source: error }.into(),
    }
}
