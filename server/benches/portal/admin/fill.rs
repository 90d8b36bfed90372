//! The accounts and the rows of the two databases.

use std::time::Duration;

use anyhow::anyhow;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::world::{PASSWORD, active_user};
use backend::auth::password::hasher::Hasher;
use backend::auth::password::normalize;
use backend::auth::token::{NewToken, insert_token};
use backend::entity::{registration, user};
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use domain::password::Password;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// The username of the administrator.
const ADMINISTRATOR: &str = "administrator";
/// The number of accounts that are neither pending nor the administrator's.
const MEMBERS: usize = 1_000;
/// The number of people who registered again after a rejection, for each hundred pending registrations.
const REJECTED_PERCENT: usize = 5;
/// The number of rows of an INSERT.
const INSERT_BATCH_SIZE: usize = 250;
/// The time between two registrations.
const REGISTRATION_INTERVAL: Duration = Duration::from_secs(20);
/// The lifetime of a link.
const LINK_LIFETIME: Duration = Duration::from_hours(24);

/// Inserts an administrator, members and pending registrations. Returns the username of the administrator.
pub async fn insert_accounts(database: &Database, pending: usize) -> anyhow::Result<String> {
    let hashed = Hasher::start(1)?.hash(&normalize(&Password::from(PASSWORD.to_owned())), "local").await;
    let hash = hashed.map_err(|error| anyhow!("could not hash a password: {error:?}"))?;
    let now = Clock::System.now();
    let administrator = active_user(ADMINISTRATOR, &hash, now);
    let mut users = vec![user::ActiveModel { role: ActiveValue::Set(Role::Admin), ..administrator }];
    users.extend((0..MEMBERS).map(|number| active_user(&format!("member{number:05}"), &hash, now)));
    users.extend((0..pending * REJECTED_PERCENT / 100).map(|number| user::ActiveModel {
        email: ActiveValue::Set(email(number)),
        email_canonical: ActiveValue::Set(email(number)),
        status: ActiveValue::Set(Status::Rejected),
        ..active_user(&format!("rejected{number:05}"), &hash, now)
    }));
    users.extend((0..pending).map(|number| pending_user(number, &hash, now)));
    for some in users.chunks(INSERT_BATCH_SIZE) {
        user::Entity::insert_many(some.to_vec()).exec_without_returning(database.pool()).await?;
    }
    insert_registrations(database).await?;
    settle(database).await?;
    Ok(ADMINISTRATOR.to_owned())
}

/// Returns a pending registration. Every second one has a confirmed email address.
fn pending_user(number: usize, hash: &str, now: Timestamp) -> user::ActiveModel {
    let step = u32::try_from(number).unwrap_or(u32::MAX);
    let created_at = now.before(REGISTRATION_INTERVAL * step);
    user::ActiveModel {
        email: ActiveValue::Set(email(number)),
        email_canonical: ActiveValue::Set(email(number)),
        email_confirmed_at: ActiveValue::Set((number.is_multiple_of(2)).then_some(created_at)),
        status: ActiveValue::Set(Status::Pending),
        status_since: ActiveValue::Set(created_at),
        created_at: ActiveValue::Set(created_at),
        ..active_user(&format!("pending{number:05}"), hash, now)
    }
}

/// Half of the registrations are a wave from one domain.
fn email(number: usize) -> String {
    let domain = if number.is_multiple_of(2) { 0 } else { 1 + number % 40 };
    format!("person{number:05}@d{domain}.example.org")
}

