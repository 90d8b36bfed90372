//! The first administrator, by the one-time link in the log.
//!
//! Guarantees: the link works only while there is no active administrator, once, and only the newest; the check and
//! the account are one transaction under the administrators' lock.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::database::Lock;
use super::entity::{identity, user};
use super::error::{Doing, Failure, Stop};
use super::register::{NewUser, insert_user, prepare};
use super::sessions::{Browser, BrowserSession, OpenedBy, Opening, open_session};
use super::token::{Binding, PlainToken, find_token, insert_token, spend_token, void_tokens};
use super::{Actor, Backend};
use crate::domain::check::Registration;
use crate::domain::problem::Problem;
use crate::domain::status::{Role, Status, UserId};
use crate::domain::token::Purpose;

/// How long the link is good; every start makes a new one.
const LINK_LIFETIME: std::time::Duration = std::time::Duration::from_hours(24);

/// How many administrators can sign in, not counting `except`.
pub async fn count_admins(
    backend: &Backend,
    db: &impl ConnectionTrait,
    except: Option<UserId>,
) -> Result<u64, Failure> {
    let mut ways = Condition::any().add(user::Column::PasswordHash.is_not_null());
    if backend.microsoft.is_some() {
        let linked = Query::select().column(identity::Column::UserId).from(identity::Entity).to_owned();
        ways = ways.add(user::Column::Id.in_subquery(linked));
    }
    let mut admins = user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin.as_str()))
        .filter(user::Column::Status.eq(Status::Active.as_str()))
        .filter(ways);
    if let Some(id) = except {
        admins = admins.filter(user::Column::Id.ne(id));
    }
    admins.count(db).await.doing("count the administrators")
}

/// A new link for the first administrator, which voids the old one; `None` once there is an administrator.
pub async fn renew_setup_link(backend: &Backend) -> Result<Option<String>, Failure> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    void_tokens(&*txn, None, &[Purpose::Setup], now).await?;
    let needed = count_admins(backend, &*txn, None).await? == 0;
    let link = if needed {
        let binding = Binding {
            user_id: None,
            purpose: Purpose::Setup,
            epoch: 0,
            email_canonical: "",
            email: "",
            now,
            expires_at: now.after(LINK_LIFETIME),
        };
        let token = insert_token(&*txn, binding).await?;
        Some(backend.settings.link(&format!("/setup/{}", token.expose())))
    } else {
        None
    };
    txn.commit().await?;
    Ok(link)
}

/// Whether the link would work.
pub async fn is_setup_link(backend: &Backend, link: &str) -> Result<bool, Failure> {
    let Some(token) = PlainToken::from_link(link) else {
        return Ok(false);
    };
    let found = find_token(backend.db.pool(), &token, &[Purpose::Setup], backend.now()).await?;
    Ok(found.is_some() && count_admins(backend, backend.db.pool(), None).await? == 0)
}

/// Makes the first administrator and signs them in.
pub async fn set_up(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    form: Registration,
    browser: &Browser,
) -> Result<(), Stop> {
    let token = PlainToken::from_link(link).ok_or(Problem::LinkVoid)?;
    let found = find_token(backend.db.pool(), &token, &[Purpose::Setup], backend.now()).await?;
    let found = found.ok_or(Problem::LinkVoid)?;
    let new = prepare(backend, form, &browser.address).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    if !spend_token(&*txn, found.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    let actor = Actor { id: None, name: "setup link".to_owned(), source: browser.address.clone() };
    let id = insert_first_admin(backend, &*txn, &new, &actor, Action::Setup).await?;
    txn.commit().await?;
    let opening =
        Opening { user_id: id, username: new.username(), epoch: 0, shared: false, by: OpenedBy::Setup };
    open_session(backend, session, &opening, browser).await?;
    Ok(())
}

async fn insert_first_admin(
    backend: &Backend,
    db: &impl ConnectionTrait,
    new: &NewUser,
    actor: &Actor,
    action: Action,
) -> Result<UserId, Stop> {
    if count_admins(backend, db, None).await? > 0 {
        return Err(Problem::SetupDone.into());
    }
    insert_admin(backend, db, new, actor, action).await
}

/// Inserts an active administrator with a confirmed address.
pub(super) async fn insert_admin(
    backend: &Backend,
    db: &impl ConnectionTrait,
    new: &NewUser,
    actor: &Actor,
    action: Action,
) -> Result<UserId, Stop> {
    let now = backend.now();
    let id = insert_user(db, new, Status::Active, Role::Admin, Some(now), now).await?;
    insert_audit(db, action, actor, Some((id, new.username())), now).await?;
    Ok(id)
}
