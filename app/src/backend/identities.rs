//! Which Microsoft identity an account has.

use sea_orm::{ConnectionTrait, EntityTrait};

use super::entity::identity;
use super::error::{Doing, Failure};
use crate::domain::status::UserId;

/// The identity of an account.
pub async fn find_identity(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<Option<identity::Model>, Failure> {
    identity::Entity::find_by_id(user_id).one(db).await.doing("find the identity")
}
