//! Links in mail: what each is for, confirming an address, and signing in once after approval.
//!
//! Guarantees: looking changes nothing; a link is spent by one conditional UPDATE in the transaction of what it does,
//! so that it works once however many press at once, and is not lost when something is refused. Confirming takes
//! proof beside the mailbox: the browser that registered, or the password.

use std::net::IpAddr;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::database::{Lock, WriteTransaction};
use super::delete_users::delete_users;
use super::entity::{user, user_token};
use super::error::{Doing, Failure, Stop};
use super::identities::find_identity;
use super::mail::jobs::{JobKind, insert_job};
use super::password_hash::Verdict;
use super::register::taken;
use super::sessions::{
    Browser, BrowserSession, OpenedBy, Opening, Viewer, hold_person, insert_sign_in, prepare_session,
    refuse_during_recovery,
};
use super::token::{PlainToken, find_token, spend_token, void_tokens};
use super::{Actor, Backend};
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::{Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// What a link's page needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Whose it is.
    pub user_id: UserId,
    /// Their name.
    pub username: String,
    /// The address that the link is about.
    pub email: String,
    /// Whether the address still has to be confirmed.
    pub unconfirmed: bool,
    /// Whether the account has a password.
    pub has_password: bool,
    /// Whether a Microsoft account is linked.
    pub has_identity: bool,
    /// When the account is deleted, if its owner asked for it.
    pub deletion_due: Option<Timestamp>,
}

/// How somebody proves that a link is theirs to use.
#[derive(Debug)]
pub struct Proof<'a> {
    /// Who registered in this browser, by its sealed cookie.
    pub registered_here: Option<UserId>,
    /// Who is signed in.
    pub viewer: Option<&'a Viewer>,
    /// The password, where it was asked for.
    pub password: &'a Password,
    /// Where they come from.
    pub source: IpAddr,
}

impl Proof<'_> {
    /// Whether the password may be left out.
    pub fn stands_without_password(&self, user_id: UserId) -> bool {
        self.registered_here == Some(user_id) || self.viewer.is_some_and(|viewer| viewer.user_id == user_id)
    }
}

/// What a link would do, if it still does anything.
pub async fn find_link(
    backend: &Backend,
    link: &str,
    purposes: &[Purpose],
) -> Result<Option<LinkView>, Failure> {
    let Some((token, user)) = find_live(backend, link, purposes).await? else { return Ok(None) };
    let has_identity = find_identity(backend.db.pool(), user.id).await?.is_some();
    Ok(Some(LinkView {
        user_id: user.id,
        username: user.username,
        email: if token.email.is_empty() { user.email } else { token.email },
        unconfirmed: user.email_confirmed_at.is_none(),
        has_password: user.password_hash.is_some(),
        has_identity,
        deletion_due: user.deletion_due_at.map(Timestamp),
    }))
}

/// The token of a link and its owner, as long as the link means anything.
pub(super) async fn find_live(
    backend: &Backend,
    link: &str,
    purposes: &[Purpose],
) -> Result<Option<(user_token::Model, user::Model)>, Failure> {
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
        user::Entity::find_by_id(user_id).one(backend.db.pool()).await.doing("find the link's owner")?;
    Ok(user.filter(|user| means_something(&token, user)).map(|user| (token, user)))
}

/// What signs somebody in.
pub const SIGN_IN: [Purpose; 2] = [Purpose::SignIn, Purpose::OperatorSignIn];

fn means_something(token: &user_token::Model, user: &user::Model) -> bool {
    let status = Status::parse(&user.status);
    match Purpose::parse(&token.purpose) {
        Some(Purpose::ConfirmAddress) => {
            user.email_confirmed_at.is_none()
                && user.email_canonical == token.email_canonical
                && matches!(status, Some(Status::Pending | Status::Held | Status::Active))
        }
        Some(Purpose::SignIn | Purpose::OperatorSignIn) => {
            status == Some(Status::Active)
                && token.epoch == user.auth_epoch
                && token.created_at >= user.last_sign_in_at
        }
        Some(Purpose::ChangeAddress) => status == Some(Status::Active) && token.epoch == user.auth_epoch,
        Some(Purpose::UndoAddress) => matches!(status, Some(Status::Active | Status::Deactivated)),
        Some(Purpose::KeepAccount) => {
            status == Some(Status::Deactivated)
                && user.deletion_due_at.is_some()
                && user.email_canonical == token.email_canonical
        }
        // These are no links to an account, or typed.
        Some(Purpose::Setup | Purpose::TemporaryPassword) | None => false,
    }
}

/// What confirming came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Whose address it is.
    pub user_id: UserId,
    /// Whether they may sign in already.
    pub active: bool,
}

