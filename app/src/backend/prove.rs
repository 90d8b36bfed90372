//! Showing again who one is, before something weighty.
//!
//! Guarantees: the present password where there is one to ask for, else a sign-in of the last ten minutes. Tries are counted
//! before (`limits`).

use sea_orm::EntityTrait;

use super::Backend;
use super::entity::user;
use super::error::{Doing, Stop};
use super::password_hash::Verdict;
use super::sessions::Viewer;
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::UserId;

/// Before something weighty: the password again, or a sign-in of the last ten minutes where there is none to ask for.
pub async fn prove_again(
    backend: &Backend,
    viewer: &Viewer,
    current: &Password,
    source: &str,
) -> Result<(), Stop> {
    if viewer.must_give_password() {
        return check_current(backend, viewer.user_id, current, source).await;
    }
    if viewer.proved_lately(backend.now()) { Ok(()) } else { Err(Problem::ProofTooOld.into()) }
}

/// Checks the present password of somebody who is signed in.
pub(super) async fn check_current(
    backend: &Backend,
    user_id: UserId,
    current: &Password,
    source: &str,
) -> Result<(), Stop> {
    if current.is_empty() {
        return Err(Refusal::of_field(Field::CurrentPassword, Problem::CurrentPasswordMissing).into());
    }
    let wrong = || Stop::from(Refusal::of_field(Field::CurrentPassword, Problem::CurrentPasswordWrong));
    if current.is_too_long() {
        return Err(wrong());
    }
    let user = user::Entity::find_by_id(user_id).one(backend.db.pool()).await.doing("find the account")?;
    let hash = user.and_then(|user| user.password_hash);
    match backend.hasher.verify(current, hash.as_deref(), source).await? {
        Verdict::Right { .. } => Ok(()),
        Verdict::Wrong => Err(wrong()),
    }
}
