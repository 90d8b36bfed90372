//! What somebody sees of their own account: sessions, history, and all of it as data.
//!
//! Guarantees: only the viewer's own rows; of others who acted on the account neither name nor address; never a hash, a
//! token or the id of a session.

use std::cmp::Reverse;

use sea_orm::sea_query::{Asterisk, Condition, Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::{Value, json};
use tower_sessions::Session;

use crate::backend::Backend;
use crate::backend::audit::Action;
use crate::backend::entity::{audit, identity, user, user_session};
use crate::backend::error::{Doing, Failure};
use crate::backend::identities::find_identity;
use crate::backend::sessions::{Kind, Presented, Viewer, is_alive, select_viewer};
use crate::backend::template::Template;
use crate::backend::user_agent;
use crate::domain::time::{Timestamp, rfc3339};
use crate::domain::view::{HistoryRow, SessionRow};

/// How much of the history the page shows; the download has all of it.
pub const HISTORY: u64 = 20;

/// How much of it the download has: years of a busy account.
const DOWNLOADED: u64 = 10_000;

/// What the viewer sees of their account, besides who they are.
#[derive(Clone, Debug)]
pub struct Account {
    /// Their sessions and history.
    pub lists: Lists,
    /// What the Microsoft account is called that is linked, if one is.
    pub microsoft: Option<String>,
}

/// The viewer's sessions and history.
#[derive(Clone, Debug)]
pub struct Lists {
    /// The sessions: this one first, then the one used last.
    pub sessions: Vec<SessionRow>,
    /// What was done to the account, the newest first.
    pub history: Vec<HistoryRow>,
}

/// A row of either list. They come in one answer, so that the database is asked once.
#[derive(Debug, FromQueryResult)]
struct Line {
    is_session: bool,
    /// A session's handle; an act's name.
    name: String,
    /// A session's agent; an actor's name.
    who: String,
    /// A session's kind.
    kind: String,
    address: String,
    shared: bool,
    at: i64,
    last_seen_at: i64,
    expires_at: i64,
    actor_id: Option<i32>,
    /// What orders the acts.
    number: i64,
}

/// The column of the identity's name.
const MICROSOFT: &str = "microsoft";

/// Who is signed in with this session, if anybody, and what they see of their account, with [`HISTORY`] acts: what
/// [`find_viewer`] finds and the page would ask for afterwards, in one SELECT.
///
/// [`find_viewer`]: crate::backend::sessions::find_viewer
pub async fn find_viewer_with_account(
    backend: &Backend,
    session: &Session,
) -> Result<Option<(Viewer, Account)>, Failure> {
    static SELECT: Template = Template::of(select_all);
    let Some(presented) = Presented::of(session).await? else { return Ok(None) };
    let db = backend.db.pool();
    let select = SELECT.fill(db.get_database_backend(), presented.handle());
    let rows = db.query_all_raw(select).await.doing("find the session and its owner's account")?;
    let Some(first) = rows.first() else { return Ok(None) };
    let Some(viewer) = presented.recognise(backend, first).await? else { return Ok(None) };
    let read = "read the account of a session's owner";
    let microsoft = first.try_get("", MICROSOFT).doing(read)?;
    let lines: Result<Vec<_>, _> = rows.iter().map(|row| Line::from_query_result_optional(row, "")).collect();
    let lists = Lists::of(backend, &viewer, lines.doing(read)?.into_iter().flatten());
    Ok(Some((viewer, Account { lists, microsoft })))
}

/// Selects what [`select_viewer`] does, the name of the owner's identity and, in a row for each, their lines.
fn select_all(handle: &str) -> SelectStatement {
    let of_this = |column| {
        let this = user_session::Entity::find_by_id(handle).select_only().column(column);
        Expr::SubQuery(None, Box::new(this.into_query().into()))
    };
    let lines =
        lines_of(&of_this(user_session::Column::UserId), of_this(user_session::Column::Epoch), HISTORY);
    let mut all = select_viewer(handle);
    all.join(
        JoinType::LeftJoin,
        identity::Entity,
        Expr::col((identity::Entity, identity::Column::UserId)).equals((user::Entity, user::Column::Id)),
    )
    .expr_as(Expr::col((identity::Entity, identity::Column::Label)), MICROSOFT)
    .column(("lines", Asterisk))
    .join_subquery(JoinType::LeftJoin, lines, "lines", Condition::all());
    all
}

/// Reads both lists, with `most` acts.
async fn read_lists(backend: &Backend, viewer: &Viewer, most: u64) -> Result<Lists, Failure> {
    let statement = lines_of(&Expr::value(viewer.user_id), Expr::value(viewer.epoch), most);
    let statement = backend.db.pool().get_database_backend().build(&statement);
    let lines =
        Line::find_by_statement(statement).all(backend.db.pool()).await.doing("read sessions and history")?;
    Ok(Lists::of(backend, viewer, lines))
}

impl Lists {
    fn of(backend: &Backend, viewer: &Viewer, lines: impl IntoIterator<Item = Line>) -> Self {
        let now = backend.now();
        let (mut sessions, mut acts): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| line.is_session);
        // This one was found alive and noted as seen, maybe after its line was read.
        for this in sessions.iter_mut().filter(|line| line.name == viewer.handle) {
            this.last_seen_at = viewer.last_seen.0;
        }
        sessions.retain(|line| {
            line.name == viewer.handle
                || is_alive(backend, line.shared, line.expires_at, line.last_seen_at, now)
        });
        sessions.sort_by(|a, b| {
            let first = |line: &Line| line.name != viewer.handle;
            first(a).cmp(&first(b)).then(b.last_seen_at.cmp(&a.last_seen_at)).then(a.name.cmp(&b.name))
        });
        acts.sort_by_key(|line| Reverse(line.number));
        Self {
            sessions: sessions.into_iter().map(|line| session_row(viewer, line)).collect(),
            history: acts.into_iter().map(|line| history_row(viewer, line)).collect(),
        }
    }
}

