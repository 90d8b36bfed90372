//! Known addresses: those that an account has confirmed. They alone are reserved.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::entity::user;
use super::error::{Doing, Failure};
use crate::domain::status::Status;

/// Whether an account has confirmed that address and was not rejected.
pub async fn is_known(db: &impl ConnectionTrait, email_canonical: &str) -> Result<bool, Failure> {
    let known = user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::EmailConfirmedAt.is_not_null())
        .filter(user::Column::Status.ne(Status::Rejected.as_str()))
        .count(db)
        .await
        .doing("look for the address")?;
    Ok(known > 0)
}
