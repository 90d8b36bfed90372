//! The mails on their way.
//!
//! Guarantees: a mail's content is sealed for its row and recipient, and wiped once it is sent or dropped; a worker
//! leases a mail before it sends it, and the lease runs out if the worker dies; what would arrive dead is dropped;
//! what was refused or tried too often is given up, and administrators see it.

use std::time::Duration;

use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};

use super::message::{Kind, Message};
use super::outcome::SendOutcome;
use crate::backend::entity::outbox;
use crate::backend::error::{Doing, Failure};
use crate::backend::keys::Keys;
use crate::backend::{Backend, database::Lock, random};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// How long a worker has to send one mail.
const LEASE: Duration = Duration::from_mins(2);
/// Tries before a mail is given up: with the waits below, about a day.
const MAX_ATTEMPTS: i32 = 14;
/// How often a server is taken at its word about when to come again.
const TRUSTED: i32 = 4;
/// The first wait after a failed try; doubled each time, up to [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(30);
const MAX_WAIT: Duration = Duration::from_hours(4);

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be sent.
    Waiting,
    /// Accepted by the next server.
    Sent,
    /// Not worth sending any more.
    Dropped,
    /// Refused, or tried too often.
    GivenUp,
}

impl State {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::GivenUp => "given_up",
        }
    }
}

/// A mail to be written into the outbox.
#[derive(Debug)]
pub struct Letter<'a> {
    /// Whom it is about.
    pub user_id: Option<UserId>,
    /// Whom it is for.
    pub recipient: &'a str,
    /// What it says.
    pub message: Message,
    /// After this it would arrive dead.
    pub not_after: Option<Timestamp>,
}

/// Writes a mail into the outbox, in the transaction of what it tells of.
pub async fn enqueue(
    db: &impl ConnectionTrait,
    keys: &Keys,
    letter: Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let kind = letter.message.kind();
    let seal_context = random::handle();
    let content = serde_json::to_vec(&letter.message).map_err(|_| Failure::Data("a mail is no JSON"))?;
    let sealed = keys.seal_mail(&content, &bound_to(&seal_context, letter.recipient))?;
    let row = outbox::ActiveModel {
        id: ActiveValue::NotSet,
        kind: ActiveValue::Set(kind.as_str().to_owned()),
        user_id: ActiveValue::Set(letter.user_id),
        recipient: ActiveValue::Set(letter.recipient.to_owned()),
        seal_context: ActiveValue::Set(seal_context),
        sealed: ActiveValue::Set(Some(sealed)),
        priority: ActiveValue::Set(kind.priority()),
        status: ActiveValue::Set(State::Waiting.as_str().to_owned()),
        created_at: ActiveValue::Set(now.0),
        due_at: ActiveValue::Set(now.0),
        not_after: ActiveValue::Set(letter.not_after.map(|at| at.0)),
        leased_until: ActiveValue::Set(0),
        attempts: ActiveValue::Set(0),
        last_error: ActiveValue::Set(String::new()),
        finished_at: ActiveValue::Set(0),
    };
    outbox::Entity::insert(row).exec_without_returning(db).await.doing("write a mail")?;
    Ok(())
}

fn bound_to(seal_context: &str, recipient: &str) -> String {
    format!("{seal_context}\n{recipient}")
}

/// Opens a mail's content.
pub fn open(backend: &Backend, row: &outbox::Model) -> Result<Message, Failure> {
    let sealed = row.sealed.as_deref().ok_or(Failure::Data("the mail's content is gone"))?;
    let content = backend.keys.open_mail(sealed, &bound_to(&row.seal_context, &row.recipient))?;
    serde_json::from_slice(&content).map_err(|_| Failure::Data("the mail's content is no message"))
}

/// Replaces the content of an email, if it has not been finished meanwhile.
pub(super) async fn reseal(
    db: &impl ConnectionTrait,
    keys: &Keys,
    row: &outbox::Model,
    message: &Message,
) -> Result<(), Failure> {
    let content = serde_json::to_vec(message).map_err(|_| Failure::Data("a mail is no JSON"))?;
    let sealed = keys.seal_mail(&content, &bound_to(&row.seal_context, &row.recipient))?;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Sealed, Expr::value(sealed))
        .filter(outbox::Column::Id.eq(row.id))
        .filter(outbox::Column::Status.eq(row.status.as_str()))
        .exec(db)
        .await
        .doing("replace the content of an email")?;
    Ok(())
}

