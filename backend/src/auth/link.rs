//! Links in emails: finding the token behind a link, and checking who may use it.
//!
//! # Guarantees
//!
//! - Opening the page of a link changes nothing.
//! - A link whose user, status, credential version or email address no longer matches is invalid.

use std::net::IpAddr;

use sea_orm::EntityTrait;

use crate::Backend;
use crate::auth::link_use::{FormSecret, LinkRequest};
use crate::auth::password::hasher::Verification;
use crate::auth::password::normalize;
use crate::auth::token::{PlainToken, find_token};
use crate::entity::{user, user_token};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::microsoft::identity_lookup::find_identity;
use crate::sessions::{BrowserSession, CurrentUser};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::password::Password;
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// The data for the page of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// The id of the link's owner.
    pub user_id: UserId,
    /// The owner's username.
    pub username: String,
    /// The email address that the link is about.
    pub email: String,
    /// True if the account's email address is not confirmed.
    pub unconfirmed: bool,
    /// True if the account has a password.
    pub has_password: bool,
    /// True if a Microsoft identity is linked to the account.
    pub has_identity: bool,
    /// The time at which the account is deleted, if its owner has requested it.
    pub deletion_due: Option<Timestamp>,
}

/// The evidence that someone may use a link.
#[derive(Debug)]
pub struct LinkProof<'a> {
    /// The user who registered in this browser, from its sealed cookie.
    pub registered_here: Option<UserId>,
    /// The user whose correct password was entered in this browser a few minutes ago, from its sealed cookie.
    pub password_verified: Option<UserId>,
    /// The signed-in user.
    pub current_user: Option<&'a CurrentUser>,
    /// The password, or an empty one if the page did not ask for it.
    pub password: &'a Password,
    /// The client IP.
    pub client_ip: IpAddr,
    /// The secret of the browser, if it has opened the link's page. With it, a second press of the button gets the same answer.
    pub form_secret: Option<&'a FormSecret>,
}

impl<'a> LinkProof<'a> {
    /// Returns the request that uses `link`. `session` is the browser's session, for answers that open a session.
    pub(crate) fn request(&self, link: &'a str, session: Option<&'a BrowserSession>) -> LinkRequest<'a> {
        let (form_secret, current_user) = (self.form_secret, self.current_user);
        LinkRequest { link, form_secret, current_user, session, client_ip: self.client_ip }
    }

    /// Returns true if the link to `user_id`'s account can be used without the password.
    pub fn needs_no_password(&self, user_id: UserId) -> bool {
        self.registered_here == Some(user_id)
            || self.current_user.is_some_and(|current_user| current_user.user_id == user_id)
    }
}

/// Returns the data for the page of a link, or `None` if the link is invalid.
pub async fn find_link_view(
    backend: &Backend,
    link: &str,
    purposes: &[Purpose],
) -> Result<Option<LinkView>, InternalError> {
    let Some((token, user)) = find_valid_link(backend, link, purposes).await? else { return Ok(None) };
    let has_identity = find_identity(backend.db.pool(), user.id).await?.is_some();
    Ok(Some(LinkView {
        user_id: user.id,
        username: user.username,
        email: token.email.unwrap_or(user.email),
        unconfirmed: user.email_confirmed_at.is_none(),
        has_password: user.password_hash.is_some(),
        has_identity,
        deletion_due: user.deletion_due_at,
    }))
}

/// Returns the token and the owner of a link, or `None` if the link is invalid.
pub(crate) async fn find_valid_link(
    backend: &Backend,
    link: &str,
    purposes: &[Purpose],
) -> Result<Option<(user_token::Model, user::Model)>, InternalError> {
    let Some(token) = PlainToken::from_link(link) else {
        return Ok(None);
    };
    let Some(token) = find_token(backend.db.pool(), &token, purposes, backend.now()).await? else {
        return Ok(None);
    };
    let Some(user_id) = token.user_id else {
        return Ok(None);
    };
    let user =
        user::Entity::find_by_id(user_id).one(backend.db.pool()).await.context("find the link's owner")?;
    Ok(user.filter(|user| is_still_valid(&token, user)).map(|user| (token, user)))
}

/// The purposes of the links that sign their owner in.
pub const SIGN_IN: [Purpose; 2] = [Purpose::SignIn, Purpose::OperatorSignIn];

fn is_still_valid(token: &user_token::Model, user: &user::Model) -> bool {
    let status = user.status;
    match token.purpose.known() {
        Some(Purpose::ConfirmEmail) => {
            user.email_confirmed_at.is_none()
                && user.email_canonical == token.email_canonical
                && matches!(status, Status::Pending | Status::Held | Status::Active)
        }
        Some(Purpose::SignIn | Purpose::OperatorSignIn) => {
            status == Status::Active
                && token.credential_version == user.credential_version
                && token.created_at >= user.last_sign_in_at
        }
        Some(Purpose::ChangeEmail) => {
            status == Status::Active && token.credential_version == user.credential_version
        }
        Some(Purpose::UndoEmailChange) => matches!(status, Status::Active | Status::Deactivated),
        Some(Purpose::KeepAccount) => {
            status == Status::Deactivated
                && user.deletion_due_at.is_some()
                && user.email_canonical == token.email_canonical
        }
        Some(Purpose::Answer) => status == Status::Held && user.email_canonical == token.email_canonical,
        // The setup link has no account, and a temporary password is not a link.
        Some(Purpose::Setup | Purpose::TemporaryPassword) | None => false,
    }
}

/// Verifies the password of a link's owner. The attempt is counted for the account before any hashing. The caller has counted it
/// for the client IP.
pub(crate) async fn check_password(
    backend: &Backend,
    user: &user::Model,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    let password = normalize(proof.password);
    if password.is_empty() {
        return Err(FormErrors::of_field(Field::Password, ErrorCode::PasswordMissing).into());
    }
    let wrong = || UseCaseError::from(FormErrors::of_field(Field::Password, ErrorCode::PasswordWrong));
    if password.is_too_long() {
        return Err(wrong());
    }
    backend.rate_limiter.acquire_link_password(user.id, backend.now()).await?;
    match backend
        .hasher
        .verify(&password, user.password_hash.as_deref(), &proof.client_ip.to_string())
        .await?
    {
        Verification::Correct { .. } => Ok(()),
        Verification::Wrong => Err(wrong()),
    }
}
