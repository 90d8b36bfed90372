//! Earlier decisions about the email addresses of one page of the queue: of accounts that still exist, and what the hashes of
//! blocked email addresses keep of the others.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};

use crate::Backend;
use crate::entity::blocked_identity::BlockReason;
use crate::entity::open_enum::OpenEnum;
use crate::entity::{decision, user};
use crate::error::{ErrorContext, InternalError};
use domain::queue::{EarlierDecision, Outcome};
use domain::status::{AdminAction, Status, UserId};
use domain::time::Timestamp;

/// The number of other accounts that are read for an email address, and of decisions that are read for an account.
const MAX_EARLIER: i64 = 3;

/// The earlier decisions of a page.
pub(super) struct History {
    /// Other accounts with the same email address about which someone has decided.
    accounts: Vec<DecidedAccount>,
    decisions: Vec<DecisionRow>,
    /// The block of each email address.
    blocked: HashMap<String, (BlockReason, Timestamp)>,
}

/// An account about which someone has decided.
#[derive(Debug, FromQueryResult)]
struct DecidedAccount {
    id: UserId,
    username: String,
    email_canonical: String,
    status: Status,
    status_since: Timestamp,
    status_by: Option<UserId>,
}

/// A decision that has not been undone.
#[derive(Debug, FromQueryResult)]
struct DecisionRow {
    user_id: UserId,
    action: OpenEnum<AdminAction>,
    decided_by: UserId,
    decided_at: Timestamp,
    reason: Option<String>,
    note: Option<String>,
}

/// Reads the earlier decisions about the email addresses of `users`.
pub(super) async fn read_history(backend: &Backend, users: &[user::Model]) -> Result<History, InternalError> {
    let emails: BTreeSet<&str> = users.iter().map(|user| user.email_canonical.as_str()).collect();
    let accounts = read_accounts(backend, &emails).await?;
    let ids: BTreeSet<UserId> =
        users.iter().map(|user| user.id).chain(accounts.iter().map(|account| account.id)).collect();
    let decisions = read_decisions(backend, ids).await?;
    let blocked = backend.blocked_identities.find_many(backend.db.pool(), &emails).await?;
    Ok(History { accounts, decisions, blocked })
}

/// Returns at most [`MAX_EARLIER`] accounts for each email address about which someone has decided, the newest.
async fn read_accounts(
    backend: &Backend,
    emails: &BTreeSet<&str>,
) -> Result<Vec<DecidedAccount>, InternalError> {
    let numbered = user::Entity::find()
        .select_only()
        .columns([
            user::Column::Id,
            user::Column::Username,
            user::Column::EmailCanonical,
            user::Column::Status,
            user::Column::StatusSince,
            user::Column::StatusBy,
        ])
        .expr_as(Expr::cust("row_number() OVER (PARTITION BY email_canonical ORDER BY id DESC)"), "number")
        .filter(user::Column::EmailCanonical.is_in(emails.iter().copied()))
        .filter(user::Column::Status.is_in([Status::Active, Status::Rejected, Status::Deactivated]))
        .into_query();
    read_newest(backend, numbered).await
}

/// Returns at most [`MAX_EARLIER`] decisions about each account that have not been undone, the newest.
async fn read_decisions(backend: &Backend, ids: BTreeSet<UserId>) -> Result<Vec<DecisionRow>, InternalError> {
    let numbered = decision::Entity::find()
        .select_only()
        .columns([
            decision::Column::UserId,
            decision::Column::Action,
            decision::Column::DecidedBy,
            decision::Column::DecidedAt,
            decision::Column::Reason,
            decision::Column::Note,
        ])
        .expr_as(Expr::cust("row_number() OVER (PARTITION BY user_id ORDER BY id DESC)"), "number")
        .filter(decision::Column::UserId.is_in(ids))
        .filter(decision::Column::UndoneAt.is_null())
        .into_query();
    read_newest(backend, numbered).await
}

