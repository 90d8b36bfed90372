//! Queries of the users page and the user page of the admin pages.
//!
//! # Guarantees
//!
//! - Shadow accounts are never listed, counted or found.
//! - A page has at most [`PAGE_SIZE`] rows, and its cost does not depend on its position (keyset pagination).

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::Backend;
use crate::accounts::email_address::display_email;
use crate::admin::decisions::{account_state, find_last_change};
use crate::admin::failed_emails::count_failed_emails;
use crate::admin::overdue_emails::overdue_emails;
use crate::admin::queue::read_queue;
use crate::admin::user_count::count_up_to;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError};
use domain::decision::QueueFilter;
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::view_models::{Page, UserRow, UsersPageView};

/// The maximum number of rows of a page.
pub const PAGE_SIZE: u64 = 50;

/// The number up to which all users are counted.
const MAX_TOTAL: u64 = 1_000;

/// The positions at which the two lists begin, from the query of the URL.
#[derive(Clone, Debug, Default)]
pub struct UsersCursor {
    /// The last pending registration of the previous page: time (microseconds) and user id, for example `1800000000000000-7`.
    pub pending_after: Option<String>,
    /// The last username of the previous page of users.
    pub users_after: Option<String>,
}

/// Returns the users page as `current_user` sees it.
pub async fn read_users_page(
    backend: &Backend,
    current_user: UserId,
    filter: Option<&QueueFilter>,
    cursor: &UsersCursor,
) -> Result<UsersPageView, InternalError> {
    Ok(UsersPageView {
        queue: read_queue(backend, current_user, filter, cursor.pending_after.as_deref()).await?,
        users: read_users(backend, current_user, cursor.users_after.as_deref()).await?,
        failed_emails: count_failed_emails(backend.db.pool()).await?,
        overdue_emails: overdue_emails(backend).await?,
        read_at: backend.now(),
    })
}

/// Returns a page of all users, ordered by username.
async fn read_users(
    backend: &Backend,
    current_user: UserId,
    after: Option<&str>,
) -> Result<Page<UserRow>, InternalError> {
    let mut query = user::Entity::find().filter(user::Column::Status.ne(Status::Shadow));
    let (total, _) = count_up_to(MAX_TOTAL, backend, query.clone()).await?;
    if let Some(after) = after.filter(|after| !after.contains('\0')) {
        query = query.filter(user::Column::UsernameKey.gt(after.to_ascii_lowercase()));
    }
    let (rows, has_more) = read_rows(backend, query.order_by_asc(user::Column::UsernameKey)).await?;
    let next = rows.last().filter(|_| has_more).map(|row| row.username_key.clone());
    Ok(Page { rows: to_user_rows(backend, current_user, rows).await?, next, total })
}

/// Returns the rows of a page, and true if there is a next page. For that it reads one row more than fits.
async fn read_rows(
    backend: &Backend,
    query: Select<user::Entity>,
) -> Result<(Vec<user::Model>, bool), InternalError> {
    let mut rows = query.limit(PAGE_SIZE + 1).all(backend.db.pool()).await.context("read users")?;
    let page_size = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let has_more = rows.len() > page_size;
    rows.truncate(page_size);
    Ok((rows, has_more))
}

/// Returns a user as `current_user` sees them.
pub async fn find_user_row(
    backend: &Backend,
    current_user: UserId,
    id: UserId,
) -> Result<Option<UserRow>, InternalError> {
    let found = user::Entity::find_by_id(id)
        .filter(user::Column::Status.ne(Status::Shadow))
        .one(backend.db.pool())
        .await
        .context("find the user")?;
    let Some(user) = found else { return Ok(None) };
    let last_change = find_last_change(backend.db.pool(), current_user, &user).await?.map(Box::new);
    let row = to_user_rows(backend, current_user, vec![user]).await?.pop();
    Ok(row.map(|row| UserRow { last_change, ..row }))
}

/// Converts users to rows that the browser may see, with the names of the administrators who set the statuses.
async fn to_user_rows(
    backend: &Backend,
    current_user: UserId,
    rows: Vec<user::Model>,
) -> Result<Vec<UserRow>, InternalError> {
    let names = find_usernames(backend, rows.iter().filter_map(|row| row.status_by).collect()).await?;
    Ok(rows.into_iter().map(|row| to_user_row(backend, current_user, row, &names)).collect())
}

/// Returns the usernames of the accounts with these ids that exist.
pub(crate) async fn find_usernames(
    backend: &Backend,
    ids: BTreeSet<UserId>,
) -> Result<HashMap<UserId, String>, InternalError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let names = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::Username])
        .filter(user::Column::Id.is_in(ids))
        .into_tuple::<(UserId, String)>()
        .all(backend.db.pool())
        .await
        .context("find usernames")?;
    Ok(names.into_iter().collect())
}

/// Converts a user to a row that the browser may see.
pub(crate) fn to_user_row(
    backend: &Backend,
    current_user: UserId,
    row: user::Model,
    names: &HashMap<UserId, String>,
) -> UserRow {
    let account = account_state(&row);
    let allowed_actions =
        account.allowed_actions(current_user, backend.settings.require_confirmed_email, backend.now());
    UserRow {
        id: row.id,
        confirmed: account.confirmed,
        disputed_at: row.registration_disputed_at,
        deletion_due: row.deletion_due_at,
        status: account.status.public(),
        role: account.role,
        has_password: row.password_hash.is_some(),
        registered: row.created_at,
        last_sign_in: (row.last_sign_in_at > Timestamp::NEVER).then_some(row.last_sign_in_at),
        status_since: account.status_since,
        decided_by: row.status_by.and_then(|id| names.get(&id).cloned()),
        is_you: row.id == current_user,
        allowed_actions,
        last_change: None,
        username: row.username,
        email: display_email(&row.email, &row.email_canonical),
    }
}
