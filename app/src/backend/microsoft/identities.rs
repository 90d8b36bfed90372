//! Whose Microsoft identity is whose.
//!
//! Guarantees: one identity belongs to one account and one account has one; only the owner links and unlinks, after having
//! proved who they are; the last way in is never taken; the owner is told by mail, at an address that can still take a change
//! back, too; whatever is unlinked waits for an administrator when it comes again.

use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
};

use super::provider::Identity;
use crate::backend::Backend;
use crate::backend::audit::{Action, insert_audit};
use crate::backend::database::{Lock, WriteTransaction};
use crate::backend::delete_users::delete_users;
use crate::backend::entity::{identity, user, user_session};
use crate::backend::error::{Doing, Failure, Stop};
use crate::backend::identities::find_identity;
use crate::backend::mail::message::Message;
use crate::backend::mail::outbox::{Letter, enqueue};
use crate::backend::prove::prove_again;
use crate::backend::sessions::{OpenedBy, Viewer, end_sessions, require_session};
use crate::backend::shut_out::drop_identity;
use crate::backend::token::addresses_with_way_back;
use crate::domain::password::Password;
use crate::domain::problem::Problem;
use crate::domain::status::{Status, UserId};
use crate::domain::time::Timestamp;

/// Most characters that are kept of what an identity is called.
const MAX_LABEL: usize = 100;

/// Whether an account would have no way in without its identity.
pub fn is_last_way_in(viewer: &Viewer) -> bool {
    !viewer.has_password
}

/// Whose identity this is.
pub(super) async fn find_by_pair(
    db: &impl ConnectionTrait,
    identity: &Identity,
) -> Result<Option<user::Model>, Failure> {
    let row = identity::Entity::find()
        .filter(identity::Column::Tid.eq(identity.tid.as_str()))
        .filter(identity::Column::Oid.eq(identity.oid.as_str()))
        .one(db)
        .await
        .doing("find whose identity it is")?;
    let Some(row) = row else { return Ok(None) };
    user::Entity::find_by_id(row.user_id).one(db).await.doing("find the account")
}

/// Writes down whose identity it is; the unique index decides whether it is free.
pub(super) async fn insert_identity(
    db: &impl ConnectionTrait,
    user_id: UserId,
    identity: &Identity,
    now: Timestamp,
) -> Result<(), DbErr> {
    let label = identity.username_hint.as_deref().or(identity.address.as_deref()).unwrap_or_default();
    let row = identity::ActiveModel {
        user_id: ActiveValue::Set(user_id),
        tid: ActiveValue::Set(identity.tid.clone()),
        oid: ActiveValue::Set(identity.oid.clone()),
        label: ActiveValue::Set(label.chars().filter(|c| shows(*c)).take(MAX_LABEL).collect()),
        linked_at: ActiveValue::Set(now.0),
    };
    identity::Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// Whether a character shows, where it stands: no controls, no marks that turn the direction of what follows, none without
/// width (Unicode's categories Cc and Cf, as far as names could hold them).
fn shows(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !hidden
}

/// Makes way for linking: where the identity has come by itself before and was not let in, that account is empty, and whoever
/// links has just proved that both are theirs.
async fn make_way(txn: &WriteTransaction, identity: &Identity) -> Result<(), Failure> {
    let Some(user) = find_by_pair(&**txn, identity).await? else { return Ok(()) };
    let waits = [Status::Shadow, Status::Pending].iter().any(|status| user.status == status.as_str());
    if !waits || user.password_hash.is_some() {
        return Ok(());
    }
    let placeholder = Condition::all()
        .add(user::Column::Id.eq(user.id))
        .add(user::Column::Status.eq(user.status))
        .add(user::Column::PasswordHash.is_null());
    delete_users(txn, placeholder).await.map(drop)
}

/// Links an identity with the viewer's account.
pub(super) async fn link(
    backend: &Backend,
    viewer: &Viewer,
    identity: &Identity,
    source: &str,
) -> Result<(), Stop> {
    if viewer.email_confirmed_at.is_none() {
        return Err(Problem::AddressUnconfirmed.into());
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    if find_identity(&*txn, viewer.user_id).await?.is_some() {
        return Err(Problem::MicrosoftLinked.into());
    }
    make_way(&txn, identity).await?;
    if let Err(error) = insert_identity(&*txn, viewer.user_id, identity, now).await {
        return Err(match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Problem::MicrosoftTaken.into(),
            _ => Failure::Database { doing: "link an identity", source: error }.into(),
        });
    }
    backend.shut_outs.remove_identity(&*txn, &identity.tid, &identity.oid).await?;
    let message = Message::MicrosoftLinked {
        username: viewer.username.clone(),
        link: backend.settings.link("/profile"),
    };
    tell(backend, &txn, viewer, Action::LinkMicrosoft, message, source, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

/// Unlinks the viewer's identity, and ends the other sessions that it opened. Whoever has it waits for an administrator if
/// they come by it again.
pub async fn unlink(
    backend: &Backend,
    viewer: &Viewer,
    current: &Password,
    source: &str,
) -> Result<(), Stop> {
    if is_last_way_in(viewer) {
        return Err(Problem::LastWayIn.into());
    }
    prove_again(backend, viewer, current, source).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    find_identity(&*txn, viewer.user_id).await?.ok_or(Problem::MicrosoftUnlinked)?;
    drop_identity(backend, &*txn, viewer.user_id, Timestamp::default(), now).await?;
    let opened = Condition::all()
        .add(user_session::Column::UserId.eq(viewer.user_id))
        .add(user_session::Column::OpenedBy.eq(OpenedBy::Microsoft.as_str()))
        .add(user_session::Column::Handle.ne(viewer.handle.as_str()));
    end_sessions(&*txn, opened).await?;
    let message = Message::MicrosoftUnlinked {
        username: viewer.username.clone(),
        link: backend.settings.link("/profile"),
    };
    tell(backend, &txn, viewer, Action::UnlinkMicrosoft, message, source, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

async fn tell(
    backend: &Backend,
    txn: &WriteTransaction,
    viewer: &Viewer,
    action: Action,
    message: Message,
    source: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let subject = Some((viewer.user_id, viewer.username.as_str()));
    insert_audit(&**txn, action, &viewer.actor(source.to_owned()), subject, now).await?;
    // Whoever changed the address lately may be a thief: its owner hears of it where they can take that back.
    let mut recipients = addresses_with_way_back(&**txn, viewer.user_id, now).await?;
    recipients.push(viewer.email.clone());
    for recipient in &recipients {
        let letter =
            Letter { user_id: Some(viewer.user_id), recipient, message: message.clone(), not_after: None };
        enqueue(&**txn, &backend.keys, letter, now).await?;
    }
    Ok(())
}