/// Whether so many mails may leave now (`MAIL_RATE`, over all replicas), else when to ask again.
pub async fn allowance(backend: &Backend, mails: u64) -> Result<Result<(), Duration>, Failure> {
    let rate = backend.settings.mail_rate;
    let now = backend.now();
    let since = now.before(rate.period);
    let recent = outbox::Entity::find()
        .filter(outbox::Column::FinishedAt.gt(since.0))
        .filter(outbox::Column::Status.eq(State::Sent.as_str()));
    let sent = recent.clone().count(backend.db.pool()).await.doing("count sent mails")?;
    if sent.saturating_add(mails) <= u64::from(rate.count) {
        return Ok(Ok(()));
    }
    let oldest = recent
        .order_by_asc(outbox::Column::FinishedAt)
        .one(backend.db.pool())
        .await
        .doing("find the oldest sent mail")?;
    let free_at = oldest.map_or(now, |row| Timestamp(row.finished_at).after(rate.period));
    Ok(Err(free_at.since(now).max(Duration::from_millis(100))))
}

/// Leases the next mail that is due, and drops those that would arrive dead.
pub async fn lease_next(backend: &Backend) -> Result<Option<outbox::Model>, Failure> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    drop_dead(&*txn, now).await?;
    let free = Condition::all()
        .add(outbox::Column::Status.eq(State::Waiting.as_str()))
        .add(outbox::Column::DueAt.lte(now.0))
        .add(outbox::Column::LeasedUntil.lte(now.0));
    let next = outbox::Entity::find()
        .filter(free.clone())
        .order_by_asc(outbox::Column::Priority)
        .order_by_asc(outbox::Column::Id)
        // Dropped silently on SQLite, where this transaction is the only writer anyway.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&*txn)
        .await
        .doing("find a mail to send")?;
    let Some(row) = next else {
        txn.commit().await?;
        return Ok(None);
    };
    let leased_until = now.after(LEASE).0;
    let leased = outbox::Entity::update_many()
        .col_expr(outbox::Column::LeasedUntil, Expr::value(leased_until))
        .col_expr(outbox::Column::Attempts, Expr::value(row.attempts + 1))
        .filter(outbox::Column::Id.eq(row.id))
        .filter(free)
        .exec(&*txn)
        .await
        .doing("lease a mail")?;
    txn.commit().await?;
    Ok((leased.rows_affected == 1).then(|| outbox::Model { attempts: row.attempts + 1, leased_until, ..row }))
}

async fn drop_dead(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    finish(State::Dropped, now, "its time was over")
        .filter(outbox::Column::Status.eq(State::Waiting.as_str()))
        .filter(outbox::Column::NotAfter.lte(now.0))
        .filter(outbox::Column::LeasedUntil.lte(now.0))
        .exec(db)
        .await
        .doing("drop dead mails")?;
    Ok(())
}

/// The change that ends a mail and wipes what it said.
fn finish(state: State, now: Timestamp, why: &str) -> sea_orm::UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value(state.as_str()))
        .col_expr(outbox::Column::Sealed, Expr::value(Option::<String>::None))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now.0))
        .col_expr(outbox::Column::LastError, Expr::value(why))
}