/// Selects the lines of a person: their sessions of this epoch, and the latest acts.
fn lines_of(person: &Expr, epoch: Expr, most: u64) -> SelectStatement {
    let acts = audit::Entity::find()
        .select_only()
        .expr_as(Expr::value(false), "is_session")
        .column_as(audit::Column::Action, "name")
        .column_as(audit::Column::ActorName, "who")
        .expr_as(Expr::value(""), "kind")
        .column_as(audit::Column::Source, "address")
        .expr_as(Expr::value(false), "shared")
        .column_as(audit::Column::At, "at")
        .expr_as(Expr::value(0_i64), "last_seen_at")
        .expr_as(Expr::value(0_i64), "expires_at")
        .column_as(audit::Column::ActorId, "actor_id")
        .column_as(audit::Column::Id, "number")
        .filter(Expr::col((audit::Entity, audit::Column::SubjectId)).eq(person.clone()))
        .order_by_desc(audit::Column::Id)
        .limit(most)
        .into_query();
    // SQLite takes an order within a union only in a SELECT of its own.
    let acts = Query::select().expr(Expr::col(Asterisk)).from_subquery(acts, "acts").to_owned();
    let mut sessions = user_session::Entity::find()
        .select_only()
        .expr_as(Expr::value(true), "is_session")
        .column_as(user_session::Column::Handle, "name")
        .column_as(user_session::Column::Agent, "who")
        .column_as(user_session::Column::Kind, "kind")
        .column_as(user_session::Column::Address, "address")
        .column_as(user_session::Column::Shared, "shared")
        .column_as(user_session::Column::CreatedAt, "at")
        .column_as(user_session::Column::LastSeenAt, "last_seen_at")
        .column_as(user_session::Column::ExpiresAt, "expires_at")
        .expr_as(Expr::value(Option::<i32>::None), "actor_id")
        .expr_as(Expr::value(0_i64), "number")
        .filter(Expr::col((user_session::Entity, user_session::Column::UserId)).eq(person.clone()))
        .filter(Expr::col((user_session::Entity, user_session::Column::Epoch)).eq(epoch))
        .into_query();
    sessions.union(UnionType::All, acts).to_owned()
}

fn session_row(viewer: &Viewer, line: Line) -> SessionRow {
    SessionRow {
        is_this: line.name == viewer.handle,
        browser: user_agent::in_words(&line.who),
        address: line.address,
        opened: Timestamp(line.at),
        last_seen: Timestamp(line.last_seen_at),
        shared: line.shared,
        restricted: Kind::parse(&line.kind) == Kind::Restricted,
        handle: line.name,
    }
}

fn history_row(viewer: &Viewer, line: Line) -> HistoryRow {
    let own = line.actor_id == Some(viewer.user_id);
    let by = match (own, line.actor_id) {
        (true, _) => String::new(),
        (false, Some(_)) => "an administrator".to_owned(),
        // Nobody was signed in: the command line, a link.
        (false, None) => line.who,
    };
    HistoryRow {
        at: Timestamp(line.at),
        is_change: !line.name.starts_with("session.sign_"),
        what: Action::parse(&line.name).map_or(line.name, |action| action.words().to_owned()),
        by,
        address: if own { line.address } else { String::new() },
    }
}

/// Everything that the portal keeps about the viewer.
pub async fn read_download(backend: &Backend, viewer: &Viewer) -> Result<Value, Failure> {
    let Lists { sessions, history } = read_lists(backend, viewer, DOWNLOADED).await?;
    let identity = find_identity(backend.db.pool(), viewer.user_id).await?;
    let sessions: Vec<Value> = sessions
        .into_iter()
        .map(|session| {
            json!({
                "browser": session.browser,
                "address": session.address,
                "opened": rfc3339(session.opened),
                "last_seen": rfc3339(session.last_seen),
                "shared_computer": session.shared,
                "this_one": session.is_this,
            })
        })
        .collect();
    let history: Vec<Value> = history
        .into_iter()
        .map(|row| json!({ "at": rfc3339(row.at), "what": row.what, "by": row.by, "address": row.address }))
        .collect();
    Ok(json!({
        "portal": backend.settings.portal_name,
        "made": rfc3339(backend.now()),
        "account": {
            "username": viewer.username,
            "email": viewer.email,
            "email_confirmed": viewer.email_confirmed_at.map(rfc3339),
            "role": viewer.role.as_str(),
            "registered": rfc3339(viewer.registered),
            "last_sign_in": rfc3339(viewer.last_sign_in),
            "has_password": viewer.has_password,
        },
        "microsoft": identity.map(|identity| json!({
            "name": identity.label,
            "tenant": identity.tid,
            "object": identity.oid,
            "linked": rfc3339(Timestamp(identity.linked_at)),
        })),
        "sessions": sessions,
        "history": history,
    }))
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    #[test]
    fn the_template_gives_what_would_be_built() {
        let template = Template::of(select_all);
        for db in [DbBackend::Postgres, DbBackend::Sqlite] {
            for handle in ["one", "another"] {
                assert_eq!(template.fill(db, handle), db.build(&select_all(handle)));
            }
        }
    }
}
