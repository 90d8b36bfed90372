//! Counting users for the lists of the admin pages.

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, QuerySelect, QueryTrait, Select};

use crate::Backend;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError};
use domain::queue::Counted;
use domain::status::UserId;

/// Returns the number of users that a query selects, counted up to `max`, and the highest of the counted ids. An exact number would
/// read the whole table.
pub async fn count_up_to(
    max: u64,
    backend: &Backend,
    query: Select<user::Entity>,
) -> Result<(Counted, Option<UserId>), InternalError> {
    let read = "count users";
    let found = query.select_only().column(user::Column::Id).limit(max + 1).into_query();
    let statement = Query::select()
        .expr_as(Expr::col(Asterisk).count(), "found")
        .expr_as(Expr::col("id").max(), "highest")
        .from_subquery(found, "users")
        .to_owned();
    let row = backend.db.pool().query_one(&statement).await.context(read)?;
    let Some(row) = row else { return Ok((Counted::default(), None)) };
    let found: i64 = row.try_get("", "found").context(read)?;
    let highest: Option<i32> = row.try_get("", "highest").context(read)?;
    Ok((Counted::up_to(max, u64::try_from(found).unwrap_or(0)), highest.map(UserId)))
}
