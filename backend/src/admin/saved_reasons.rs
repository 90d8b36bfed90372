//! Saved reasons: listing, adding, changing and deleting them.
//!
//! # Guarantees
//!
//! - The transaction of a change checks that its author is an active administrator, and writes a row of the audit log.
//! - A change is one conditional UPDATE. It fails if another administrator has changed the reason since the page was opened.
//! - There are never more than [`MAX_SAVED_REASONS`].
//! - A form that is sent twice is applied once and answered as done twice.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::admin::decisions::require_admin;
use crate::audit::{Action, insert_audit_with_detail};
use crate::entity::saved_reason;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::CurrentUser;
use domain::errors::ErrorCode;
use domain::saved_reason::{MAX_SAVED_REASONS, ReasonForm, ReasonUse, SavedReason};
use domain::status::AdminAction;
use domain::time::Timestamp;

/// Returns the saved reasons, ordered by their use and title.
pub async fn read_saved_reasons(backend: &Backend) -> Result<Vec<SavedReason>, InternalError> {
    let rows = saved_reason::Entity::find().all(backend.db.pool()).await.context("read the saved reasons")?;
    let mut reasons: Vec<SavedReason> = rows.into_iter().filter_map(to_view).collect();
    reasons.sort_by_cached_key(|reason| (reason.used_for, reason.title.to_lowercase(), reason.id));
    Ok(reasons)
}

/// Returns the saved reasons for an action, ordered by their use and title.
pub async fn read_reasons_for(
    backend: &Backend,
    action: AdminAction,
) -> Result<Vec<SavedReason>, InternalError> {
    if ReasonUse::of(action, false).is_none() {
        return Ok(Vec::new());
    }
    let mut reasons = read_saved_reasons(backend).await?;
    reasons.retain(|reason| reason.used_for.action() == action);
    Ok(reasons)
}

/// Returns the saved reason with this id.
pub async fn find_saved_reason(backend: &Backend, id: i64) -> Result<Option<SavedReason>, InternalError> {
    Ok(find(backend.db.pool(), id).await?.and_then(to_view))
}

async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<saved_reason::Model>, InternalError> {
    saved_reason::Entity::find_by_id(id).one(db).await.context("find a saved reason")
}

/// Returns a saved reason as pages show it, or `None` if only a later version knows its action.
fn to_view(row: saved_reason::Model) -> Option<SavedReason> {
    let used_for = ReasonUse::of(row.action.known()?, row.silent)?;
    Some(SavedReason { id: row.id, used_for, title: row.title, text: row.text, changed_at: row.changed_at })
}

fn is_same(row: &saved_reason::Model, form: &ReasonForm) -> bool {
    row.action.known() == Some(form.used_for.action())
        && row.silent == form.used_for.is_silent()
        && row.title == form.title
        && row.text == form.text.as_str()
}

/// Saves a reason. If the same reason is already saved, nothing changes.
pub async fn add_reason(
    backend: &Backend,
    form: &ReasonForm,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let now = backend.now();
    // The lock, so that two administrators do not exceed the maximum together.
    let txn = backend.db.begin_write(Lock::SavedReasons).await?;
    require_admin(&txn, admin).await?;
    let rows = saved_reason::Entity::find()
        .filter(saved_reason::Column::Title.eq(form.title.as_str()))
        .all(&*txn)
        .await
        .context("find the same reason")?;
    if rows.iter().any(|row| is_same(row, form)) {
        return Ok(());
    }
    let count = saved_reason::Entity::find().count(&*txn).await.context("count saved reasons")?;
    if count >= MAX_SAVED_REASONS as u64 {
        return Err(ErrorCode::TooManySavedReasons(MAX_SAVED_REASONS).into());
    }
    let row = saved_reason::ActiveModel {
        id: ActiveValue::NotSet,
        action: ActiveValue::Set(form.used_for.action().into()),
        title: ActiveValue::Set(form.title.clone()),
        text: ActiveValue::Set(form.text.as_str().to_owned()),
        silent: ActiveValue::Set(form.used_for.is_silent()),
        changed_at: ActiveValue::Set(now),
    };
    let inserted = saved_reason::Entity::insert(row).exec(&*txn).await.context("save a reason")?;
    record(&txn, Action::AddReason, inserted.last_insert_id, admin, client_ip, now).await?;
    txn.commit().await?;
    Ok(())
}

/// Changes a saved reason that was last changed at `changed_at`. If it is already as in the form, nothing changes.
pub async fn change_reason(
    backend: &Backend,
    id: i64,
    changed_at: Timestamp,
    form: &ReasonForm,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = find(&*txn, id).await?.ok_or(ErrorCode::SavedReasonNotFound)?;
    if is_same(&row, form) {
        return Ok(());
    }
    let changed = saved_reason::Entity::update_many()
        .col_expr(saved_reason::Column::Action, Expr::value(form.used_for.action().slug()))
        .col_expr(saved_reason::Column::Silent, Expr::value(form.used_for.is_silent()))
        .col_expr(saved_reason::Column::Title, Expr::value(form.title.as_str()))
        .col_expr(saved_reason::Column::Text, Expr::value(form.text.as_str()))
        .col_expr(saved_reason::Column::ChangedAt, Expr::value(now))
        .filter(saved_reason::Column::Id.eq(id))
        .filter(saved_reason::Column::ChangedAt.eq(changed_at))
        .exec(&*txn)
        .await
        .context("change a saved reason")?;
    if changed.rows_affected != 1 {
        return Err(ErrorCode::SavedReasonChanged.into());
    }
    record(&txn, Action::ChangeReason, id, admin, client_ip, now).await?;
    txn.commit().await?;
    Ok(())
}

/// Deletes a saved reason. If it has already been deleted, nothing changes.
pub async fn delete_reason(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let deleted =
        saved_reason::Entity::delete_by_id(id).exec(&*txn).await.context("delete a saved reason")?;
    if deleted.rows_affected == 1 {
        record(&txn, Action::DeleteReason, id, admin, client_ip, now).await?;
    }
    txn.commit().await?;
    Ok(())
}

async fn record(
    txn: &WriteTransaction,
    action: Action,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    let actor = admin.actor(client_ip.to_owned());
    insert_audit_with_detail(&**txn, action, &actor, None, format!("reason={id}"), now).await
}
