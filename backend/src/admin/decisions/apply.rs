//! Applying a decision to one account.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::accounts::deletion::discard_deletion_request;
use crate::accounts::last_admin::count_admins;
use crate::accounts::registration::unique_violation_error;
use crate::admin::decisions::ask::is_same_question;
use crate::admin::decisions::blocked::read_blocked;
use crate::admin::decisions::delivery::Delivery;
use crate::admin::decisions::effects::apply_side_effects;
use crate::admin::decisions::{account_state, mark_of, require_admin};
use crate::audit::{Action, insert_audit_with_detail};
use crate::entity::{decision, user};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::CurrentUser;
use domain::decision::{DecisionForm, Mark};
use domain::errors::ErrorCode;
use domain::flash_message::FlashMessage;
use domain::free_text::FreeText;
use domain::status::transitions::Change;
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::Timestamp;

/// The priority of the emails of a decision about many people: after the links that new people wait for, before notifications.
const BULK_PRIORITY: i32 = 25;

/// The result of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The id of the decision.
    pub decision: i64,
    /// The action. Approving a deactivated account reactivates it.
    pub action: AdminAction,
    /// True if the decision sends an email.
    pub email: bool,
    /// The end of the time in which the decision can be undone. Zero for none.
    pub undo_until: Timestamp,
    /// True if the decision had been made before.
    pub repeated: bool,
    /// True if another administrator had made it.
    pub by_other: bool,
}

impl Decided {
    /// Returns the message for the administrator.
    #[must_use]
    pub fn message(&self) -> FlashMessage {
        let Self { decision, action, email, undo_until, .. } = *self;
        let is_told_rejection = action == AdminAction::Reject && email;
        if self.by_other {
            FlashMessage::AlreadyDecided(action)
        } else if is_told_rejection || undo_until > Timestamp::NEVER {
            FlashMessage::Decided { action, decision, email, undo_until }
        } else {
            FlashMessage::ActionApplied(action)
        }
    }
}

/// The properties that the decisions of a batch share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BatchContext<'a> {
    /// The id of the batch, or `None` for a single decision.
    pub(super) id: Option<&'a str>,
    /// True if so many people are decided about that their emails must not delay others.
    pub(super) is_bulk: bool,
}

/// Applies a decision by `admin` to the account `subject`, or returns the reason why it is not possible. `mark` is the mark of the
/// account as the page has shown it. The same decision of two administrators is made only once.
pub async fn decide(
    backend: &Backend,
    subject: UserId,
    mark: Option<Mark>,
    form: &DecisionForm,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<Decided, UseCaseError> {
    decide_in(backend, subject, mark, form, BatchContext::default(), admin, client_ip).await
}

/// Applies a decision that may belong to a batch.
pub(super) async fn decide_in(
    backend: &Backend,
    subject: UserId,
    mark: Option<Mark>,
    form: &DecisionForm,
    batch: BatchContext<'_>,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<Decided, UseCaseError> {
    // If someone else was faster, the second attempt sees what they did.
    for _ in 0..2 {
        if let Some(decided) = decide_once(backend, subject, mark, form, batch, admin, client_ip).await? {
            return Ok(decided);
        }
    }
    Err(ErrorCode::AccountChanged.into())
}

/// Applies a decision. Returns `None` if the account has changed since the transaction has read it.
async fn decide_once(
    backend: &Backend,
    subject: UserId,
    mark: Option<Mark>,
    form: &DecisionForm,
    batch: BatchContext<'_>,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<Option<Decided>, UseCaseError> {
    let txn = backend.db.begin_write(lock_for(form.action)).await?;
    require_admin(&txn, admin).await?;
    let user = user::Entity::find_by_id(subject).one(&*txn).await.context("find the user")?;
    let user = user.filter(|user| user.status != Status::Shadow).ok_or(ErrorCode::UserNotFound)?;
    let decision = Decision { backend, txn: &txn, user: &user, form, admin, now: backend.now() };
    if let Some(decided) = decision.find_same().await? {
        return Ok(Some(decided));
    }
    if mark.is_some_and(|mark| mark != mark_of(&user)) {
        return Err(ErrorCode::AccountChanged.into());
    }
    let change = decision.check().await?;
    let Some(decided) = decision.apply(change, batch, client_ip).await? else { return Ok(None) };
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(Some(decided))
}

/// A decision in its transaction.
#[derive(Clone, Copy)]
struct Decision<'a> {
    backend: &'a Backend,
    txn: &'a WriteTransaction,
    user: &'a user::Model,
    form: &'a DecisionForm,
    admin: &'a CurrentUser,
    now: Timestamp,
}