/// Writes down what came of sending, if the lease is still ours.
pub async fn settle(backend: &Backend, leased: &outbox::Model, outcome: SendOutcome) -> Result<(), Failure> {
    let now = backend.now();
    let sender = backend.settings.sender_email.as_str();
    let outcome = outcome.with_reason(|reason| fit(&reason, sender));
    log(leased, &outcome);
    let update = match outcome {
        SendOutcome::Accepted => finish(State::Sent, now, ""),
        SendOutcome::Refused(reason) => give_up(now, &reason),
        SendOutcome::Again { reason, .. } if leased.attempts >= MAX_ATTEMPTS => give_up(now, &reason),
        SendOutcome::Again { reason, after } => {
            let wait = wait(leased.attempts, after);
            outbox::Entity::update_many()
                .col_expr(outbox::Column::DueAt, Expr::value(now.after(wait).0))
                .col_expr(outbox::Column::LeasedUntil, Expr::value(0_i64))
                .col_expr(outbox::Column::LastError, Expr::value(reason))
        }
    };
    update
        .filter(outbox::Column::Id.eq(leased.id))
        .filter(outbox::Column::LeasedUntil.eq(leased.leased_until))
        .filter(outbox::Column::Status.eq(State::Waiting.as_str()))
        .exec(backend.db.pool())
        .await
        .doing("settle a mail")?;
    Ok(())
}

/// Ends an email that is not worth sending any more, if the lease is still ours.
pub(super) async fn drop_leased(backend: &Backend, leased: &outbox::Model, why: &str) -> Result<(), Failure> {
    finish(State::Dropped, backend.now(), why)
        .filter(outbox::Column::Id.eq(leased.id))
        .filter(outbox::Column::LeasedUntil.eq(leased.leased_until))
        .filter(outbox::Column::Status.eq(State::Waiting.as_str()))
        .exec(backend.db.pool())
        .await
        .doing("drop an email")?;
    Ok(())
}

/// Says what kept a mail from leaving.
fn log(leased: &outbox::Model, outcome: &SendOutcome) {
    let (reason, over) = match outcome {
        SendOutcome::Accepted => return,
        SendOutcome::Refused(reason) => (reason, true),
        SendOutcome::Again { reason, .. } => (reason, leased.attempts >= MAX_ATTEMPTS),
    };
    let cause = reason.as_str();
    let (kind, attempt) = (leased.kind.as_str(), leased.attempts);
    if over {
        tracing::warn!(mail = leased.id, kind, attempt, cause, "a mail was given up");
    } else {
        tracing::warn!(mail = leased.id, kind, attempt, cause, "a mail could not be sent, and waits");
    }
}

/// Given up is not wiped: administrators may send it again.
fn give_up(now: Timestamp, reason: &str) -> sea_orm::UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value(State::GivenUp.as_str()))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now.0))
        .col_expr(outbox::Column::LastError, Expr::value(reason))
}

/// What a server said, as far as it is fit for log and database: servers quote recipients, and may quote what else a mail or a
/// request holds. The sender is no secret, and what is wrong may be about it.
fn fit(reason: &str, sender: &str) -> String {
    let words: Vec<&str> = reason
        .split(char::is_whitespace)
        .map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            if may_tell(word) && !bare.eq_ignore_ascii_case(sender) { "…" } else { word }
        })
        .collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Whether a word may be an address, a link, or a secret: those of ours have 26 characters and more, with digits among them.
fn may_tell(word: &str) -> bool {
    let long = word
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=')))
        .any(|run| run.len() >= 20 && run.bytes().any(|byte| byte.is_ascii_digit()));
    long || word.contains('@') || word.contains("://")
}

/// How long a mail waits: as long as the server asks for, and after [`TRUSTED`] tries no shorter than it would otherwise, so
/// that a server which says "in a second" for an hour is not asked fourteen times in a minute, and then no more.
fn wait(attempts: i32, after: Option<Duration>) -> Duration {
    match after {
        Some(after) if attempts <= TRUSTED => after,
        Some(after) => after.max(backoff(attempts - TRUSTED)),
        None => backoff(attempts),
    }
}

/// Doubling waits, up to half as long again by chance, so that many mails don't come back at once.
fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_WAIT);
    let chance = u32::from(u16::from_le_bytes(random::bytes::<2>()));
    wait + wait.saturating_mul(chance) / (2 * u32::from(u16::MAX))
}

