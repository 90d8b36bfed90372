//! The state of a registration, as the person who registered sees it.
//!
//! # Guarantees
//!
//! - A shadow has the state of a pending registration with an unconfirmed email address.
//! - The reason for a rejection is shown only if the applicant was told, and only when the decision can no longer be undone.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::accounts::applicant::find_user;
use crate::accounts::questions::find_open_question;
use crate::entity::{decision, user};
use crate::error::{ErrorContext, InternalError};
use domain::status::{AdminAction, Status, UserId};

/// The state of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// The email address has to be confirmed. The registration is waiting for approval too.
    ConfirmEmail,
    /// The email address has been confirmed, and the registration is waiting for approval.
    Waiting,
    /// An administrator has asked a question.
    Question {
        /// True if the email address has been confirmed.
        confirmed: bool,
    },
    /// The registration has been approved.
    Approved,
    /// The registration has been rejected.
    Declined {
        /// The reason that the applicant was told.
        reason: Option<String>,
    },
}

/// A registration, as the person who registered sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationView {
    /// The id of the account.
    pub user_id: UserId,
    /// The username.
    pub username: String,
    /// True if the account has a password. Otherwise its owner signs in with Microsoft.
    pub has_password: bool,
    /// The state.
    pub state: RegistrationState,
}

impl RegistrationView {
    /// Returns true if the registration can be withdrawn.
    pub fn is_undecided(&self) -> bool {
        matches!(
            self.state,
            RegistrationState::ConfirmEmail | RegistrationState::Waiting | RegistrationState::Question { .. }
        )
    }
}

/// Returns the registration of `user_id`, or `None` if the account has been deleted.
pub async fn find_registration(
    backend: &Backend,
    user_id: UserId,
) -> Result<Option<RegistrationView>, InternalError> {
    let Some(user) = find_user(backend, user_id).await? else { return Ok(None) };
    let state = state_of(backend, &user).await?;
    let has_password = user.password_hash.is_some();
    Ok(Some(RegistrationView { user_id, username: user.username, has_password, state }))
}

async fn state_of(backend: &Backend, user: &user::Model) -> Result<RegistrationState, InternalError> {
    Ok(match user.status {
        Status::Pending | Status::Shadow if user.email_confirmed_at.is_none() => {
            RegistrationState::ConfirmEmail
        }
        Status::Pending | Status::Shadow => RegistrationState::Waiting,
        Status::Held => match find_open_question(backend, user.id).await? {
            Some(_) => RegistrationState::Question { confirmed: user.email_confirmed_at.is_some() },
            None => RegistrationState::Waiting,
        },
        // Only someone who signs in is told of later changes.
        Status::Active | Status::Deactivated => RegistrationState::Approved,
        Status::Rejected => RegistrationState::Declined { reason: told_reason(backend, user.id).await? },
    })
}

/// Returns the reason that the applicant was told when the registration was rejected the last time. Its email is sent when the
/// decision can no longer be undone.
async fn told_reason(backend: &Backend, user_id: UserId) -> Result<Option<String>, InternalError> {
    let rejection = decision::Entity::find()
        .filter(decision::Column::UserId.eq(user_id))
        .filter(decision::Column::Action.eq(AdminAction::Reject.slug()))
        .filter(decision::Column::UndoneAt.is_null())
        .order_by_desc(decision::Column::Id)
        .one(backend.db.pool())
        .await
        .context("find the rejection of a registration")?;
    let told = rejection.filter(|decision| decision.undo_until <= backend.now());
    Ok(told.and_then(|decision| decision.reason))
}