impl Decision<'_> {
    /// Returns the result of the same decision if it was the last one about the user and is still in effect.
    async fn find_same(self) -> Result<Option<Decided>, InternalError> {
        let (user, form) = (self.user, self.form);
        let last = decision::Entity::find()
            .filter(decision::Column::UserId.eq(user.id))
            .order_by_desc(decision::Column::Id)
            .one(&**self.txn)
            .await
            .context("find the last decision")?;
        let Some(last) = last.filter(|last| last.undone_at.is_none()) else { return Ok(None) };
        let Some(action) = last.action.known() else { return Ok(None) };
        let is_same = action == form.action
            || (form.action == AdminAction::Approve && action == AdminAction::Reactivate);
        let is_in_effect = match action.status_after() {
            Some(status) => user.status == status && user.status_since == last.decided_at,
            None => (user.role == Role::Admin) == (action == AdminAction::MakeAdmin),
        };
        let has_new_text = has_new_text(form, &last);
        if !is_same
            || !is_in_effect
            || has_new_text
            || !is_same_question(self.txn, user.id, form, &last).await?
        {
            return Ok(None);
        }
        Ok(Some(Decided {
            decision: last.id,
            action,
            email: last.email_id.is_some(),
            undo_until: if last.undo_until > self.now { last.undo_until } else { Timestamp::NEVER },
            repeated: true,
            by_other: last.decided_by != self.admin.user_id,
        }))
    }

    /// Returns the change that the decision makes, or the reason why it is not allowed.
    async fn check(self) -> Result<Change, UseCaseError> {
        let account = account_state(self.user);
        let confirmed_only = self.backend.settings.require_confirmed_email || self.form.confirmed_only;
        let change = account.decide(self.form.action, self.admin.user_id, confirmed_only, self.now)?;
        if account.loses_admin(change)
            && count_admins(self.backend, &**self.txn, Some(self.user.id)).await? == 0
        {
            return Err(ErrorCode::LastAdmin.into());
        }
        Ok(change)
    }

    /// Applies the change and its side effects, and writes the row of the decision and the audit row. Returns `None` if the account
    /// has changed since it was read.
    async fn apply(
        self,
        change: Change,
        batch: BatchContext<'_>,
        client_ip: &str,
    ) -> Result<Option<Decided>, UseCaseError> {
        let Self { backend, txn, user, form, admin, now } = self;
        let action = effective_action(form.action, user.status);
        let undo_until = undo_until(backend, action, now);
        let blocked_before = read_blocked(backend, txn, user).await?;
        if !self.update_user(action, change).await? {
            return Ok(None);
        }
        let due_at = if undo_until > now { undo_until } else { now };
        let delivery = Delivery { decided_at: now, due_at, priority: batch.is_bulk.then_some(BULK_PRIORITY) };
        let email_id = apply_side_effects(backend, txn, user, change, form, admin, delivery).await?;
        let row = decision::ActiveModel {
            email_id: ActiveValue::Set(email_id),
            undo_until: ActiveValue::Set(undo_until),
            batch: ActiveValue::Set(batch.id.map(ToOwned::to_owned)),
            blocked_before: ActiveValue::Set(blocked_before),
            ..self.row(action)
        };
        let inserted = decision::Entity::insert(row).exec(&**txn).await.context("store a decision")?;
        let decision = inserted.last_insert_id;
        let (actor, subject) = (admin.actor(client_ip.to_owned()), Some((user.id, user.username.as_str())));
        let detail = format!("decision={decision}");
        insert_audit_with_detail(&**txn, Action::Admin(action), &actor, subject, detail, now).await?;
        let email = email_id.is_some();
        Ok(Some(Decided { decision, action, email, undo_until, repeated: false, by_other: false }))
    }

    /// Updates the role and status with one conditional UPDATE. Returns false if the account has changed since it was read.
    async fn update_user(self, action: AdminAction, change: Change) -> Result<bool, UseCaseError> {
        let Self { txn, user, admin, now, .. } = self;
        // An administrator's decision about the status takes precedence over the owner's deletion request.
        let discards_deletion = user.deletion_due_at.is_some()
            && matches!(action, AdminAction::Deactivate | AdminAction::Reactivate);
        let mut update = user::Entity::update_many()
            .col_expr(user::Column::Role, Expr::value(change.role))
            .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1));
        if discards_deletion {
            update = update.col_expr(user::Column::DeletionDueAt, Expr::value(Option::<Timestamp>::None));
        }
        if discards_deletion || change.status != user.status {
            update = update
                .col_expr(user::Column::Status, Expr::value(change.status))
                .col_expr(user::Column::StatusSince, Expr::value(now))
                .col_expr(user::Column::StatusBy, Expr::value(admin.user_id));
        }
        let updated = update
            .filter(user::Column::Id.eq(user.id))
            .filter(user::Column::CredentialVersion.eq(user.credential_version))
            .filter(user::Column::Status.eq(user.status))
            .filter(user::Column::StatusSince.eq(user.status_since))
            .exec(&**txn)
            .await
            .map_err(unique_violation_error)?;
        if updated.rows_affected == 1 && discards_deletion {
            discard_deletion_request(txn, user, now).await?;
        }
        Ok(updated.rows_affected == 1)
    }

    /// Returns the row of the decision, without its email, batch and blocked identities.
    fn row(self, action: AdminAction) -> decision::ActiveModel {
        let Self { user, form, admin, now, .. } = self;
        decision::ActiveModel {
            id: ActiveValue::NotSet,
            user_id: ActiveValue::Set(user.id),
            action: ActiveValue::Set(action.into()),
            decided_by: ActiveValue::Set(admin.user_id),
            decided_at: ActiveValue::Set(now),
            status_before: ActiveValue::Set(user.status),
            status_since_before: ActiveValue::Set(user.status_since),
            status_by_before: ActiveValue::Set(user.status_by),
            role_before: ActiveValue::Set(user.role),
            deletion_due_before: ActiveValue::Set(user.deletion_due_at),
            credential_version_after: ActiveValue::Set(user.credential_version + 1),
            reason: ActiveValue::Set(form.reason.as_ref().map(ToString::to_string)),
            note: ActiveValue::Set(form.note.as_ref().map(ToString::to_string)),
            email_id: ActiveValue::Set(None),
            undo_until: ActiveValue::Set(Timestamp::NEVER),
            batch: ActiveValue::Set(None),
            undone_at: ActiveValue::Set(None),
            undone_by: ActiveValue::Set(None),
            blocked_before: ActiveValue::Set(None),
        }
    }
}

