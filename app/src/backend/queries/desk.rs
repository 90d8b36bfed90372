//! The desk's lists and single people.
//!
//! Guarantees: shadows are nowhere; a page has at most [`PAGE`] rows and costs the same however deep it is (keyset).

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::backend::Backend;
use crate::backend::canonical::told_apart;
use crate::backend::decide::account_of;
use crate::backend::entity::user;
use crate::backend::error::{Doing, Failure};
use crate::backend::queries::mails::count_given_up;
use crate::domain::status::{Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::view::{DeskView, Page, PersonRow};

/// Most rows of one page.
pub const PAGE: u64 = 50;

/// Where the two lists begin, as the page's address has it.
#[derive(Clone, Debug, Default)]
pub struct DeskPlace {
    /// After whom the waiting go on: registered (microseconds) and number, e.g. `1800000000000000-7`.
    pub waiting_after: Option<String>,
    /// After which name the people go on.
    pub people_after: Option<String>,
}

/// The desk as `viewer` sees it.
pub async fn read_desk(backend: &Backend, viewer: UserId, place: &DeskPlace) -> Result<DeskView, Failure> {
    Ok(DeskView {
        waiting: read_waiting(backend, viewer, place.waiting_after.as_deref()).await?,
        people: read_people(backend, viewer, place.people_after.as_deref()).await?,
        given_up: count_given_up(backend).await?,
        made_at: backend.now(),
    })
}

/// Who waits, the longest first.
async fn read_waiting(
    backend: &Backend,
    viewer: UserId,
    after: Option<&str>,
) -> Result<Page<PersonRow>, Failure> {
    let mut query = waiting();
    let total = count(backend, query.clone()).await?;
    if let Some((created_at, id)) = after.and_then(parse_place) {
        let columns = [user::Column::CreatedAt, user::Column::Id].map(|c| SimpleExpr::from(Expr::col(c)));
        query = query.filter(Expr::tuple(columns).gt(Expr::tuple([Expr::val(created_at), Expr::val(id)])));
    }
    let query = query.order_by_asc(user::Column::CreatedAt).order_by_asc(user::Column::Id);
    let (rows, more) = page(backend, query).await?;
    let next = rows.last().filter(|_| more).map(|row| format!("{}-{}", row.created_at, row.id));
    Ok(Page { rows: show(backend, viewer, rows).await?, next, total })
}

/// Everybody, by name.
async fn read_people(
    backend: &Backend,
    viewer: UserId,
    after: Option<&str>,
) -> Result<Page<PersonRow>, Failure> {
    let mut query = user::Entity::find().filter(user::Column::Status.ne(Status::Shadow.as_str()));
    let total = count(backend, query.clone()).await?;
    if let Some(after) = after.filter(|after| !after.contains('\0')) {
        query = query.filter(user::Column::UsernameKey.gt(after.to_ascii_lowercase()));
    }
    let (rows, more) = page(backend, query.order_by_asc(user::Column::UsernameKey)).await?;
    let next = rows.last().filter(|_| more).map(|row| row.username_key.clone());
    Ok(Page { rows: show(backend, viewer, rows).await?, next, total })
}

fn waiting() -> Select<user::Entity> {
    user::Entity::find()
        .filter(user::Column::Status.is_in([Status::Pending, Status::Held].map(Status::as_str)))
}

/// How many wait for a decision.
pub async fn count_waiting(backend: &Backend) -> Result<u64, Failure> {
    count(backend, waiting()).await
}

async fn count(backend: &Backend, query: Select<user::Entity>) -> Result<u64, Failure> {
    query.count(backend.db.pool()).await.doing("count people")
}

/// One row more than fits tells whether there is a next page.
async fn page(backend: &Backend, query: Select<user::Entity>) -> Result<(Vec<user::Model>, bool), Failure> {
    let mut rows = query.limit(PAGE + 1).all(backend.db.pool()).await.doing("read people")?;
    let fits = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > fits;
    rows.truncate(fits);
    Ok((rows, more))
}

fn parse_place(text: &str) -> Option<(i64, i32)> {
    let (created_at, id) = text.split_once('-')?;
    Some((created_at.parse().ok()?, id.parse().ok()?))
}

/// One person as `viewer` sees them.
pub async fn find_person(
    backend: &Backend,
    viewer: UserId,
    id: UserId,
) -> Result<Option<PersonRow>, Failure> {
    let found = user::Entity::find_by_id(id)
        .filter(user::Column::Status.ne(Status::Shadow.as_str()))
        .all(backend.db.pool())
        .await
        .doing("find the person")?;
    Ok(show(backend, viewer, found).await?.pop())
}

/// Rows as the browser may see them, with the names of those who decided.
async fn show(backend: &Backend, viewer: UserId, rows: Vec<user::Model>) -> Result<Vec<PersonRow>, Failure> {
    let deciders: Vec<i32> = rows.iter().filter_map(|row| row.status_by).collect();
    let names: HashMap<i32, String> = if deciders.is_empty() {
        HashMap::new()
    } else {
        user::Entity::find()
            .select_only()
            .columns([user::Column::Id, user::Column::Username])
            .filter(Condition::all().add(user::Column::Id.is_in(deciders)))
            .into_tuple::<(i32, String)>()
            .all(backend.db.pool())
            .await
            .doing("find who decided")?
            .into_iter()
            .collect()
    };
    rows.into_iter().map(|row| show_one(backend, viewer, row, &names)).collect()
}

fn show_one(
    backend: &Backend,
    viewer: UserId,
    row: user::Model,
    names: &HashMap<i32, String>,
) -> Result<PersonRow, Failure> {
    let account = account_of(&row)?;
    let offers = account.offers(viewer, backend.settings.require_confirmed_address, backend.now());
    Ok(PersonRow {
        id: row.id,
        confirmed: account.confirmed,
        disowned_at: row.email_disowned_at.map(Timestamp),
        deletion_due: row.deletion_due_at.map(Timestamp),
        status: account.status.public(),
        role: account.role,
        has_password: row.password_hash.is_some(),
        registered: Timestamp(row.created_at),
        last_sign_in: (row.last_sign_in_at > 0).then_some(Timestamp(row.last_sign_in_at)),
        status_since: account.status_since,
        decided_by: row.status_by.and_then(|id| names.get(&id).cloned()),
        is_you: row.id == viewer,
        offers,
        username: row.username,
        email: told_apart(&row.email, &row.email_canonical),
    })
}
