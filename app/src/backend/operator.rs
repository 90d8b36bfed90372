//! What the operator does on the command line: for the day on which nobody can sign in, or no mail leaves.
//!
//! Guarantees: the same rules, locks and audit as everywhere else.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Backend;
use super::audit::{Action, insert_audit};
use super::database::Lock;
use super::decide::{account_of, command_line};
use super::entity::user;
use super::error::{Doing, Failure, Stop};
use super::known_browsers::forget_all;
use super::register::prepare;
use super::sessions::delete_sessions_of;
use super::setup::insert_admin;
use super::token::{Binding, insert_token};
use crate::domain::check::Registration;
use crate::domain::problem::Problem;
use crate::domain::status::{Decision, Role, Status, UserId};
use crate::domain::token::Purpose;
use crate::domain::username;

/// Makes an active administrator whose address counts as confirmed.
pub async fn create_admin(backend: &Backend, form: Registration) -> Result<UserId, Stop> {
    let new = prepare(backend, form, "local").await?;
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    let id = insert_admin(backend, &*txn, &new, &command_line(), Action::OperatorCreate).await?;
    txn.commit().await?;
    Ok(id)
}

/// Makes somebody an administrator who is active and has confirmed their address.
pub async fn grant_admin(backend: &Backend, name: &str) -> Result<(), Stop> {
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    let user = find_by_name(&*txn, name).await?.ok_or(Problem::NoSuchPerson)?;
    let now = backend.now();
    // Nobody's number: the command line may act on everybody.
    let change = account_of(&user)?.decide(Decision::MakeAdmin, 0, false, now)?;
    user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(change.role.as_str()))
        .col_expr(user::Column::AuthEpoch, Expr::col(user::Column::AuthEpoch).add(1))
        .filter(user::Column::Id.eq(user.id))
        .exec(&*txn)
        .await
        .doing("grant the role")?;
    delete_sessions_of(&*txn, user.id).await?;
    forget_all(&*txn, user.id).await?;
    let subject = Some((user.id, user.username.as_str()));
    insert_audit(&*txn, Action::OperatorGrant, &command_line(), subject, now).await?;
    txn.commit().await?;
    Ok(())
}

/// Every administrator: name, address, status.
pub async fn list_admins(backend: &Backend) -> Result<Vec<user::Model>, Failure> {
    user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin.as_str()))
        .order_by_asc(user::Column::UsernameKey)
        .all(backend.db.pool())
        .await
        .doing("list the administrators")
}

/// A one-time sign-in link for an active person.
pub async fn make_user_link(backend: &Backend, name: &str) -> Result<String, Stop> {
    let txn = backend.db.begin_write(Lock::None).await?;
    let user = find_by_name(&*txn, name).await?.ok_or(Problem::NoSuchPerson)?;
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    if status != Status::Active {
        return Err(Problem::OtherState(status.public()).into());
    }
    let now = backend.now();
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::OperatorSignIn,
        epoch: user.auth_epoch,
        email_canonical: &user.email_canonical,
        email: "",
        now,
        expires_at: now.after(backend.settings.sign_in_link_lifetime),
    };
    let token = insert_token(&*txn, binding).await?;
    let subject = Some((user.id, user.username.as_str()));
    insert_audit(&*txn, Action::OperatorLink, &command_line(), subject, now).await?;
    txn.commit().await?;
    Ok(backend.settings.link(&format!("/auto-login/{}", token.expose())))
}

async fn find_by_name(
    db: &impl sea_orm::ConnectionTrait,
    name: &str,
) -> Result<Option<user::Model>, Failure> {
    user::Entity::find()
        .filter(user::Column::UsernameKey.eq(username::key_of(name)))
        .filter(user::Column::Status.ne(Status::Shadow.as_str()))
        .one(db)
        .await
        .doing("find the person")
}
