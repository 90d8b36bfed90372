//! Email verification: confirming the email address of an account, requesting another link, and "This wasn't me".
//!
//! # Guarantees
//!
//! - A link is consumed by one conditional UPDATE in the transaction of its effect. The browser that has used it gets the same
//!   answer again for a minute ([`crate::auth::link_use`]).
//! - Confirming requires proof besides access to the mailbox: the browser that registered, a session, or the password.
//! - Requesting another link writes the same job for a shadow account, which gets no email.

use std::net::IpAddr;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::accounts::applicant::refuse_other_user;
use crate::accounts::delete_users::delete_users;
use crate::accounts::registration::unique_violation_error;
use crate::audit::{Action, insert_audit};
use crate::auth::link::{LinkProof, check_password, find_valid_link};
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::token::{consume_token, revoke_tokens};
use crate::email::jobs::insert_job;
use crate::email::obsolete::drop_after_confirmation;
use crate::email::outbox::drop_unsent;
use crate::entity::email_job::JobKind;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{lock_user_row, refuse_during_recovery};
use crate::{Actor, Backend};
use domain::errors::ErrorCode;
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// The result of confirming an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailVerificationResult {
    /// The id of the user whose email address has been confirmed.
    pub user_id: UserId,
    /// The state of the account.
    pub account: ConfirmedAccount,
}

/// An account whose email address has been confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmedAccount {
    /// It waits for an administrator.
    Pending,
    /// It waits for the applicant's answer.
    OnHold,
    /// The user can sign in.
    Active,
}

impl ConfirmedAccount {
    fn of(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Held => Self::OnHold,
            _ => Self::Pending,
        }
    }

    fn from_answer(answer: LinkAnswer) -> Self {
        match answer {
            LinkAnswer::EmailConfirmedActive => Self::Active,
            LinkAnswer::EmailConfirmedOnHold => Self::OnHold,
            _ => Self::Pending,
        }
    }

    fn answer(self) -> LinkAnswer {
        match self {
            Self::Pending => LinkAnswer::EmailConfirmed,
            Self::OnHold => LinkAnswer::EmailConfirmedOnHold,
            Self::Active => LinkAnswer::EmailConfirmedActive,
        }
    }
}

/// Confirms the email address to which the link was sent.
pub async fn confirm_email(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<EmailVerificationResult, UseCaseError> {
    let first = confirm_email_once(backend, link, proof).await;
    let answers =
        [LinkAnswer::EmailConfirmed, LinkAnswer::EmailConfirmedOnHold, LinkAnswer::EmailConfirmedActive];
    let link_use = or_first_answer(backend, first, proof.request(link, None), &answers).await?;
    Ok(EmailVerificationResult {
        user_id: link_use.user_id.ok_or(ErrorCode::LinkInvalid)?,
        account: ConfirmedAccount::from_answer(link_use.answer),
    })
}

async fn confirm_email_once(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<LinkUse, UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) =
        find_valid_link(backend, link, &[Purpose::ConfirmEmail]).await?.ok_or(ErrorCode::LinkInvalid)?;
    if !proof.needs_no_password(user.id) {
        check_password(backend, &user, proof).await?;
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    refuse_during_recovery(&*txn, user.id, now).await?;
    if !consume_token(&*txn, token.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    mark_email_confirmed(&txn, &user, proof.client_ip, now).await?;
    let answer = ConfirmedAccount::of(user.status).answer();
    let link_use = LinkUse { answer, user_id: Some(user.id) };
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, None, now).await?;
    txn.commit().await?;
    Ok(link_use)
}

/// Marks the email address as confirmed with one conditional UPDATE. The unique index rejects it if another account has
/// confirmed the same email address in the meantime.
pub(crate) async fn mark_email_confirmed(
    txn: &WriteTransaction,
    user: &user::Model,
    client_ip: IpAddr,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(now))
        .col_expr(user::Column::RegistrationDisputedAt, Expr::value(Option::<Timestamp>::None))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailConfirmedAt.is_null())
        .filter(user::Column::EmailCanonical.eq(user.email_canonical.clone()))
        .filter(user::Column::Status.is_in([Status::Pending, Status::Held, Status::Active]))
        .exec(&**txn)
        .await
        .map_err(unique_violation_error)?;
    if updated.rows_affected != 1 {
        return Err(ErrorCode::LinkInvalid.into());
    }
    drop_after_confirmation(&**txn, user.id, now).await?;
    let actor = actor_of(user, client_ip);
    insert_audit(&**txn, Action::ConfirmEmail, &actor, Some((user.id, &user.username)), now).await?;
    Ok(())
}