/// Reads the rows whose column `number` is at most [`MAX_EARLIER`].
async fn read_newest<T: FromQueryResult>(
    backend: &Backend,
    numbered: SelectStatement,
) -> Result<Vec<T>, InternalError> {
    let db = backend.db.pool();
    let statement = Query::select()
        .expr(Expr::col(Asterisk))
        .from_subquery(numbered, "numbered")
        .and_where(Expr::col("number").lte(MAX_EARLIER))
        .to_owned();
    let statement = db.get_database_backend().build(&statement);
    T::find_by_statement(statement).all(db).await.context("read earlier decisions")
}

impl History {
    /// Returns the ids of the administrators who decided.
    pub(super) fn administrators(&self) -> impl Iterator<Item = UserId> {
        let by_accounts = self.accounts.iter().filter_map(|account| account.status_by);
        by_accounts.chain(self.decisions.iter().map(|decision| decision.decided_by))
    }

    /// Returns the earlier decisions about the email address of `user`, the newest first.
    pub(super) fn of(&self, user: &user::Model, names: &HashMap<UserId, String>) -> Vec<EarlierDecision> {
        let accounts = self.accounts.iter().filter(|account| account.email_canonical == user.email_canonical);
        let mut earlier = Vec::new();
        // An account about which someone has decided is one of those with its email address.
        if !accounts.clone().any(|account| account.id == user.id) {
            earlier = self.decisions_about(user.id, &user.username, names);
        }
        for account in accounts {
            let decisions = self.decisions_about(account.id, &account.username, names);
            // Accounts that are older than the table of decisions have only a status.
            let status = decisions.is_empty().then(|| account.by_status(names)).flatten();
            earlier.extend(decisions.into_iter().chain(status));
        }
        if let Some((outcome, at)) = self.blocked.get(&user.email_canonical).and_then(outcome_of_block)
            && !earlier.iter().any(|decision| decision.outcome == outcome)
        {
            let (account, by, reason, note) = (None, None, None, None);
            earlier.push(EarlierDecision { outcome, at, account, by, reason, note });
        }
        earlier.sort_by_key(|decision| Reverse(decision.at));
        earlier
    }

    fn decisions_about(
        &self,
        id: UserId,
        username: &str,
        names: &HashMap<UserId, String>,
    ) -> Vec<EarlierDecision> {
        let decisions = self.decisions.iter().filter(|decision| decision.user_id == id);
        let known = decisions.filter_map(|decision| {
            Some(EarlierDecision {
                outcome: decision.action.known().and_then(Outcome::of)?,
                at: decision.decided_at,
                account: Some((id, username.to_owned())),
                by: names.get(&decision.decided_by).cloned(),
                reason: decision.reason.clone(),
                note: decision.note.clone(),
            })
        });
        known.collect()
    }
}

impl DecidedAccount {
    /// Returns the decision that the status tells.
    fn by_status(&self, names: &HashMap<UserId, String>) -> Option<EarlierDecision> {
        let outcome = match self.status {
            Status::Active => Outcome::Approved,
            Status::Rejected => Outcome::Rejected,
            Status::Deactivated => Outcome::Deactivated,
            _ => return None,
        };
        Some(EarlierDecision {
            outcome,
            at: self.status_since,
            account: Some((self.id, self.username.clone())),
            by: self.status_by.and_then(|id| names.get(&id).cloned()),
            reason: None,
            note: None,
        })
    }
}

/// Returns the outcome that led to a block, and its time.
fn outcome_of_block((reason, at): &(BlockReason, Timestamp)) -> Option<(Outcome, Timestamp)> {
    let outcome = match reason {
        BlockReason::Rejected => Outcome::Rejected,
        BlockReason::Deactivated => Outcome::Deactivated,
        BlockReason::Deleted => Outcome::Deleted,
        // Only Microsoft identities are unlinked.
        BlockReason::Unlinked => return None,
    };
    Some((outcome, *at))
}
