//! Applicants: people whose registration is pending or on hold, and the evidence that they are the ones who registered.
//!
//! # Guarantees
//!
//! - While the email address is not confirmed, a link needs the browser that registered, or the password: the mailbox may be
//!   anyone's.
//! - A link does nothing while another user is signed in.

use sea_orm::EntityTrait;

use crate::Backend;
use crate::auth::link::{LinkProof, check_password, find_valid_link};
use crate::entity::{user, user_token};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use domain::errors::ErrorCode;
use domain::status::UserId;
use domain::token::Purpose;

/// The way in which an applicant is recognised.
#[derive(Clone, Copy, Debug)]
pub enum Applicant<'a> {
    /// By the link in the email with the question.
    Link(&'a str),
    /// By the browser in which they registered, or in which they have entered their password.
    Browser(UserId),
}

impl LinkProof<'_> {
    /// Returns true if the applicant `user_id` has registered in this browser, or has entered their password in it.
    pub fn recognises(&self, user_id: UserId) -> bool {
        self.needs_no_password(user_id) || self.password_verified == Some(user_id)
    }
}

/// Returns the token and the account of the link in an email with a question. Requires the password if the link needs it.
pub(crate) async fn find_by_link(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<(user_token::Model, user::Model), UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) =
        find_valid_link(backend, link, &[Purpose::Answer]).await?.ok_or(ErrorCode::LinkInvalid)?;
    refuse_other_user(&user, proof)?;
    if user.email_confirmed_at.is_none() && !proof.recognises(user.id) {
        check_password(backend, &user, proof).await?;
    }
    Ok((token, user))
}

/// Returns the account of an applicant whom the browser is known by, or `None` if it has been deleted.
pub(crate) async fn find_by_browser(
    backend: &Backend,
    user_id: UserId,
    proof: &LinkProof<'_>,
) -> Result<Option<user::Model>, UseCaseError> {
    let user = find_user(backend, user_id).await?;
    if let Some(user) = &user {
        refuse_other_user(user, proof)?;
    }
    Ok(user)
}

/// Returns an account by its id.
pub(crate) async fn find_user(
    backend: &Backend,
    user_id: UserId,
) -> Result<Option<user::Model>, InternalError> {
    user::Entity::find_by_id(user_id).one(backend.db.pool()).await.context("find an applicant")
}

/// Refuses a link while a user other than its own is signed in.
pub(crate) fn refuse_other_user(user: &user::Model, proof: &LinkProof<'_>) -> Result<(), ErrorCode> {
    let is_other = proof.current_user.is_some_and(|current_user| current_user.user_id != user.id);
    if is_other { Err(ErrorCode::OtherUserSignedIn) } else { Ok(()) }
}