fn actor_of(user: &user::Model, client_ip: IpAddr) -> Actor {
    Actor { id: Some(user.id), name: user.username.clone(), client_ip: client_ip.to_string() }
}

/// The result of cancelling a registration with "This wasn't me".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledRegistration {
    /// The registration has been deleted.
    Removed,
    /// The account is no longer a registration without a decision, and stays. Administrators are notified.
    Reported,
}

/// The purposes of the links whose pages have the button "This wasn't me".
const DISPUTABLE: [Purpose; 2] = [Purpose::ConfirmEmail, Purpose::Answer];

/// Deletes a registration that is pending or on hold when the owner of its email address presses "This wasn't me".
/// An account that has been approved stays: its links to this email address are revoked, no new ones are sent, and
/// administrators are notified.
pub async fn cancel_registration(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<CancelledRegistration, UseCaseError> {
    let first = cancel_registration_once(backend, link, proof).await;
    let answers = [LinkAnswer::RegistrationRemoved, LinkAnswer::RegistrationReported];
    let link_use = or_first_answer(backend, first, proof.request(link, None), &answers).await?;
    Ok(match link_use.answer {
        LinkAnswer::RegistrationRemoved => CancelledRegistration::Removed,
        _ => CancelledRegistration::Reported,
    })
}

async fn cancel_registration_once(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<LinkUse, UseCaseError> {
    let client_ip = proof.client_ip;
    backend.rate_limiter.acquire_confirmation(&backend.settings, client_ip, backend.now()).await?;
    let found = find_valid_link(backend, link, &DISPUTABLE).await?;
    // The owner of a confirmed email address has registered, and can withdraw the request.
    let found = found.filter(|(_, user)| user.email_confirmed_at.is_none());
    let (token, user) = found.ok_or(ErrorCode::LinkInvalid)?;
    refuse_other_user(&user, proof)?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if !consume_token(&*txn, token.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    let actor =
        Actor { id: None, name: "owner of the email address".to_owned(), client_ip: client_ip.to_string() };
    insert_audit(&*txn, Action::CancelRegistration, &actor, Some((user.id, &user.username)), now).await?;
    let registration = Condition::all()
        .add(user::Column::Id.eq(user.id))
        .add(user::Column::Status.is_in([Status::Pending, Status::Held]))
        .add(user::Column::EmailConfirmedAt.is_null());
    let removed = !delete_users(&txn, registration).await?.is_empty();
    let link_use = if removed {
        LinkUse { answer: LinkAnswer::RegistrationRemoved, user_id: None }
    } else {
        report_dispute(&txn, &user, now).await?;
        LinkUse { answer: LinkAnswer::RegistrationReported, user_id: Some(user.id) }
    };
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, None, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(link_use)
}

/// Records that the owner of the email address did not register, and notifies administrators the first time.
async fn report_dispute(
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::RegistrationDisputedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailCanonical.eq(user.email_canonical.clone()))
        .filter(user::Column::EmailConfirmedAt.is_null())
        .filter(user::Column::RegistrationDisputedAt.is_null())
        .exec(&**txn)
        .await
        .context("record a disputed email address")?;
    revoke_tokens(&**txn, Some(user.id), &DISPUTABLE, now).await?;
    drop_unsent(&**txn, user.id, &[EmailKind::ConfirmEmail, EmailKind::Question], now).await?;
    if updated.rows_affected == 1 {
        insert_job(&**txn, JobKind::RegistrationDisputed, user.id, now).await
    } else {
        Ok(())
    }
}

/// Requests a new link to confirm the email address of `user_id`, who is signed in or has just entered the correct password.
pub async fn resend_verification(
    backend: &Backend,
    user_id: UserId,
    client_ip: IpAddr,
) -> Result<(), UseCaseError> {
    let now = backend.now();
    backend.rate_limiter.acquire_confirmation(&backend.settings, client_ip, now).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    // The account may be deleted at the same time.
    lock_user_row(&*txn, user_id).await?;
    let user = user::Entity::find_by_id(user_id).one(&*txn).await.context("find the account")?;
    let user = user.filter(|user| user.email_confirmed_at.is_none()).ok_or(ErrorCode::LinkInvalid)?;
    let actor = Actor { id: Some(user.id), name: user.username.clone(), client_ip: client_ip.to_string() };
    insert_audit(&*txn, Action::RequestVerification, &actor, Some((user.id, &user.username)), now).await?;
    insert_job(&*txn, JobKind::Confirmation, user.id, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}
