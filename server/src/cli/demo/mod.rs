//! The command `demo`: fills an empty database with invented people, so that developers can try the portal and take screenshots.
//!
//! # Guarantees
//!
//! - It refuses to run in production, and changes nothing in a database that has accounts.
//! - Each run makes the same people. Their times are relative to now.
//! - Email addresses belong to example.org, and IP addresses are those reserved for documentation.
//! - It is one transaction.

mod columns;
mod life;
mod names;
mod people;
mod rows;
mod seed;
mod texts;

use std::time::Duration;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
};

use self::life::Life;
use self::rows::{FailedEmail, Rows, Writer, id};
use crate::cli::CliError;
use backend::Backend;
use backend::auth::password::normalize;
use backend::email::message::Message;
use backend::email::outbox::{NewEmail, Schedule, enqueue_scheduled};
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{audit, decision, outbox, question, registration, saved_reason, user, user_session};
use backend::error::{ErrorContext, InternalError, UseCaseError};
use backend::infra::database::{Lock, WriteTransaction};
use backend::settings::Environment;
use domain::password::Password;
use domain::time::Timestamp;

pub use self::people::{ADMINISTRATOR, MEMBER, PEOPLE};

/// The password of all invented people.
pub const PASSWORD: &str = "violet tractor hums quietly";

/// The number of rows of an INSERT. Both databases limit the number of values in a statement.
const BATCH: usize = 200;

/// Refuses to run in production: everyone knows the password.
pub fn require_development(environment: Environment) -> Result<(), CliError> {
    match environment {
        Environment::Dev => Ok(()),
        Environment::Prod => Err(CliError(
            "The demo is only for development, because everyone knows its password. Fix: set LEPTOS_ENV=DEV."
                .to_owned(),
        )),
    }
}

/// Fills the database with invented people.
pub async fn fill(backend: &Backend) -> Result<(), CliError> {
    require_development(backend.settings.environment)?;
    let password = normalize(&Password::from(PASSWORD.to_owned()));
    let hash = backend.hasher.hash(&password, "local").await.map_err(UseCaseError::from)?;
    let (now, lives) = (backend.now(), people::people());
    let rows = Writer::write(&lives, backend.settings.register_question.as_deref(), now)
        .map_err(UseCaseError::from)?;
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    if user::Entity::find().count(&*txn).await.context("count the accounts")? > 0 {
        return Err(CliError(
            "The database already has accounts. Fix: set DATABASE_URL to an empty database, or run script/server --demo."
                .to_owned(),
        ));
    }
    insert(backend, &txn, &lives, rows, &hash, now).await?;
    Ok(txn.commit().await?)
}

/// Returns the text that says how to sign in.
pub fn instructions(backend: &Backend) -> String {
    let url = backend.settings.link("/login");
    format!(
        "The demo has {PEOPLE} invented people. Sign in at {url} as {ADMINISTRATOR} with the password \"{PASSWORD}\". All \
         invented people have this password."
    )
}

async fn insert(
    backend: &Backend,
    txn: &WriteTransaction,
    lives: &[Life],
    mut rows: Rows,
    hash: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    for user in &mut rows.users {
        user.password_hash = Set(Some(hash.to_owned()));
    }
    insert_all::<user::Entity, _>(txn, rows.users).await?;
    // The rows have their ids, so the sequence of PostgreSQL does not know them.
    if backend.db.is_postgres() {
        let advance = "SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users))";
        txn.execute_unprepared(advance).await.context("advance the ids of accounts")?;
    }
    insert_all::<registration::Entity, _>(txn, rows.registrations).await?;
    insert_all::<question::Entity, _>(txn, rows.questions).await?;
    insert_all::<decision::Entity, _>(txn, rows.decisions).await?;
    insert_all::<user_session::Entity, _>(txn, rows.sessions).await?;
    insert_all::<outbox::Entity, _>(txn, rows.emails).await?;
    insert_all::<saved_reason::Entity, _>(txn, columns::saved_reasons(now)).await?;
    insert_all::<audit::Entity, _>(txn, rows.audit.into_iter().map(|(_, row)| row).collect()).await?;
    for (email, reason, at) in rows.blocked {
        backend.blocked_identities.insert(&**txn, &email, reason, at).await?;
    }
    rows.failed_emails.sort_by_key(|failed| failed.at);
    for failed in &rows.failed_emails {
        insert_failed_email(backend, txn, lives, failed).await?;
    }
    Ok(())
}

/// Inserts rows, some at a time.
async fn insert_all<E, A>(txn: &WriteTransaction, rows: Vec<A>) -> Result<(), InternalError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = E> + Clone + Send,
{
    for some in rows.chunks(BATCH) {
        E::insert_many(some.to_vec()).exec_without_returning(&**txn).await.context("insert invented rows")?;
    }
    Ok(())
}

/// Inserts an email with its content, as it is after its last attempt.
async fn insert_failed_email(
    backend: &Backend,
    txn: &WriteTransaction,
    lives: &[Life],
    failed: &FailedEmail,
) -> Result<(), InternalError> {
    let Some(life) = lives.get(failed.user) else { return Ok(()) };
    let (username, at) = (life.username.clone(), failed.at);
    // The links lead nowhere. Sending the email again replaces them.
    let message = if failed.kind == EmailKind::Approved {
        let (url, lifetime) =
            (backend.settings.link("/auto-login/demo"), backend.settings.sign_in_link_lifetime);
        Message::Approved { username, url, lifetime, asks_password: false }
    } else {
        let lifetime = Duration::from_hours(24);
        Message::ConfirmEmail { username, url: backend.settings.link("/confirm/demo"), lifetime }
    };
    let new_email =
        NewEmail { user_id: Some(id(failed.user)), recipient: &life.email, message, not_after: None };
    let schedule = Schedule { due_at: at, priority: failed.kind.priority() };
    let email = enqueue_scheduled(&**txn, &backend.keys, new_email, schedule, at).await?;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Failed))
        .col_expr(outbox::Column::Attempts, Expr::value(failed.attempts))
        .col_expr(outbox::Column::LastError, Expr::value(failed.error))
        .col_expr(outbox::Column::FinishedAt, Expr::value(at.after(Duration::from_mins(2))))
        .filter(outbox::Column::Id.eq(email))
        .exec(&**txn)
        .await
        .context("mark an invented email as failed")?;
    Ok(())
}
