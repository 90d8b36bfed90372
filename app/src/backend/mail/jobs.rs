//! What the worker turns into mails.
//!
//! Guarantees: the request that writes a job does the same whatever the mail will be, so that nobody learns from it who
//! has an account; a job and the mails made of it are one transaction. Notices to administrators are gathered: the first
//! at once, those of the next 15 minutes in one.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};

use super::attempts::Retry;
use super::mailbox::{count_recent, note_email};
use super::message::{Kind, Message, Waiting};
use super::outbox::{Letter, enqueue};
use crate::backend::Backend;
use crate::backend::canonical::{canonical, told_apart};
use crate::backend::database::{Lock, WriteTransaction};
use crate::backend::entity::{mail_job, outbox, user};
use crate::backend::error::{Doing, Failure};
use crate::backend::known_address::is_known;
use crate::backend::token::{Binding, insert_token, void_tokens};
use crate::domain::address::EmailAddress;
use crate::domain::status::{Role, Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// How long a link to confirm an address is good.
pub const CONFIRM_LIFETIME: Duration = Duration::from_hours(72);
/// How long notices are gathered after one has left.
pub const NOTICE_GATHERING: Duration = Duration::from_mins(15);
/// How often the owner of an address is told that somebody registered with it.
const TELL_OWNER_EVERY: Duration = Duration::from_hours(24);

/// Most links to one mailbox, whatever the tag of its address, so that no one can flood a mailbox through us.
const CONFIRMATIONS: [(u64, Duration); 2] = [(3, Duration::from_hours(1)), (10, Duration::from_hours(24))];

/// What is to be worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Somebody registered.
    Registered,
    /// Somebody asked for another link to confirm their address.
    Confirmation,
    /// Administrators are to be told of somebody who waits.
    Notice,
    /// Somebody wants another address.
    AddressChange,
    /// The owner of an account's email address did not register: administrators are to be told.
    Disowned,
}

impl JobKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Confirmation => "confirmation",
            Self::Notice => "notice",
            Self::AddressChange => "address_change",
            Self::Disowned => "disowned",
        }
    }
}

/// Writes a job, in the transaction of what it tells of.
pub async fn insert_job(
    db: &impl ConnectionTrait,
    kind: JobKind,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), Failure> {
    insert_address_job(db, kind, user_id, "", now).await
}

/// Writes a job about an address that is not the person's own.
pub async fn insert_address_job(
    db: &impl ConnectionTrait,
    kind: JobKind,
    user_id: UserId,
    email: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = mail_job::ActiveModel {
        id: ActiveValue::NotSet,
        kind: ActiveValue::Set(kind.as_str().to_owned()),
        user_id: ActiveValue::Set(user_id),
        email: ActiveValue::Set(email.to_owned()),
        created_at: ActiveValue::Set(now.0),
        due_at: ActiveValue::Set(now.0),
        attempts: ActiveValue::Set(0),
        failed_at: ActiveValue::Set(None),
    };
    mail_job::Entity::insert(row).exec_without_returning(db).await.doing("write a mail job")?;
    Ok(())
}

/// Works out the next job that is due; `false` when there is none. One that fails is tried again later.
pub async fn work_next(backend: &Backend) -> Result<bool, Failure> {
    let now = backend.now();
    // One worker at a time, over all replicas: gathering needs it, and the work is small.
    let txn = backend.db.begin_write(Lock::Notices).await?;
    let job = mail_job::Entity::find()
        .filter(mail_job::Column::DueAt.lte(now.0))
        .filter(mail_job::Column::FailedAt.is_null())
        .order_by_asc(mail_job::Column::DueAt)
        .order_by_asc(mail_job::Column::Id)
        .one(&*txn)
        .await
        .doing("find a mail job")?;
    let Some(job) = job else { return Ok(false) };
    match work(backend, &txn, &job, now).await {
        Ok(()) => txn.commit().await?,
        Err(failure) => {
            drop(txn);
            try_later(backend, &job, &failure, now).await?;
        }
    }
    Ok(true)
}

async fn work(
    backend: &Backend,
    txn: &WriteTransaction,
    job: &mail_job::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    if job.kind == JobKind::Notice.as_str() {
        return gather_notices(backend, txn, now).await;
    }
    let user = user::Entity::find_by_id(job.user_id).one(&**txn).await.doing("find the job's person")?;
    if let Some(user) = user {
        write_mails(backend, txn, job, &user, now).await?;
    }
    mail_job::Entity::delete_by_id(job.id).exec(&**txn).await.doing("finish a mail job")?;
    Ok(())
}

