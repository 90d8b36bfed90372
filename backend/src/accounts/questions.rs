//! Questions of administrators, as applicants see and answer them.
//!
//! # Guarantees
//!
//! - Reading a question changes nothing.
//! - Conditional UPDATEs of the question and the account save an answer, so that either the answer or a decision of an
//!   administrator wins.
//! - An answer makes a registration on hold pending again, and administrators are notified.
//! - A link is consumed in the transaction of the answer. The same answer, sent twice, gets the first answer twice.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::accounts::applicant::{Applicant, find_by_browser, find_by_link};
use crate::audit::{Action, has_just_done, insert_audit};
use crate::auth::link::LinkProof;
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::token::{consume_token, revoke_tokens};
use crate::email::jobs::insert_job;
use crate::email::outbox::drop_unsent;
use crate::entity::email_job::JobKind;
use crate::entity::outbox::EmailKind;
use crate::entity::{question, registration, user, user_token};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::lock_user_row;
use crate::{Actor, Backend};
use domain::errors::ErrorCode;
use domain::free_text::FreeText;
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// A question that an applicant has not answered yet, as they see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuestion {
    /// The id.
    pub id: i64,
    /// The question.
    pub question: String,
    /// The questions that the applicant has answered before, the oldest first.
    pub earlier: Vec<AnsweredQuestion>,
}

/// The answer of an applicant.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The question that the page has shown, if the form names it.
    pub question_id: Option<i64>,
    /// The text.
    pub text: FreeText,
}

/// A question that an applicant has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredQuestion {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// Returns the question that the applicant `user_id` has not answered yet, or `None` if there is none.
pub async fn find_open_question(
    backend: &Backend,
    user_id: UserId,
) -> Result<Option<OpenQuestion>, InternalError> {
    let db = backend.db.pool();
    let Some(unanswered) = find_unanswered(db, user_id).await? else { return Ok(None) };
    let Some(question) = unanswered.question else { return Ok(None) };
    let registered =
        registration::Entity::find_by_id(user_id).one(db).await.context("read a registration")?;
    let asked = question::Entity::find()
        .filter(question::Column::UserId.eq(user_id))
        .filter(question::Column::AnsweredAt.is_not_null())
        .order_by_asc(question::Column::Id)
        .all(db)
        .await
        .context("read answered questions")?;
    let at_registration = registered.map(|row| (row.question, row.answer));
    let afterwards = asked.into_iter().map(|row| (row.question, row.answer));
    let earlier = at_registration
        .into_iter()
        .chain(afterwards)
        .filter_map(|(question, answer)| Some(AnsweredQuestion { question: question?, answer: answer? }));
    Ok(Some(OpenQuestion { id: unanswered.id, question, earlier: earlier.collect() }))
}

