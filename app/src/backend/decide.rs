//! What administrators decide about people.
//!
//! Guarantees: whoever decides is an active administrator inside the very transaction; the domain judges, one
//! conditional UPDATE carries it out, and the audit row and the mail go with it. There is always an active administrator
//! who can sign in: whatever could end the last one takes the administrators' lock before it counts. A change of role
//! or a deactivation ends the person's sessions at once.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::credentials::void_credentials;
use super::database::{Lock, WriteTransaction};
use super::delete_account::settle_deletion;
use super::entity::user;
use super::error::{Doing, Failure, Stop};
use super::known_browsers::forget_all;
use super::mail::message::Message;
use super::mail::outbox::{Letter, enqueue};
use super::register::taken;
use super::sessions::{Viewer, delete_sessions_of, require_session};
use super::setup::count_admins;
use super::shut_out::{Reason, let_in, shut_out};
use super::token::{Binding, insert_token};
use super::{Actor, Backend};
use crate::domain::account::{Account, Change};
use crate::domain::problem::Problem;
use crate::domain::status::{Decision, Role, Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// What the domain needs to know of a row.
pub fn account_of(user: &user::Model) -> Result<Account, Failure> {
    Ok(Account {
        id: user.id,
        status: Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?,
        role: Role::parse(&user.role).ok_or(Failure::Data("an unknown role"))?,
        confirmed: user.email_confirmed_at.is_some(),
        status_since: Timestamp(user.status_since),
        deletion_due: user.deletion_due_at.is_some(),
    })
}

/// Carries out a decision by `admin`, or says why not.
pub async fn decide(
    backend: &Backend,
    decision: Decision,
    subject: UserId,
    admin: &Viewer,
    source: &str,
) -> Result<(), Stop> {
    let lock = match decision {
        Decision::Deactivate | Decision::MakeAdmin | Decision::RemoveAdmin => Lock::Administrators,
        Decision::Approve | Decision::Reject | Decision::Reconsider | Decision::Reactivate => Lock::None,
    };
    let txn = backend.db.begin_write(lock).await?;
    require_admin(&txn, admin).await?;
    let user = user::Entity::find_by_id(subject).one(&*txn).await.doing("find the person")?;
    let user = user.ok_or(Problem::NoSuchPerson)?;
    let account = account_of(&user)?;
    let now = backend.now();
    let change = account.decide(decision, admin.user_id, backend.settings.require_confirmed_address, now)?;
    if account.loses_admin(change) && count_admins(backend, &*txn, Some(subject)).await? == 0 {
        return Err(Problem::LastAdmin.into());
    }
    // What an administrator decides about the status goes before what the owner asked for.
    let settles = account.deletion_due
        && matches!(decision, Decision::Deactivate | Decision::Reactivate | Decision::Approve);
    apply(&txn, &user, change, settles, admin.user_id, now).await?;
    if settles {
        settle_deletion(&txn, &user, now).await?;
    }
    follow_up(backend, &txn, &user, account, change).await?;
    let actor = admin.actor(source.to_owned());
    insert_audit(&*txn, Action::Decide(decision), &actor, Some((user.id, &user.username)), now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

/// Two administrators may act on each other at the same instant: the second is none any more.
pub(super) async fn require_admin(txn: &WriteTransaction, admin: &Viewer) -> Result<(), Stop> {
    require_session(&**txn, admin).await?;
    let row = user::Entity::find_by_id(admin.user_id).one(&**txn).await.doing("find the administrator")?;
    let still =
        row.is_some_and(|row| row.role == Role::Admin.as_str() && row.status == Status::Active.as_str());
    if still { Ok(()) } else { Err(Problem::Forbidden.into()) }
}

/// One conditional UPDATE; somebody else may have decided since the row was read.
async fn apply(
    txn: &WriteTransaction,
    user: &user::Model,
    change: Change,
    settles_deletion: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), Stop> {
    let mut update = user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(change.role.as_str()))
        .col_expr(user::Column::AuthEpoch, Expr::col(user::Column::AuthEpoch).add(1));
    if settles_deletion {
        update = update.col_expr(user::Column::DeletionDueAt, Expr::value(Option::<i64>::None));
    }
    if settles_deletion || change.status.as_str() != user.status {
        update = update
            .col_expr(user::Column::Status, Expr::value(change.status.as_str()))
            .col_expr(user::Column::StatusSince, Expr::value(now.0))
            .col_expr(user::Column::StatusBy, Expr::value(by));
    }
    let done = update
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::AuthEpoch.eq(user.auth_epoch))
        .filter(user::Column::Status.eq(user.status.clone()))
        .exec(&**txn)
        .await
        .map_err(taken)?;
    if done.rows_affected == 1 {
        return Ok(());
    }
    let present = user::Entity::find_by_id(user.id).one(&**txn).await.doing("find the person again")?;
    let status = present.and_then(|user| Status::parse(&user.status));
    Err(status.map_or(Problem::NoSuchPerson, |status| Problem::OtherState(status.public())).into())
}

/// What else a change brings: ended sessions, void links, mail.
async fn follow_up(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    before: Account,
    change: Change,
) -> Result<(), Failure> {
    if change.status != Status::Active || change.role != before.role {
        delete_sessions_of(&**txn, user.id).await?;
        forget_all(&**txn, user.id).await?;
        void_credentials(&**txn, user.id, backend.now()).await?;
    }
    // An address that nobody has confirmed may be anybody's.
    let address = user.email_confirmed_at.is_some().then_some(user.email_canonical.as_str());
    match change.status {
        Status::Rejected => {
            shut_out(backend, &**txn, user.id, address, Reason::Rejected).await?;
        }
        Status::Deactivated => {
            shut_out(backend, &**txn, user.id, address, Reason::Deactivated).await?;
        }
        // Whoever is let in again is not shut out any more.
        Status::Active => let_in(backend, &**txn, user.id, address).await?,
        _ => {}
    }
    if change.status != Status::Active || before.status == Status::Active {
        return Ok(());
    }
    if before.status == Status::Deactivated {
        let message = Message::Reactivated {
            username: user.username.clone(),
            link: backend.settings.link("/login"),
            was_due: user.deletion_due_at.is_some() && user.password_hash.is_some(),
        };
        return send(backend, &**txn, user, message, None).await;
    }
    send_sign_in_link(backend, &**txn, user, user.auth_epoch + 1).await
}

/// Mails somebody who was approved the link that signs them in once.
pub(super) async fn send_sign_in_link(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    epoch: i32,
) -> Result<(), Failure> {
    if user.password_hash.is_none() {
        let message = Message::ApprovedMicrosoft {
            username: user.username.clone(),
            link: backend.settings.link("/login"),
        };
        return send(backend, db, user, message, None).await;
    }
    let now = backend.now();
    let expires_at = now.after(backend.settings.sign_in_link_lifetime);
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::SignIn,
        epoch,
        email_canonical: &user.email_canonical,
        email: "",
        now,
        expires_at,
    };
    let token = insert_token(db, binding).await?;
    let message = Message::Approved {
        username: user.username.clone(),
        link: backend.settings.link(&format!("/auto-login/{}", token.expose())),
        lifetime: backend.settings.sign_in_link_lifetime,
        asks_password: user.email_confirmed_at.is_none(),
    };
    send(backend, db, user, message, Some(expires_at)).await
}

async fn send(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    message: Message,
    not_after: Option<Timestamp>,
) -> Result<(), Failure> {
    let letter = Letter { user_id: Some(user.id), recipient: &user.email, message, not_after };
    enqueue(db, &backend.keys, letter, backend.now()).await
}

/// The actor that stands for the operator's command line.
pub fn command_line() -> Actor {
    Actor { id: None, name: "command line".to_owned(), source: "local".to_owned() }
}