/// Puts a given-up mail back among the waiting, as it was. `false` if someone else was faster.
pub async fn revive(db: &impl ConnectionTrait, id: i64, now: Timestamp) -> Result<bool, Failure> {
    let revived = outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value(State::Waiting.as_str()))
        .col_expr(outbox::Column::DueAt, Expr::value(now.0))
        .col_expr(outbox::Column::LeasedUntil, Expr::value(0_i64))
        .col_expr(outbox::Column::Attempts, Expr::value(0))
        .col_expr(outbox::Column::FinishedAt, Expr::value(0_i64))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .exec(db)
        .await
        .doing("send a mail again")?;
    Ok(revived.rows_affected == 1)
}

/// Ends a given-up mail, and keeps why: another one replaces it, or it would mean nothing any more. `false` if someone else was
/// faster.
pub async fn set_dropped(
    db: &impl ConnectionTrait,
    id: i64,
    now: Timestamp,
    why: &str,
) -> Result<bool, Failure> {
    let dropped = finish(State::Dropped, now, why)
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .exec(db)
        .await
        .doing("replace a mail")?;
    Ok(dropped.rows_affected == 1)
}

/// Ends the emails of a kind about someone that have not left for an address: they are no longer needed.
pub async fn drop_unsent(
    db: &impl ConnectionTrait,
    kind: Kind,
    user_id: UserId,
    recipient: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    finish(State::Dropped, now, "no longer needed")
        .filter(outbox::Column::Kind.eq(kind.as_str()))
        .filter(outbox::Column::UserId.eq(user_id))
        .filter(outbox::Column::Recipient.eq(recipient))
        .filter(outbox::Column::Status.is_in([State::Waiting, State::GivenUp].map(State::as_str)))
        .exec(db)
        .await
        .doing("drop emails that are no longer needed")?;
    Ok(())
}

/// Makes all delayed emails due now.
pub async fn send_delayed_now(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    // In order, and without those that are being sent: others lock several of them as well.
    let ids = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::Id)
        .filter(delayed())
        .filter(outbox::Column::DueAt.gt(now.0))
        .order_by_asc(outbox::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    outbox::Entity::update_many()
        .col_expr(outbox::Column::DueAt, Expr::value(now.0))
        .filter(outbox::Column::Id.in_subquery(ids))
        .exec(db)
        .await
        .doing("send delayed emails now")?;
    Ok(())
}

/// Selects emails that wait because they could not be sent.
pub fn delayed() -> Condition {
    Condition::all()
        .add(outbox::Column::Status.eq(State::Waiting.as_str()))
        .add(outbox::Column::Attempts.gt(0))
        .add(outbox::Column::LastError.ne(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_quotes_is_left_out() {
        for (said, kept) in [
            ("550 no such user Ada.Lovelace@Example.org here", "550 no such user … here"),
            ("bad link http://127.0.0.1/confirm/x, sorry", "bad link … sorry"),
            ("refused: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6.x", "refused: Bearer …"),
            ("refused 7K3MZ-92QPD-X4N8W-H6TRB-V1YCE-J", "refused …"),
            (
                "Graph answered 403 ErrorExceededMessageLimit: no",
                "Graph answered 403 ErrorExceededMessageLimit: no",
            ),
        ] {
            assert_eq!(fit(said, "portal@example.org"), kept);
        }
        let sender = "The user 'Portal@example.org' is invalid.";
        assert_eq!(fit(sender, "portal@example.org"), sender);
        assert_eq!(fit(&"long ".repeat(100), "portal@example.org").len(), 300);
    }

    #[test]
    fn a_server_that_asks_for_little_is_heeded_for_a_while() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(wait(1, second), Duration::from_secs(1));
        assert_eq!(wait(TRUSTED, second), Duration::from_secs(1));
        let all: Duration = (1..MAX_ATTEMPTS).map(|attempts| wait(attempts, second)).sum();
        assert!(all > Duration::from_hours(4), "{all:?}");
        assert_eq!(wait(9, Some(Duration::from_hours(9))), Duration::from_hours(9));
    }

    #[test]
    fn waits_double_and_stay_below_their_bound() {
        assert!((30..=45).contains(&backoff(1).as_secs()));
        assert!((60..=90).contains(&backoff(2).as_secs()));
        assert!(backoff(100) <= MAX_WAIT + MAX_WAIT / 2);
    }
}