/// Confirms the address that the link was mailed to.
pub async fn confirm_address(backend: &Backend, link: &str, proof: &Proof<'_>) -> Result<Confirmed, Stop> {
    backend.limits.confirm(&backend.settings, proof.source, backend.now()).await?;
    let (token, user) =
        find_live(backend, link, &[Purpose::ConfirmAddress]).await?.ok_or(Problem::LinkVoid)?;
    if !proof.stands_without_password(user.id) {
        check_password(backend, &user, proof).await?;
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    hold_person(&*txn, user.id).await?;
    refuse_during_recovery(&*txn, user.id, now).await?;
    if !spend_token(&*txn, token.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    mark_confirmed(&txn, &user, proof.source, now).await?;
    txn.commit().await?;
    Ok(Confirmed { user_id: user.id, active: Status::parse(&user.status) == Some(Status::Active) })
}

/// One conditional UPDATE; the unique index refuses it when another account has confirmed the address meanwhile.
pub(super) async fn mark_confirmed(
    txn: &WriteTransaction,
    user: &user::Model,
    source: IpAddr,
    now: Timestamp,
) -> Result<(), Stop> {
    let done = user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(now.0))
        .col_expr(user::Column::EmailDisownedAt, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailConfirmedAt.is_null())
        .filter(user::Column::EmailCanonical.eq(user.email_canonical.clone()))
        .filter(
            user::Column::Status.is_in([Status::Pending, Status::Held, Status::Active].map(Status::as_str)),
        )
        .exec(&**txn)
        .await
        .map_err(taken)?;
    if done.rows_affected != 1 {
        return Err(Problem::LinkVoid.into());
    }
    let actor = owner(user, source);
    insert_audit(&**txn, Action::ConfirmAddress, &actor, Some((user.id, &user.username)), now).await?;
    Ok(())
}

fn owner(user: &user::Model, source: IpAddr) -> Actor {
    Actor { id: Some(user.id), name: user.username.clone(), source: source.to_string() }
}

/// The password of a link's owner. Tries are counted for the account, as those of the source have been, before any hashing.
pub(super) async fn check_password(
    backend: &Backend,
    user: &user::Model,
    proof: &Proof<'_>,
) -> Result<(), Stop> {
    let password = proof.password;
    if password.is_empty() {
        return Err(Refusal::of_field(Field::Password, Problem::PasswordMissing).into());
    }
    let wrong = || Stop::from(Refusal::of_field(Field::Password, Problem::PasswordWrong));
    if password.is_too_long() {
        return Err(wrong());
    }
    backend.limits.password_of_link(user.id, backend.now()).await?;
    match backend.hasher.verify(password, user.password_hash.as_deref(), &proof.source.to_string()).await? {
        Verdict::Right { .. } => Ok(()),
        Verdict::Wrong => Err(wrong()),
    }
}

/// What "This wasn't me" came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disowned {
    /// The registration is gone.
    Removed,
    /// The account had been decided about and stays; administrators are told.
    Reported,
}

/// Deletes a registration whose email address belongs to someone else, who presses "This wasn't me", while it is pending.
/// A later account stays: its links to this email address are revoked, no others are sent, and administrators are told.
pub async fn disown(backend: &Backend, link: &str, source: IpAddr) -> Result<Disowned, Stop> {
    backend.limits.confirm(&backend.settings, source, backend.now()).await?;
    let (token, user) =
        find_live(backend, link, &[Purpose::ConfirmAddress]).await?.ok_or(Problem::LinkVoid)?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    hold_person(&*txn, user.id).await?;
    if !spend_token(&*txn, token.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    let actor = Actor { id: None, name: "owner of the address".to_owned(), source: source.to_string() };
    insert_audit(&*txn, Action::NotMe, &actor, Some((user.id, &user.username)), now).await?;
    let registration = Condition::all()
        .add(user::Column::Id.eq(user.id))
        .add(user::Column::Status.eq(Status::Pending.as_str()))
        .add(user::Column::EmailConfirmedAt.is_null());
    let gone = !delete_users(&txn, registration).await?.is_empty();
    if !gone {
        report_disowned(&txn, &user, now).await?;
    }
    txn.commit().await?;
    if gone {
        return Ok(Disowned::Removed);
    }
    backend.mail_bell.ring();
    Ok(Disowned::Reported)
}

async fn report_disowned(txn: &WriteTransaction, user: &user::Model, now: Timestamp) -> Result<(), Failure> {
    let noted = user::Entity::update_many()
        .col_expr(user::Column::EmailDisownedAt, Expr::value(now.0))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::EmailCanonical.eq(user.email_canonical.clone()))
        .filter(user::Column::EmailConfirmedAt.is_null())
        .filter(user::Column::EmailDisownedAt.is_null())
        .exec(&**txn)
        .await
        .doing("note whose address it is not")?;
    void_tokens(&**txn, Some(user.id), &[Purpose::ConfirmAddress], now).await?;
    if noted.rows_affected == 1 { insert_job(&**txn, JobKind::Disowned, user.id, now).await } else { Ok(()) }
}

/// Signs in with the link from the approval mail. Where the address is unconfirmed, mailbox and password together
/// confirm it, so that a mistyped address signs no stranger in.
pub async fn use_sign_in_link(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &Proof<'_>,
    browser: &Browser,
) -> Result<(), Stop> {
    backend.limits.confirm(&backend.settings, proof.source, backend.now()).await?;
    let (token, user) = find_live(backend, link, &SIGN_IN).await?.ok_or(Problem::LinkVoid)?;
    if proof.viewer.is_some_and(|viewer| viewer.user_id != user.id) {
        return Err(Problem::SomebodyElse.into());
    }
    let unconfirmed = user.email_confirmed_at.is_none();
    if unconfirmed {
        check_password(backend, &user, proof).await?;
    }
    let by = match Purpose::parse(&token.purpose) {
        Some(Purpose::OperatorSignIn) => OpenedBy::OperatorLink,
        _ => OpenedBy::SignInLink,
    };
    let opening =
        Opening { user_id: user.id, username: &user.username, epoch: token.epoch, shared: false, by };
    let prepared = prepare_session(backend, session, &opening, browser).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    hold_person(&*txn, user.id).await?;
    if !spend_token(&*txn, token.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    if unconfirmed {
        mark_confirmed(&txn, &user, proof.source, now).await?;
    }
    insert_sign_in(&*txn, &prepared, &opening, browser, now).await?;
    txn.commit().await?;
    prepared.hand_over(backend, session).await;
    Ok(())
}
