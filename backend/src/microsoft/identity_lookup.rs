//! Looks up the Microsoft identity of an account.

use sea_orm::{ConnectionTrait, EntityTrait};

use crate::entity::identity;
use crate::error::{ErrorContext, InternalError};
use domain::status::UserId;

/// Returns the identity that is linked with an account, if any.
pub async fn find_identity(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<Option<identity::Model>, InternalError> {
    identity::Entity::find_by_id(user_id).one(db).await.context("find the identity")
}
