//! The approval queue: pending registrations and those on hold, with the facts for a decision.
//!
//! # Guarantees
//!
//! - Shadow accounts are never listed, counted or found.
//! - A page has at most [`PAGE_SIZE`] rows, and its cost does not depend on its position (keyset pagination).
//! - The cost of a page hardly depends on the length of the queue: one query for each kind of fact, and every count has a limit.

pub mod assignment;
mod facts;
mod history;

use std::net::IpAddr;

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait, Select,
};

use crate::Backend;
use crate::admin::queue::facts::add_facts;
use crate::admin::user_count::count_up_to;
use crate::admin::users::PAGE_SIZE;
use crate::auth::rate_limit::network_key;
use crate::entity::{registration, user};
use crate::error::{ErrorContext, InternalError};
use domain::decision::QueueFilter;
use domain::queue::{Counted, QueueRow, QueueView};
use domain::status::{Status, UserId};

/// The number up to which all pending registrations are counted.
const MAX_TOTAL: u64 = 1_000;
/// The number up to which the registrations that match a filter are counted. The page offers to decide all of them.
const MAX_MATCHING: u64 = 10_000;
/// The longest domain name in characters (RFC 1035, 2.3.4).
const MAX_DOMAIN_LENGTH: usize = 253;

/// Returns the filter that a person has typed: an IP address, or an email domain with or without the part before it. Returns
/// `None` for an empty text. A domain that IDNA rejects matches nothing.
pub fn parse_filter(typed: &str) -> Option<QueueFilter> {
    let typed = typed.trim();
    if let Ok(client_ip) = typed.parse::<IpAddr>() {
        return Some(QueueFilter::ClientIp(network_key(client_ip)));
    }
    let domain = typed.rsplit('@').next().unwrap_or(typed);
    let domain: String = domain.chars().filter(|c| !c.is_control()).take(MAX_DOMAIN_LENGTH).collect();
    let domain = idna::domain_to_ascii(&domain).unwrap_or(domain).to_ascii_lowercase();
    (!domain.is_empty()).then_some(QueueFilter::Domain(domain))
}

/// Returns a page of the queue as `current_user` sees it. `after` is the cursor of the previous page: the time of registration in
/// microseconds and the user id, for example `1800000000000000-7`.
pub async fn read_queue(
    backend: &Backend,
    current_user: UserId,
    filter: Option<&QueueFilter>,
    after: Option<&str>,
) -> Result<QueueView, InternalError> {
    let (total, highest_id) = count(backend, filter).await?;
    let mut query = select_waiting(backend, filter);
    if let Some((created_at, id)) = after.and_then(parse_cursor) {
        let position = Expr::tuple(order_columns(filter));
        query = query.filter(position.gt(Expr::tuple([Expr::val(created_at), Expr::val(id)])));
    }
    for column in order_columns(filter) {
        query = query.order_by_asc(column);
    }
    let mut users = query.limit(PAGE_SIZE + 1).all(backend.db.pool()).await.context("read the queue")?;
    let page_size = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let has_more = users.len() > page_size;
    users.truncate(page_size);
    let next = users.last().filter(|_| has_more).map(|row| format!("{}-{}", row.created_at.0, row.id));
    Ok(QueueView { rows: add_facts(backend, current_user, users).await?, next, total, highest_id })
}

/// Returns one account with the facts about its registration and the decisions about it, whatever its status.
pub async fn find_facts(
    backend: &Backend,
    current_user: UserId,
    id: UserId,
) -> Result<Option<QueueRow>, InternalError> {
    let query = user::Entity::find_by_id(id).filter(user::Column::Status.ne(Status::Shadow));
    let user = query.one(backend.db.pool()).await.context("find the account of a registration")?;
    Ok(add_facts(backend, current_user, user.into_iter().collect()).await?.pop())
}

/// Returns the number of registrations that match the filter, counted up to a limit, and the highest of the counted ids.
async fn count(
    backend: &Backend,
    filter: Option<&QueueFilter>,
) -> Result<(Counted, Option<UserId>), InternalError> {
    let max = if filter.is_none() { MAX_TOTAL } else { MAX_MATCHING };
    count_up_to(max, backend, select_waiting(backend, filter)).await
}

/// Returns the number of pending registrations, counted up to [`MAX_TOTAL`].
pub async fn count_pending(backend: &Backend) -> Result<Counted, InternalError> {
    Ok(count(backend, None).await?.0)
}

/// Selects the pending registrations, and those on hold, that match the filter.
pub fn select_waiting(backend: &Backend, filter: Option<&QueueFilter>) -> Select<user::Entity> {
    let query = user::Entity::find().filter(is_waiting());
    match filter {
        None => query,
        Some(QueueFilter::Domain(domain)) => query.filter(email_domain(backend).eq(domain.as_str())),
        Some(QueueFilter::ClientIp(client_ip)) => query
            .join_rev(JoinType::InnerJoin, registration::Relation::User.def())
            .filter(registration::Column::ClientIp.eq(client_ip.as_str())),
    }
}

/// The condition of the partial indexes `users_queue` and `users_queue_domain`, word for word: with bound values, no database
/// would use them.
fn is_waiting() -> SimpleExpr {
    Expr::cust(r#""users"."status" IN ('pending', 'held')"#)
}

/// The expression of the index `users_queue_domain`, word for word: the domain of the email address.
fn email_domain(backend: &Backend) -> SimpleExpr {
    Expr::cust(if backend.db.is_postgres() {
        r#"split_part("users"."email_canonical", '@', 2)"#
    } else {
        r#"substr("users"."email_canonical", instr("users"."email_canonical", '@') + 1)"#
    })
}

/// Returns the columns that order the queue. The registrations of a client are ordered by the index of their table, which has the
/// same times.
fn order_columns(filter: Option<&QueueFilter>) -> [SimpleExpr; 2] {
    if matches!(filter, Some(QueueFilter::ClientIp(_))) {
        [registration::Column::CreatedAt, registration::Column::UserId].map(ColumnTrait::into_expr)
    } else {
        [user::Column::CreatedAt, user::Column::Id].map(ColumnTrait::into_expr)
    }
}

fn parse_cursor(text: &str) -> Option<(i64, i32)> {
    let (created_at, id) = text.split_once('-')?;
    Some((created_at.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_ip_address_or_a_domain() {
        for (typed, domain) in [
            ("Example.ORG", "example.org"),
            (" ada@b\u{fc}cher.example ", "xn--bcher-kva.example"),
            ("@example.org", "example.org"),
        ] {
            assert_eq!(parse_filter(typed), Some(QueueFilter::Domain(domain.to_owned())), "{typed}");
        }
        for (typed, client_ip) in [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::")] {
            assert_eq!(parse_filter(typed), Some(QueueFilter::ClientIp(client_ip.to_owned())), "{typed}");
        }
        assert_eq!(parse_filter(" "), None);
    }
}
