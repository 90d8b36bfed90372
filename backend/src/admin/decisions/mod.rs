//! Decisions of administrators about accounts: making them, about one account or many, and undoing them.
//!
//! # Guarantees
//!
//! - The transaction of a decision checks that its author is an active administrator.
//! - The domain decides, one conditional UPDATE applies the change, and its row, its audit row and its email are in the same
//!   transaction.
//! - Everything that could remove the last administrator who can sign in holds [`Lock::Administrators`] while it counts them.
//! - The same decision, sent twice or by two administrators, is applied once and answered as done.
//! - The email of a decision is sent only when the decision can no longer be undone.
//!
//! [`Lock::Administrators`]: crate::infra::database::Lock

mod apply;
mod ask;
mod batch;
mod blocked;
mod delivery;
mod effects;
mod last_change;
mod many;
mod preview;
mod recent;
mod restore;
mod undo;
mod undo_many;

use sea_orm::EntityTrait;

use crate::Actor;
use crate::entity::user;
use crate::error::{ErrorContext, UseCaseError};
use crate::infra::database::WriteTransaction;
use crate::sessions::{CurrentUser, require_session};
use domain::decision::Mark;
use domain::errors::ErrorCode;
use domain::status::transitions::AccountState;
use domain::status::{Role, Status};

pub use crate::admin::decisions::apply::{Decided, decide};
pub(crate) use crate::admin::decisions::ask::resend_question;
pub use crate::admin::decisions::batch::describe_report;
pub(crate) use crate::admin::decisions::effects::{revoke_access, send_sign_in_link_now};
pub(crate) use crate::admin::decisions::last_change::find_last_change;
pub use crate::admin::decisions::many::{decide_filtered, decide_many};
pub use crate::admin::decisions::preview::{PreviewedEmail, preview_email};
pub use crate::admin::decisions::recent::recent_decisions;
pub use crate::admin::decisions::undo::{Undone, undo_decision};
pub use crate::admin::decisions::undo_many::undo_batch;

/// Returns the facts about a user on which the rules of the domain depend.
pub fn account_state(user: &user::Model) -> AccountState {
    AccountState {
        id: user.id,
        status: user.status,
        role: user.role,
        confirmed: user.email_confirmed_at.is_some(),
        status_since: user.status_since,
        deletion_due: user.deletion_due_at.is_some(),
    }
}

/// Returns the mark of a user as they are now.
pub(crate) fn mark_of(user: &user::Model) -> Mark {
    Mark { status_since: user.status_since, role: user.role }
}

/// Returns the email address by which a user can be recognised: only a confirmed one, because an unconfirmed one may belong to
/// anyone.
pub(crate) fn confirmed_email(user: &user::Model) -> Option<&str> {
    user.email_confirmed_at.is_some().then_some(user.email_canonical.as_str())
}

/// Checks in the transaction that `admin` is still an active administrator, because two administrators may act on each other at
/// the same time.
pub(crate) async fn require_admin(txn: &WriteTransaction, admin: &CurrentUser) -> Result<(), UseCaseError> {
    require_session(&**txn, admin).await?;
    let row = user::Entity::find_by_id(admin.user_id).one(&**txn).await.context("find the administrator")?;
    let is_active_admin = row.is_some_and(|row| row.role == Role::Admin && row.status == Status::Active);
    if is_active_admin { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Returns the actor of admin commands.
pub fn command_line_actor() -> Actor {
    Actor { id: None, name: "command line".to_owned(), client_ip: "local".to_owned() }
}
