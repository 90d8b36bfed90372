//! The rule that an administrator who can sign in always remains.
//!
//! # Guarantees
//!
//! - Once there is an administrator, at least one active administrator can sign in.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::entity::{identity, user};
use crate::error::{ErrorContext, InternalError};
use domain::status::{Role, Status, UserId};

/// Returns the number of active administrators who can sign in, not counting `except`. The caller holds
/// [`Lock::Administrators`](crate::infra::database::Lock) if the number decides about a change.
pub async fn count_admins(
    backend: &Backend,
    db: &impl ConnectionTrait,
    except: Option<UserId>,
) -> Result<u64, InternalError> {
    let mut sign_in_methods = Condition::any().add(user::Column::PasswordHash.is_not_null());
    if backend.microsoft.is_some() {
        let linked = Query::select().column(identity::Column::UserId).from(identity::Entity).to_owned();
        sign_in_methods = sign_in_methods.add(user::Column::Id.in_subquery(linked));
    }
    let mut admins = user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin))
        .filter(user::Column::Status.eq(Status::Active))
        .filter(sign_in_methods);
    if let Some(id) = except {
        admins = admins.filter(user::Column::Id.ne(id));
    }
    admins.count(db).await.context("count the administrators")
}
