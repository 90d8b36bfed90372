//! Questions to applicants: asking, sending the question again, and withdrawing it.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::admin::decisions::delivery::{Delivery, enqueue_email};
use crate::auth::token::{NewToken, insert_token, revoke_tokens};
use crate::email::message::Message;
use crate::entity::{decision, question, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use crate::sessions::CurrentUser;
use domain::decision::DecisionForm;
use domain::free_text::FreeText;
use domain::status::{AdminAction, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// The lifetime of the link that answers a question.
pub const ANSWER_LIFETIME: Duration = Duration::from_hours(72);

/// Stores the question and enqueues the email with it. Earlier questions and their links end. Returns the id of the email.
pub(super) async fn ask(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    form: &DecisionForm,
    admin: &CurrentUser,
    delivery: Delivery,
) -> Result<i64, InternalError> {
    let now = delivery.decided_at;
    withdraw_questions(txn, user.id, now).await?;
    let text = form.question.as_ref().map_or("", FreeText::as_str);
    let row = question::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(user.id),
        asked_by: ActiveValue::Set(Some(admin.user_id)),
        asked_at: ActiveValue::Set(now),
        question: ActiveValue::Set(Some(text.to_owned())),
        answer: ActiveValue::Set(None),
        answered_at: ActiveValue::Set(None),
        withdrawn_at: ActiveValue::Set(None),
    };
    question::Entity::insert(row).exec_without_returning(&**txn).await.context("store a question")?;
    enqueue_question(backend, txn, user, text.to_owned(), delivery).await
}

/// Withdraws the open questions to a user and revokes the links that answer them.
pub(super) async fn withdraw_questions(
    txn: &WriteTransaction,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    question::Entity::update_many()
        .col_expr(question::Column::WithdrawnAt, Expr::value(now))
        .filter(question::Column::UserId.eq(user_id))
        .filter(question::Column::AnsweredAt.is_null())
        .filter(question::Column::WithdrawnAt.is_null())
        .exec(&**txn)
        .await
        .context("withdraw questions")?;
    revoke_tokens(&**txn, Some(user_id), &[Purpose::Answer], now).await
}

/// Sends the open question to a user again, with a new link. Does nothing if there is none.
pub(crate) async fn resend_question(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
) -> Result<(), InternalError> {
    let Some(open) = find_question(&**txn, user.id).await?.filter(is_open) else { return Ok(()) };
    let Some(text) = open.question else { return Ok(()) };
    enqueue_question(backend, txn, user, text, Delivery::immediate(backend.now())).await.map(drop)
}

fn is_open(question: &question::Model) -> bool {
    question.answered_at.is_none() && question.withdrawn_at.is_none()
}

/// Returns the last question to a user.
pub(super) async fn find_question(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<Option<question::Model>, InternalError> {
    question::Entity::find()
        .filter(question::Column::UserId.eq(user_id))
        .order_by_desc(question::Column::Id)
        .one(db)
        .await
        .context("find the last question")
}

/// Returns true if the form does not ask, or asks the question that the decision `last` asked.
pub(super) async fn is_same_question(
    txn: &WriteTransaction,
    user_id: UserId,
    form: &DecisionForm,
    last: &decision::Model,
) -> Result<bool, InternalError> {
    if form.action != AdminAction::Ask {
        return Ok(true);
    }
    let asked = find_question(&**txn, user_id).await?.filter(|asked| asked.asked_at == last.decided_at);
    let asked = asked.and_then(|asked| asked.question);
    Ok(asked.as_deref() == form.question.as_ref().map(FreeText::as_str))
}

async fn enqueue_question(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    question: String,
    delivery: Delivery,
) -> Result<i64, InternalError> {
    let expires_at = delivery.due_at.after(ANSWER_LIFETIME);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::Answer,
        credential_version: user.credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now: delivery.decided_at,
        expires_at,
    };
    let token = insert_token(&**txn, new_token).await?;
    let message = Message::Question {
        username: user.username.clone(),
        question,
        url: backend.settings.link(&format!("/answer/{}", token.expose())),
        lifetime: ANSWER_LIFETIME,
        disputable: user.email_confirmed_at.is_none(),
    };
    enqueue_email(backend, &**txn, user, message, Some(expires_at), delivery).await
}