/// Notes a try in vain. Where the database is what failed, this fails too, and nothing has changed.
async fn try_later(
    backend: &Backend,
    job: &mail_job::Model,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), Failure> {
    let retry = Retry::after(job.attempts, now);
    mail_job::Entity::update_many()
        .col_expr(mail_job::Column::Attempts, Expr::value(retry.attempts))
        .col_expr(mail_job::Column::DueAt, Expr::value(retry.due_at.0))
        .col_expr(mail_job::Column::FailedAt, Expr::value(retry.failed_at.map(|at| at.0)))
        .filter(mail_job::Column::Id.eq(job.id))
        .exec(backend.db.pool())
        .await
        .doing("note that a job failed")?;
    let (kind, attempts) = (job.kind.as_str(), retry.attempts);
    if retry.failed_at.is_some() {
        tracing::error!(job = job.id, kind, attempts, cause = %failure, "email job failed");
    } else {
        tracing::warn!(job = job.id, kind, attempts, cause = %failure, "email job failed, and is tried again");
    }
    Ok(())
}

async fn write_mails(
    backend: &Backend,
    txn: &WriteTransaction,
    job: &mail_job::Model,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    if job.kind == JobKind::AddressChange.as_str() {
        return write_address_change(backend, txn, &job.email, user, now).await;
    }
    if job.kind == JobKind::Disowned.as_str() {
        return write_disowned(backend, txn, user, now).await;
    }
    let registered = job.kind == JobKind::Registered.as_str();
    match Status::parse(&user.status) {
        Some(Status::Shadow) if registered => {
            tell_owner(backend, txn, &user.email_canonical, now).await.map(drop)
        }
        Some(Status::Pending | Status::Held | Status::Active) => {
            if user.email_confirmed_at.is_none() {
                // Whoever has confirmed it already is told, and gets no link to confirm it for somebody else.
                let known = if registered {
                    tell_owner(backend, txn, &user.email_canonical, now).await?
                } else {
                    is_known(&**txn, &user.email_canonical).await?
                };
                if !known {
                    write_confirmation(backend, txn, user, now).await?;
                }
            }
            if registered && user.status == Status::Pending.as_str() {
                insert_job(&**txn, JobKind::Notice, user.id, now).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn write_confirmation(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    if user.email_disowned_at.is_some() || has_enough(backend, txn, &user.email_canonical, now).await? {
        return Ok(());
    }
    let expires_at = now.after(CONFIRM_LIFETIME);
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::ConfirmAddress,
        epoch: user.auth_epoch,
        email_canonical: &user.email_canonical,
        email: "",
        now,
        expires_at,
    };
    let token = insert_token(&**txn, binding).await?;
    let message = Message::ConfirmAddress {
        username: user.username.clone(),
        link: backend.settings.link(&format!("/confirm/{}", token.expose())),
        lifetime: CONFIRM_LIFETIME,
    };
    note_email(backend, &**txn, &user.email_canonical, Kind::ConfirmAddress, now).await?;
    let letter =
        Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, letter, now).await
}

/// Whether as many links have gone to the mailbox of an email address lately as may.
async fn has_enough(
    backend: &Backend,
    txn: &WriteTransaction,
    email_canonical: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    let kinds = [Kind::ConfirmAddress, Kind::ChangeAddress];
    for (most, period) in CONFIRMATIONS {
        if count_recent(backend, &**txn, email_canonical, &kinds, period, now).await? >= most {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The link to a new address; where that belongs to somebody, they are told instead.
async fn write_address_change(
    backend: &Backend,
    txn: &WriteTransaction,
    email: &str,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    let address = EmailAddress::parse(email).ok();
    let Some(email_canonical) = address.as_ref().and_then(canonical) else { return Ok(()) };
    if user.status != Status::Active.as_str() || tell_owner(backend, txn, &email_canonical, now).await? {
        return Ok(());
    }
    if has_enough(backend, txn, &email_canonical, now).await? {
        return Ok(());
    }
    void_tokens(&**txn, Some(user.id), &[Purpose::ChangeAddress], now).await?;
    let expires_at = now.after(CONFIRM_LIFETIME);
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::ChangeAddress,
        epoch: user.auth_epoch,
        email_canonical: &email_canonical,
        email,
        now,
        expires_at,
    };
    let token = insert_token(&**txn, binding).await?;
    let message = Message::ChangeAddress {
        username: user.username.clone(),
        link: backend.settings.link(&format!("/confirm-address/{}", token.expose())),
        lifetime: CONFIRM_LIFETIME,
    };
    note_email(backend, &**txn, &email_canonical, Kind::ChangeAddress, now).await?;
    let letter = Letter { user_id: Some(user.id), recipient: email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, letter, now).await
}

/// Tells whoever has confirmed the address that somebody else entered it; once a day at most. `false` where nobody has.
async fn tell_owner(
    backend: &Backend,
    txn: &WriteTransaction,
    email_canonical: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    let owner = user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::EmailConfirmedAt.is_not_null())
        .filter(user::Column::Status.ne(Status::Rejected.as_str()))
        .one(&**txn)
        .await
        .doing("find the address's owner")?;
    let Some(owner) = owner else { return Ok(false) };
    let told = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq(Kind::AlreadyRegistered.as_str()))
        .filter(outbox::Column::UserId.eq(owner.id))
        .filter(outbox::Column::CreatedAt.gt(now.before(TELL_OWNER_EVERY).0))
        .count(&**txn)
        .await
        .doing("look whether the owner was told")?;
    if told > 0 {
        return Ok(true);
    }
    let message = Message::AlreadyRegistered {
        username: owner.username.clone(),
        link: backend.settings.link("/login"),
        deletion_due: owner.deletion_due_at.map(Timestamp).filter(|due| *due > now),
    };
    let letter = Letter { user_id: Some(owner.id), recipient: &owner.email, message, not_after: None };
    enqueue(&**txn, &backend.keys, letter, now).await?;
    Ok(true)
}

/// How many numbers one statement may list: databases have bounds of their own (32,766 in SQLite).
const AT_ONCE: usize = 500;

/// One notice for everybody who waits to be told of, or none yet if one left within the last 15 minutes.
async fn gather_notices(backend: &Backend, txn: &WriteTransaction, now: Timestamp) -> Result<(), Failure> {
    let notices =
        mail_job::Column::Kind.eq(JobKind::Notice.as_str()).and(mail_job::Column::FailedAt.is_null());
    let last = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq(Kind::Notice.as_str()))
        .order_by_desc(outbox::Column::CreatedAt)
        .one(&**txn)
        .await
        .doing("find the last notice")?;
    let free_at = last.map_or(now, |row| Timestamp(row.created_at).after(NOTICE_GATHERING));
    if free_at > now {
        mail_job::Entity::update_many()
            .col_expr(mail_job::Column::DueAt, Expr::value(free_at.0))
            .filter(notices.clone())
            .exec(&**txn)
            .await
            .doing("gather notices")?;
        return Ok(());
    }
    let jobs = mail_job::Entity::find()
        .filter(notices)
        .order_by_asc(mail_job::Column::UserId)
        .all(&**txn)
        .await
        .doing("read notices")?;
    let mut people = Vec::new();
    for jobs in jobs.chunks(AT_ONCE) {
        let some = user::Entity::find()
            .filter(user::Column::Id.is_in(jobs.iter().map(|job| job.user_id)))
            .filter(user::Column::Status.eq(Status::Pending.as_str()))
            .order_by_asc(user::Column::Id)
            .all(&**txn)
            .await
            .doing("read who waits")?;
        people.extend(some);
        mail_job::Entity::delete_many()
            .filter(mail_job::Column::Id.is_in(jobs.iter().map(|job| job.id)))
            .exec(&**txn)
            .await
            .doing("finish notices")?;
    }
    // One who has two jobs on two sides of a cut.
    people.dedup_by_key(|person| person.id);
    if !people.is_empty() {
        write_notice(backend, txn, &people, now).await?;
    }
    Ok(())
}

async fn write_notice(
    backend: &Backend,
    txn: &WriteTransaction,
    people: &[user::Model],
    now: Timestamp,
) -> Result<(), Failure> {
    let people: Vec<Waiting> = people
        .iter()
        .map(|user| Waiting {
            id: user.id,
            username: user.username.clone(),
            email: told_apart(&user.email, &user.email_canonical),
            confirmed: user.email_confirmed_at.is_some(),
        })
        .collect();
    let message = Message::Notice { people, desk: backend.settings.link("/admin") };
    for recipient in notice_recipients(backend, txn).await? {
        let letter =
            Letter { user_id: None, recipient: &recipient, message: message.clone(), not_after: None };
        enqueue(&**txn, &backend.keys, letter, now).await?;
    }
    Ok(())
}

/// Tells administrators that the owner of an account's email address did not register.
async fn write_disowned(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    let message = Message::AddressDisowned {
        username: user.username.clone(),
        email: told_apart(&user.email, &user.email_canonical),
        link: backend.settings.link(&format!("/admin/users/{}", user.id)),
    };
    for recipient in notice_recipients(backend, txn).await? {
        let message = message.clone();
        let letter = Letter { user_id: Some(user.id), recipient: &recipient, message, not_after: None };
        enqueue(&**txn, &backend.keys, letter, now).await?;
    }
    Ok(())
}

/// `ADMIN_EMAIL`, else every active administrator.
async fn notice_recipients(backend: &Backend, txn: &WriteTransaction) -> Result<Vec<String>, Failure> {
    if !backend.settings.admin_emails.is_empty() {
        return Ok(backend.settings.admin_emails.clone());
    }
    let admins = user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin.as_str()))
        .filter(user::Column::Status.eq(Status::Active.as_str()))
        .all(&**txn)
        .await
        .doing("find the administrators")?;
    Ok(admins.into_iter().map(|user| user.email).collect())
}
