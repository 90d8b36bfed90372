//! The facts about the registrations of one page of the queue, each kind with one query.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::Backend;
use crate::admin::queue::assignment::ASSIGNMENT_LIFETIME;
use crate::admin::queue::history::{History, read_history};
use crate::admin::queue::{email_domain, is_waiting};
use crate::admin::users::{find_usernames, to_user_row};
use crate::entity::{question, registration, user};
use crate::error::{ErrorContext, InternalError};
use domain::queue::{AskedQuestion, Assignment, Counted, QueueRow};
use domain::status::{Status, UserId};

/// The number up to which the other registrations of a domain or a client are counted.
const MAX_OTHERS: u64 = 50;

/// The facts about the registrations of a page.
struct Facts {
    registrations: HashMap<UserId, registration::Model>,
    questions: Vec<question::Model>,
    domains: HashMap<String, u64>,
    clients: HashMap<String, u64>,
    history: History,
    names: HashMap<UserId, String>,
}

/// Adds the facts to the registrations of a page.
pub(super) async fn add_facts(
    backend: &Backend,
    current_user: UserId,
    users: Vec<user::Model>,
) -> Result<Vec<QueueRow>, InternalError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let facts = read_facts(backend, &users).await?;
    Ok(users.into_iter().map(|user| queue_row(backend, current_user, user, &facts)).collect())
}

async fn read_facts(backend: &Backend, users: &[user::Model]) -> Result<Facts, InternalError> {
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let registrations = read_registrations(backend, &ids).await?;
    let questions = read_questions(backend, &ids).await?;
    let domains = users.iter().map(|user| domain_of(user).to_owned()).collect();
    let domains = count_by_key(backend, domains, |key| {
        let others = user::Entity::find().select_only().column(user::Column::Id).filter(is_waiting());
        others.filter(email_domain(backend).eq(key)).limit(MAX_OTHERS + 2).into_query()
    })
    .await?;
    let clients = registrations.values().filter_map(|row| row.client_ip.clone()).collect();
    let clients = count_by_key(backend, clients, |key| {
        // Not a join: PostgreSQL would read all registrations of a client before it applies the limit.
        let status = Query::select()
            .column(user::Column::Status)
            .from(user::Entity)
            .and_where(user::Column::Id.into_expr().eq(registration::Column::UserId.into_expr()))
            .take();
        let status = Expr::SubQuery(None, Box::new(status.into()));
        let others = registration::Entity::find().select_only().column(registration::Column::UserId);
        let others = others.filter(registration::Column::ClientIp.into_expr().eq(key));
        others.filter(status.is_in([Status::Pending, Status::Held])).limit(MAX_OTHERS + 2).into_query()
    })
    .await?;
    let history = read_history(backend, users).await?;
    let assigned = registrations.values().filter_map(|row| row.assigned_to);
    let asked_by = questions.iter().filter_map(|row| row.asked_by);
    let decided_by = users.iter().filter_map(|user| user.status_by).chain(history.administrators());
    let people: BTreeSet<UserId> = assigned.chain(asked_by).chain(decided_by).collect();
    let names = find_usernames(backend, people).await?;
    Ok(Facts { registrations, questions, domains, clients, history, names })
}

async fn read_registrations(
    backend: &Backend,
    ids: &[UserId],
) -> Result<HashMap<UserId, registration::Model>, InternalError> {
    let rows = registration::Entity::find()
        .filter(registration::Column::UserId.is_in(ids.iter().copied()))
        .all(backend.db.pool())
        .await
        .context("read the registrations of the queue")?;
    Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
}

/// Returns the questions that were asked and not withdrawn, the oldest first.
async fn read_questions(backend: &Backend, ids: &[UserId]) -> Result<Vec<question::Model>, InternalError> {
    question::Entity::find()
        .filter(question::Column::UserId.is_in(ids.iter().copied()))
        .filter(question::Column::WithdrawnAt.is_null())
        .order_by_asc(question::Column::Id)
        .all(backend.db.pool())
        .await
        .context("read the questions of the queue")
}

/// Returns the number of rows that `select` finds for each key. `select` limits the rows of a key.
async fn count_by_key(
    backend: &Backend,
    keys: BTreeSet<String>,
    select: impl FnOnce(SimpleExpr) -> SelectStatement,
) -> Result<HashMap<String, u64>, InternalError> {
    let read = "count registrations of the same kind";
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    // The name that both databases give to the column of a list of values.
    let key = ("keys", "column1");
    let found = select(Expr::col(key));
    let found = Query::select().expr(Expr::col(Asterisk).count()).from_subquery(found, "found").take();
    let statement = Query::select()
        .expr_as(Expr::col(key), "key")
        .expr_as(Expr::SubQuery(None, Box::new(found.into())), "found")
        .from_values(keys, "keys")
        .take();
    let rows = backend.db.pool().query_all(&statement).await.context(read)?;
    rows.into_iter()
        .map(|row| {
            let (key, found): (String, i64) =
                (row.try_get("", "key").context(read)?, row.try_get("", "found").context(read)?);
            Ok((key, u64::try_from(found).unwrap_or(0)))
        })
        .collect()
}

/// Returns the domain of the canonical email address.
fn domain_of(user: &user::Model) -> &str {
    user.email_canonical.rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn queue_row(backend: &Backend, current_user: UserId, user: user::Model, facts: &Facts) -> QueueRow {
    // The registration itself is not one of the others.
    let others =
        |found: Option<&u64>| Counted::up_to(MAX_OTHERS, found.copied().unwrap_or(1).saturating_sub(1));
    let registration = facts.registrations.get(&user.id);
    let client_ip = registration.and_then(|row| row.client_ip.clone());
    let asked = facts.questions.iter().filter(|row| row.user_id == user.id);
    QueueRow {
        domain: domain_of(&user).to_owned(),
        same_domain: others(facts.domains.get(domain_of(&user))),
        same_client: others(client_ip.as_ref().and_then(|client_ip| facts.clients.get(client_ip))),
        client_ip,
        question: registration.and_then(|row| row.question.clone()),
        answer: registration.and_then(|row| row.answer.clone()),
        asked: asked.filter_map(|row| asked_question(row, facts)).collect(),
        earlier: facts.history.of(&user, &facts.names),
        assigned: registration.and_then(|row| assignment(backend, current_user, row, facts)),
        user: to_user_row(backend, current_user, user, &facts.names),
    }
}

/// Returns a question as the page shows it, or `None` if it has been erased.
fn asked_question(row: &question::Model, facts: &Facts) -> Option<AskedQuestion> {
    Some(AskedQuestion {
        question: row.question.clone()?,
        asked_by: row.asked_by.and_then(|id| facts.names.get(&id).cloned()),
        asked_at: row.asked_at,
        answer: row.answer.clone(),
        answered_at: row.answered_at,
    })
}

/// Returns the assignment of a request, or `None` if there is none or it has expired.
fn assignment(
    backend: &Backend,
    current_user: UserId,
    row: &registration::Model,
    facts: &Facts,
) -> Option<Assignment> {
    let (to, at) = (row.assigned_to?, row.assigned_at?);
    if backend.now().since(at) >= ASSIGNMENT_LIFETIME {
        return None;
    }
    Some(Assignment { to: facts.names.get(&to)?.clone(), is_you: to == current_user })
}
