//! Deleting one's own account.
//!
//! Guarantees: the password is asked for again; the last administrator who can sign in stays; the row goes with its
//! sessions, tokens and mails, its number is never used again, the audit keeps numbers and loses what names the person,
//! and of the address only a keyed hash is kept.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::audit::{Action, forget_names, insert_audit};
use super::database::Lock;
use super::entity::user;
use super::error::{Doing, Stop};
use super::prove::prove_again;
use super::sessions::{Viewer, delete_sessions_of, refuse_during_recovery, require_session};
use super::setup::count_admins;
use super::shut_out::{Reason, shut_out};
use super::{Actor, Backend};
use crate::domain::password::Password;
use crate::domain::problem::Problem;

/// Deletes the viewer's account.
pub async fn delete_account(
    backend: &Backend,
    viewer: &Viewer,
    current: &Password,
    source: &str,
) -> Result<(), Stop> {
    prove_again(backend, viewer, current, source).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    require_session(&*txn, viewer).await?;
    refuse_during_recovery(&*txn, viewer.user_id, now).await?;
    // Nothing of theirs that is still under way comes after this: an identity that is linked meanwhile is seen below, or not
    // linked.
    delete_sessions_of(&*txn, viewer.user_id).await?;
    if viewer.is_admin() && count_admins(backend, &*txn, Some(viewer.user_id)).await? == 0 {
        return Err(Problem::LastAdminStays.into());
    }
    let address = viewer.email_confirmed_at.is_some().then_some(viewer.email_canonical.as_str());
    shut_out(backend, &*txn, viewer.user_id, address, Reason::Deleted).await?;
    let deleted = user::Entity::delete_many()
        .filter(user::Column::Id.eq(viewer.user_id))
        .filter(user::Column::AuthEpoch.eq(viewer.epoch))
        .exec(&*txn)
        .await
        .doing("delete the account")?;
    if deleted.rows_affected != 1 {
        return Err(Problem::SignedOut.into());
    }
    let nobody = Actor { id: Some(viewer.user_id), name: String::new(), source: String::new() };
    insert_audit(&*txn, Action::DeleteAccount, &nobody, Some((viewer.user_id, "")), now).await?;
    forget_names(&*txn, &[viewer.user_id]).await?;
    txn.commit().await?;
    Ok(())
}