/// Inserts the registrations of all accounts that are pending. Half of them are a wave from one IP address.
async fn insert_registrations(database: &Database) -> anyhow::Result<()> {
    let rows: Vec<(UserId, Timestamp)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::CreatedAt])
        .filter(user::Column::Status.eq(Status::Pending))
        .order_by_asc(user::Column::Id)
        .into_tuple()
        .all(database.pool())
        .await?;
    let rows =
        rows.into_iter().enumerate().map(|(number, (user_id, created_at))| registration::ActiveModel {
            user_id: ActiveValue::Set(user_id),
            question: ActiveValue::Set(Some("What do you need the account for?".to_owned())),
            answer: ActiveValue::Set(Some(
                "I joined the data team last week and need to see the rota. ".repeat(3),
            )),
            client_ip: ActiveValue::Set(Some(client_ip(number))),
            created_at: ActiveValue::Set(created_at),
            assigned_to: ActiveValue::Set(None),
            assigned_at: ActiveValue::Set(None),
        });
    let rows: Vec<registration::ActiveModel> = rows.collect();
    for some in rows.chunks(INSERT_BATCH_SIZE) {
        registration::Entity::insert_many(some.to_vec()).exec_without_returning(database.pool()).await?;
    }
    // Every tenth applicant has answered a question.
    let ask = "INSERT INTO questions (user_id, asked_by, asked_at, question, answer, answered_at) \
               SELECT id, 1, created_at, 'Which team do you work with?', 'The archive team.', created_at \
               FROM users WHERE status = 'pending' AND id % 10 = 0";
    database.pool().execute_unprepared(ask).await?;
    Ok(())
}

fn client_ip(number: usize) -> String {
    if number.is_multiple_of(2) { "198.51.100.77".to_owned() } else { format!("192.0.2.{}", number % 250) }
}

/// Inserts rows of the audit log, about accounts that no longer exist, and sent emails of the existing ones.
pub async fn insert_rows(database: &Database, audit_rows: u32, emails: u32) -> anyhow::Result<()> {
    let now = Clock::System.now().0;
    let audit = format!(
        "INSERT INTO audit (at, action, actor_id, subject_id) \
         SELECT {now} - g, 'session.sign_in', 1000000 + g % 100000, 1000000 + g % 100000 FROM generate_series(1, {audit_rows}) g"
    );
    let outbox = format!(
        "WITH people AS MATERIALIZED (SELECT array_agg(id) AS ids FROM users) \
         INSERT INTO outbox (kind, user_id, recipient, seal_context, priority, state, created_at, due_at, attempts, finished_at) \
         SELECT 'approved', ids[1 + g % cardinality(ids)], 'someone@example.org', '', 10, 'sent', {now}, {now}, 1, {now} \
         FROM people, generate_series(1, {emails}) g"
    );
    for statement in [audit, outbox] {
        database.pool().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Returns the username of an account that will be deleted.
pub fn unconfirmed_name(number: usize) -> String {
    format!("unconfirmed{number:03}")
}

/// Inserts pending accounts with some rows in each table. Returns the secrets of the links with which they are deleted.
pub async fn insert_unconfirmed(database: &Database, count: usize) -> anyhow::Result<Vec<String>> {
    let now = Clock::System.now();
    let mut links = Vec::new();
    for number in 0..count {
        let name = unconfirmed_name(number);
        let row = user::ActiveModel {
            status: ActiveValue::Set(Status::Pending),
            email_confirmed_at: ActiveValue::Set(None),
            ..active_user(&name, "", now)
        };
        let id = user::Entity::insert(row).exec(database.pool()).await?.last_insert_id;
        let email_canonical = format!("{name}@example.org");
        let new_token = NewToken {
            user_id: Some(id),
            purpose: Purpose::ConfirmEmail,
            credential_version: 0,
            email_canonical: &email_canonical,
            email: None,
            now,
            expires_at: now.after(LINK_LIFETIME),
        };
        links.push(insert_token(database.pool(), new_token).await?.expose().to_owned());
        let now = now.0;
        for statement in [
            format!(
                "INSERT INTO audit (at, action, actor_id, actor_name, subject_id, subject_name, client_ip) SELECT {now}, \
                 'user.register', {id}, '{name}', {id}, '{name}', '192.0.2.1' FROM generate_series(1, 5)"
            ),
            format!(
                "INSERT INTO outbox (kind, user_id, recipient, seal_context, priority, state, created_at, due_at) SELECT \
                 'confirm_email', {id}, '{email_canonical}', '', 20, 'sent', {now}, {now} FROM generate_series(1, 3)"
            ),
        ] {
            database.pool().execute_unprepared(&statement).await?;
        }
    }
    Ok(links)
}

/// Lets PostgreSQL read the statistics of the tables and write them to the disk, as it does by itself after some time.
pub async fn settle(database: &Database) -> anyhow::Result<()> {
    for statement in ["ANALYZE", "CHECKPOINT"] {
        database.pool().execute_unprepared(statement).await?;
    }
    Ok(())
}
