//! The record of what was done to accounts.
//!
//! Guarantees: a row is written in the transaction of the change it tells of, or not at all.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::Actor;
use super::entity::audit;
use super::error::{Doing, Failure};
use crate::domain::status::{Decision, UserId};
use crate::domain::time::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody registered.
    Register,
    /// The first administrator was made.
    Setup,
    /// An administrator decided.
    Decide(Decision),
    /// An address was confirmed.
    ConfirmAddress,
    /// A registration was taken back by the address's owner.
    NotMe,
    /// A new link to confirm was asked for.
    AskConfirmation,
    /// Signed in with a password.
    SignIn,
    /// Signed in with a mailed link.
    SignInLink,
    /// Signed out.
    SignOut,
    /// The operator made an administrator on the command line.
    OperatorCreate,
    /// The operator gave the role on the command line.
    OperatorGrant,
    /// The operator printed a sign-in link.
    OperatorLink,
    /// A given-up mail was sent again.
    ResendMail,
}

impl Action {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "user.register",
            Self::Setup => "user.setup",
            Self::Decide(decision) => match decision {
                Decision::Approve => "user.approve",
                Decision::Reject => "user.reject",
                Decision::Reconsider => "user.reconsider",
                Decision::Deactivate => "user.deactivate",
                Decision::Reactivate => "user.reactivate",
                Decision::MakeAdmin => "user.make_admin",
                Decision::RemoveAdmin => "user.remove_admin",
            },
            Self::ConfirmAddress => "address.confirm",
            Self::NotMe => "address.not_me",
            Self::AskConfirmation => "address.ask_confirmation",
            Self::SignIn => "session.sign_in",
            Self::SignInLink => "session.sign_in_link",
            Self::SignOut => "session.sign_out",
            Self::OperatorCreate => "operator.create_admin",
            Self::OperatorGrant => "operator.grant_admin",
            Self::OperatorLink => "operator.user_link",
            Self::ResendMail => "mail.resend",
        }
    }
}

/// Writes down that `actor` did `action` to `subject` (number and name).
pub async fn insert_audit(
    db: &impl ConnectionTrait,
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = audit::ActiveModel {
        id: ActiveValue::NotSet,
        at: ActiveValue::Set(now.0),
        action: ActiveValue::Set(action.as_str().to_owned()),
        actor_id: ActiveValue::Set(actor.id),
        actor_name: ActiveValue::Set(actor.name.clone()),
        subject_id: ActiveValue::Set(subject.map(|(id, _)| id)),
        subject_name: ActiveValue::Set(subject.map_or_else(String::new, |(_, name)| name.to_owned())),
        source: ActiveValue::Set(actor.source.clone()),
    };
    audit::Entity::insert(row).exec_without_returning(db).await.doing("write the audit")?;
    Ok(())
}

/// Empties what names these people, who are being removed: the rows keep their numbers alone.
pub async fn forget_names(db: &impl ConnectionTrait, people: &[UserId]) -> Result<(), Failure> {
    let nobody = || Expr::value(String::new());
    audit::Entity::update_many()
        .col_expr(audit::Column::SubjectName, nobody())
        .filter(audit::Column::SubjectId.is_in(people.iter().copied()))
        .exec(db)
        .await
        .doing("forget whom the audit names")?;
    audit::Entity::update_many()
        .col_expr(audit::Column::ActorName, nobody())
        .col_expr(audit::Column::Source, nobody())
        .filter(audit::Column::ActorId.is_in(people.iter().copied()))
        .exec(db)
        .await
        .doing("forget who acted")?;
    Ok(())
}
