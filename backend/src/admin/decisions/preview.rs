//! The preview of the email that a decision would send.

use sea_orm::EntityTrait;

use crate::Backend;
use crate::admin::decisions::ask::ANSWER_LIFETIME;
use crate::admin::decisions::effects::rejection;
use crate::email::message::Message;
use crate::email::templates::render;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError};
use domain::decision::DecisionForm;
use domain::status::{AdminAction, Status, UserId};

/// An email that has not been sent.
#[derive(Clone, Debug)]
pub struct PreviewedEmail {
    /// The email address of the recipient.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
}

/// Returns the email that a rejection or a question would send, or `None` if it would send none. Changes nothing.
pub async fn preview_email(
    backend: &Backend,
    subject: UserId,
    form: &DecisionForm,
) -> Result<Option<PreviewedEmail>, InternalError> {
    let user = user::Entity::find_by_id(subject)
        .one(backend.db.pool())
        .await
        .context("find the user of an email preview")?;
    let Some(user) = user.filter(|user| user.status != Status::Shadow) else { return Ok(None) };
    let message = match (form.action, &form.question) {
        (AdminAction::Reject, _) if !form.silent => rejection(backend, &user, form),
        (AdminAction::Ask, Some(question)) => Message::Question {
            username: user.username.clone(),
            question: question.to_string(),
            // The real link is made when the question is asked.
            url: backend.settings.link("/answer/\u{2026}"),
            lifetime: ANSWER_LIFETIME,
            disputable: user.email_confirmed_at.is_none(),
        },
        _ => return Ok(None),
    };
    let rendered = render(&message, &backend.settings);
    Ok(Some(PreviewedEmail { recipient: user.email, subject: rendered.subject, text: rendered.text }))
}