/// Returns true if the form has a reason or a note that the decision `last` does not have, or an email that it does not send: they
/// would be lost.
fn has_new_text(form: &DecisionForm, last: &decision::Model) -> bool {
    let is_new = |text: &Option<FreeText>, stored: &Option<String>| {
        text.as_ref().is_some_and(|text| Some(text.as_str()) != stored.as_deref())
    };
    let is_told = form.action == AdminAction::Reject && !form.silent;
    is_new(&form.reason, &last.reason)
        || is_new(&form.note, &last.note)
        || (is_told && last.email_id.is_none())
}

fn lock_for(action: AdminAction) -> Lock {
    match action {
        AdminAction::Deactivate | AdminAction::MakeAdmin | AdminAction::RemoveAdmin => Lock::Administrators,
        AdminAction::Approve
        | AdminAction::Reject
        | AdminAction::Ask
        | AdminAction::Reconsider
        | AdminAction::Reactivate => Lock::None,
    }
}

/// Returns the action that is recorded. Approving a deactivated account reactivates it.
fn effective_action(action: AdminAction, status: Status) -> AdminAction {
    match (action, status) {
        (AdminAction::Approve, Status::Deactivated) => AdminAction::Reactivate,
        (action, _) => action,
    }
}

/// Returns the end of the time in which a decision can be undone, or zero if it cannot.
fn undo_until(backend: &Backend, action: AdminAction, now: Timestamp) -> Timestamp {
    let window = backend.settings.undo_window;
    if action.is_undoable() && !window.is_zero() { now.after(window) } else { Timestamp::NEVER }
}