/// Returns the newest question that has been neither answered nor withdrawn.
async fn find_unanswered(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<Option<question::Model>, InternalError> {
    question::Entity::find()
        .filter(question::Column::UserId.eq(user_id))
        .filter(question::Column::AnsweredAt.is_null())
        .filter(question::Column::WithdrawnAt.is_null())
        .order_by_desc(question::Column::Id)
        .one(db)
        .await
        .context("find an unanswered question")
}

/// Saves the answer of an applicant to the question of an administrator. The registration is pending again.
pub async fn answer_question(
    backend: &Backend,
    applicant: Applicant<'_>,
    answer: &Answer,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    match applicant {
        Applicant::Link(link) => {
            let first = answer_by_link(backend, link, answer, proof).await;
            let is_first = first.is_ok();
            let answers = [LinkAnswer::QuestionAnswered];
            let link_use = or_first_answer(backend, first, proof.request(link, None), &answers).await?;
            match link_use.user_id {
                Some(user_id) if !is_first && !is_last_answer(backend, user_id, answer).await? => {
                    Err(ErrorCode::QuestionClosed.into())
                }
                _ => Ok(()),
            }
        }
        Applicant::Browser(user_id) => {
            let answered = answer_by_browser(backend, user_id, answer, proof).await;
            let is_closed = matches!(
                &answered,
                Err(UseCaseError::Rejected(errors)) if errors.form == Some(ErrorCode::QuestionClosed)
            );
            let is_repeated = is_closed
                && has_just_answered(backend, user_id).await?
                && is_last_answer(backend, user_id, answer).await?;
            if is_repeated { Ok(()) } else { answered }
        }
    }
}

/// Returns true if the applicant has answered a question a few minutes ago: they have pressed the button twice.
async fn has_just_answered(backend: &Backend, user_id: UserId) -> Result<bool, InternalError> {
    let (db, action) = (backend.db.pool(), Action::AnswerQuestion);
    has_just_done(db, user_id, action, &[action], Some(user_id), backend.now()).await
}

/// Returns true if the applicant's last answer is this one, and not another one that would be lost.
async fn is_last_answer(backend: &Backend, user_id: UserId, answer: &Answer) -> Result<bool, InternalError> {
    let last = question::Entity::find()
        .filter(question::Column::UserId.eq(user_id))
        .filter(question::Column::AnsweredAt.is_not_null())
        .order_by_desc(question::Column::Id)
        .one(backend.db.pool())
        .await
        .context("read the last answer")?;
    Ok(last.and_then(|row| row.answer).as_deref() == Some(answer.text.as_str()))
}

async fn answer_by_link(
    backend: &Backend,
    link: &str,
    answer: &Answer,
    proof: &LinkProof<'_>,
) -> Result<LinkUse, UseCaseError> {
    let (token, user) = find_by_link(backend, link, proof).await?;
    if !save_answer(backend, &user, Some(&token), answer, proof).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    Ok(LinkUse { answer: LinkAnswer::QuestionAnswered, user_id: Some(user.id) })
}

async fn answer_by_browser(
    backend: &Backend,
    user_id: UserId,
    answer: &Answer,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let user = find_by_browser(backend, user_id, proof).await?.ok_or(ErrorCode::UserNotFound)?;
    let is_saved = match user.status {
        Status::Held => save_answer(backend, &user, None, answer, proof).await?,
        Status::Pending | Status::Shadow => false,
        Status::Active | Status::Rejected | Status::Deactivated => {
            return Err(ErrorCode::AlreadyDecided.into());
        }
    };
    if is_saved { Ok(()) } else { Err(ErrorCode::QuestionClosed.into()) }
}

/// Saves an answer and makes the registration pending again. Returns false if the link has been used, the question has been
/// answered or withdrawn, or the registration is no longer on hold.
async fn save_answer(
    backend: &Backend,
    user: &user::Model,
    token: Option<&user_token::Model>,
    answer: &Answer,
    proof: &LinkProof<'_>,
) -> Result<bool, UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if let Some(token) = token
        && !consume_token(&*txn, token.id, now).await?
    {
        return Ok(false);
    }
    let Some(question) = find_unanswered(&*txn, user.id).await? else { return Ok(false) };
    if answer.question_id.is_some_and(|id| id != question.id) {
        return Err(ErrorCode::QuestionClosed.into());
    }
    if !close_question(&txn, question.id, &answer.text, now).await? || !end_hold(&txn, user.id, now).await? {
        return Ok(false);
    }
    revoke_tokens(&*txn, Some(user.id), &[Purpose::Answer], now).await?;
    drop_unsent(&*txn, user.id, &[EmailKind::Question], now).await?;
    let actor =
        Actor { id: Some(user.id), name: user.username.clone(), client_ip: proof.client_ip.to_string() };
    insert_audit(&*txn, Action::AnswerQuestion, &actor, Some((user.id, &user.username)), now).await?;
    insert_job(&*txn, JobKind::PendingRegistration, user.id, now).await?;
    if let Some(token) = token {
        let link_use = LinkUse { answer: LinkAnswer::QuestionAnswered, user_id: Some(user.id) };
        record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, None, now).await?;
    }
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(true)
}

/// Saves the answer with one conditional UPDATE. Returns false if the question has been answered or withdrawn.
async fn close_question(
    txn: &WriteTransaction,
    id: i64,
    answer: &FreeText,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let updated = question::Entity::update_many()
        .col_expr(question::Column::Answer, Expr::value(answer.as_str()))
        .col_expr(question::Column::AnsweredAt, Expr::value(now))
        .filter(question::Column::Id.eq(id))
        .filter(question::Column::AnsweredAt.is_null())
        .filter(question::Column::WithdrawnAt.is_null())
        .exec(&**txn)
        .await
        .context("save an answer")?;
    Ok(updated.rows_affected == 1)
}

/// Makes a registration on hold pending again with one conditional UPDATE. Returns false if it is no longer on hold.
async fn end_hold(txn: &WriteTransaction, user_id: UserId, now: Timestamp) -> Result<bool, InternalError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Pending))
        .col_expr(user::Column::StatusSince, Expr::value(now))
        .col_expr(user::Column::StatusBy, Expr::value(Option::<UserId>::None))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(user_id))
        .filter(user::Column::Status.eq(Status::Held))
        .exec(&**txn)
        .await
        .context("end a hold")?;
    Ok(updated.rows_affected == 1)
}
