//! Coming back from Microsoft.
//!
//! Guarantees: nothing is changed unless every check passed; whoever linked or proved is the very session that was sent;
//! a first sign-in makes an account of its own and touches no other.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr};
use url::form_urlencoded::byte_serialize;

use super::identities::{find_by_pair, insert_identity, link};
use super::oauth::error_in_words;
use super::patiently;
use super::provider::Identity;
use super::trip::{Purpose, Trip, finish_trip};
use crate::backend::audit::{Action, insert_audit};
use crate::backend::canonical::canonical;
use crate::backend::counts::SignInOutcome;
use crate::backend::database::Lock;
use crate::backend::entity::{user, user_session};
use crate::backend::error::{Doing, Failure, Stop};
use crate::backend::known_address::is_known;
use crate::backend::known_browsers::{KnownBrowser, remember_at_sign_in};
use crate::backend::mail::jobs::{JobKind, insert_job};
use crate::backend::register::{Person, insert_person};
use crate::backend::sessions::{
    Browser, BrowserSession, OpenedBy, Opening, Viewer, open_session_proved_at, require_session,
};
use crate::backend::sign_in::why_not_active;
use crate::backend::{Actor, Backend, random};
use crate::domain::address::EmailAddress;
use crate::domain::problem::Problem;
use crate::domain::status::{Role, Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::username::{self, Username};

/// How far the provider's clock and ours may be apart, as for its tokens.
const LEEWAY: Duration = Duration::from_mins(1);
/// Where somebody goes on who came from nowhere in particular.
pub const HOME: &str = "/profile";
/// How many names are tried for somebody whose own is taken.
const NAMES: u32 = 20;

/// What somebody brings back.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// What we sent along.
    pub state: &'a str,
    /// What their identity is had for.
    pub code: Option<&'a str>,
    /// Why there is none, and Microsoft's description of it.
    pub error: Option<(&'a str, Option<&'a str>)>,
    /// The secret of their browser.
    pub browser_secret: Option<&'a str>,
    /// Who is signed in there.
    pub viewer: Option<&'a Viewer>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived {
    /// A session is open.
    SignedIn {
        /// The browser's new entry for its cookie; `None` on a shared computer.
        known: Option<KnownBrowser>,
        /// The page to go on to.
        next: String,
    },
    /// They have an account in which nobody signs in.
    NotActive {
        /// Whose it is, where it has no password: their browser stands for one when they confirm the address.
        user_id: Option<UserId>,
        /// The reason that the person reads.
        why: Problem,
        /// Whether the computer is shared.
        shared: bool,
    },
    /// The two accounts are linked.
    Linked,
    /// They have proved who they are.
    Proved {
        /// The page to go on to.
        next: String,
    },
}

/// Why nothing was changed, and the page they came from.
#[derive(Debug)]
pub struct TurnedAway {
    /// The page.
    pub page: String,
    /// Why.
    pub stop: Stop,
    /// Whether they had said that the computer is shared.
    pub shared: bool,
}

/// Ends a conversation with Microsoft.
pub async fn arrive(
    backend: &Backend,
    session: &BrowserSession,
    arrival: Arrival<'_>,
    browser: &Browser,
) -> Result<Arrived, TurnedAway> {
    let at_login = |stop: Stop| TurnedAway { page: "/login".to_owned(), stop, shared: false };
    let trip = finish_trip(backend, arrival.state, arrival.browser_secret).await;
    let Some(trip) = trip.map_err(|failure| at_login(failure.into()))? else {
        tracing::warn!("an answer of Microsoft belongs to no conversation of this browser");
        // Whoever is signed in doesn't see the sign-in page.
        let page = if arrival.viewer.is_some() { "/profile" } else { "/login" };
        return Err(TurnedAway {
            page: page.to_owned(),
            stop: Problem::MicrosoftStale.into(),
            shared: false,
        });
    };
    let page = match (trip.purpose, arrival.viewer) {
        // Whoever is signed in doesn't see the sign-in page.
        (Purpose::SignIn { .. }, Some(_)) => "/profile".to_owned(),
        (Purpose::SignIn { .. }, None) if trip.next == HOME => "/login".to_owned(),
        (Purpose::Link | Purpose::Prove, Some(_)) => trip.next.clone(),
        (_, None) => {
            format!("/login?next={}", byte_serialize(trip.next.as_bytes()).collect::<String>())
        }
    };
    let shared = trip.purpose == Purpose::SignIn { shared: true };
    let done = finish(backend, session, &arrival, trip, browser).await;
    done.map_err(|stop| TurnedAway { page, stop, shared })
}

async fn finish(
    backend: &Backend,
    session: &BrowserSession,
    arrival: &Arrival<'_>,
    trip: Trip,
    browser: &Browser,
) -> Result<Arrived, Stop> {
    let provider = backend.microsoft.as_ref().ok_or(Problem::MicrosoftOff)?;
    let viewer = match trip.purpose {
        Purpose::SignIn { .. } => None,
        Purpose::Link | Purpose::Prove => Some(sent(arrival, &trip).ok_or_else(|| {
            tracing::warn!("an answer of Microsoft came to another session than the one that was sent");
            Problem::MicrosoftStale
        })?),
    };
    if let Some((error, description)) = arrival.error {
        let denied = error == "access_denied";
        tracing::warn!(cause = error_in_words(error, description), "Microsoft sent somebody back");
        return Err(if denied { Problem::MicrosoftDenied } else { Problem::MicrosoftRefused }.into());
    }
    let code = arrival.code.ok_or_else(|| {
        tracing::warn!("an answer of Microsoft has neither a code nor an error");
        Problem::MicrosoftRefused
    })?;
    let identity =
        patiently(provider, provider.finish(code, &trip.nonce, &trip.verifier, backend.now())).await?;
    match (trip.purpose, viewer) {
        (Purpose::Link, Some(viewer)) => {
            link(backend, viewer, &identity, &browser.address).await?;
            Ok(Arrived::Linked)
        }
        (Purpose::Prove, Some(viewer)) => {
            prove(backend, viewer, &identity, trip.began).await?;
            Ok(Arrived::Proved { next: trip.next })
        }
        (Purpose::SignIn { shared }, _) => {
            sign_in(backend, session, &identity, trip.next, shared, browser).await
        }
        (Purpose::Link | Purpose::Prove, None) => Err(Problem::MicrosoftStale.into()),
    }
}

/// Whoever is signed in, if it is the session that was sent.
fn sent<'a>(arrival: &Arrival<'a>, trip: &Trip) -> Option<&'a Viewer> {
    arrival
        .viewer
        .filter(|viewer| trip.user_id == Some(viewer.user_id) && trip.session_handle == viewer.handle)
}

/// Signs in whose identity it is; whose it is not yet gets an account.
async fn sign_in(
    backend: &Backend,
    session: &BrowserSession,
    identity: &Identity,
    next: String,
    shared: bool,
    browser: &Browser,
) -> Result<Arrived, Stop> {
    let mut found = find_by_pair(backend.db.pool(), identity).await?;
    if found.is_none() {
        let created = create(backend, identity, browser).await;
        found = find_by_pair(backend.db.pool(), identity).await?;
        if found.is_none() {
            created?;
        }
    }
    let user = found.ok_or(Failure::Data("a new account is gone"))?;
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    if status != Status::Active {
        backend.counts.count_sign_in(SignInOutcome::NotActive);
        let user_id = user.password_hash.is_none().then_some(user.id);
        return Ok(Arrived::NotActive { user_id, why: why_not_active(&user, status, backend.now()), shared });
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch,
        shared,
        by: OpenedBy::Microsoft,
    };
    // An old session at Microsoft is no fresh proof. Without auth_time the sign-in counts as the oldest possible.
    let now = backend.now();
    let proved_at = identity.auth_time.unwrap_or_default().min(now);
    open_session_proved_at(backend, session, &opening, browser, proved_at).await?;
    let known = if shared {
        None
    } else {
        remember_at_sign_in(backend, user.id, user.auth_epoch, &browser.known).await
    };
    backend.counts.count_sign_in(SignInOutcome::Entered);
    Ok(Arrived::SignedIn { known, next })
}

/// Makes the account of somebody who comes for the first time. In another tab they may have been faster: then this one fails,
/// and that is the account.
async fn create(backend: &Backend, identity: &Identity, browser: &Browser) -> Result<(), Stop> {
    let address = identity.address.as_deref().and_then(|address| EmailAddress::parse(address).ok());
    let email = address.ok_or(Problem::MicrosoftNoAddress)?;
    let email_canonical = canonical(&email).ok_or(Problem::MicrosoftNoAddress)?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    let known = is_known(&*txn, &email_canonical).await?;
    if known && identity.home {
        return Err(Problem::MicrosoftKnown.into());
    }
    let shut_out = backend.shut_outs.contains(&*txn, &email_canonical).await?
        || backend.shut_outs.contains_identity(&*txn, &identity.tid, &identity.oid).await?;
    let waits = shut_out || identity.guest || !backend.settings.microsoft_lets_in();
    let status = match (known, waits) {
        // As at registration: whose address it may be is not told to somebody who has only said so.
        (true, true) => Status::Shadow,
        (false, true) => Status::Pending,
        // Whoever else has confirmed the address keeps it; here it stays unconfirmed.
        (_, false) => Status::Active,
    };
    let username = free_name(&*txn, identity.username_hint.as_deref().unwrap_or_default()).await?;
    let confirmed_at = identity.home.then_some(now);
    let person =
        Person { username: &username, email: &email, email_canonical: &email_canonical, password_hash: None };
    let inserted = match insert_person(&*txn, &person, status, Role::Member, confirmed_at, now).await {
        Ok(id) => insert_identity(&*txn, id, identity, now).await.map(|()| id),
        Err(error) => Err(error),
    };
    let id = match inserted {
        Ok(id) => id,
        Err(error) => return Err(faster(error)),
    };
    let actor = Actor { id: Some(id), name: username.as_str().to_owned(), source: browser.address.clone() };
    insert_audit(&*txn, Action::RegisterMicrosoft, &actor, Some((id, username.as_str())), now).await?;
    insert_job(&*txn, JobKind::Registered, id, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

/// A name, an address or the identity was taken between the look and the write.
fn faster(error: DbErr) -> Stop {
    match error.sql_err() {
        // PostgreSQL names the index, SQLite the columns.
        Some(SqlErr::UniqueConstraintViolation(text)) if text.contains("username_key") => {
            Problem::MicrosoftRefused.into()
        }
        Some(SqlErr::UniqueConstraintViolation(_)) => Problem::MicrosoftKnown.into(),
        _ => Failure::Database { doing: "write the account", source: error }.into(),
    }
}

/// A valid name that nobody has, as near to what they are called as there is.
async fn free_name(db: &impl ConnectionTrait, hint: &str) -> Result<Username, Failure> {
    let base = name_from(hint);
    let numbered = (2..NAMES).map(|number| format!("{}-{number}", shortened(&base, 4)));
    let random = format!("user-{}", random::handle().chars().take(12).collect::<String>());
    for candidate in std::iter::once(base.clone()).chain(numbered).chain([random]) {
        let Ok(name) = Username::parse(&candidate) else { continue };
        let taken = user::Entity::find()
            .filter(user::Column::UsernameKey.eq(name.key()))
            .one(db)
            .await
            .doing("look for a free name")?;
        if taken.is_none() {
            return Ok(name);
        }
    }
    Err(Failure::Data("no name is free"))
}

/// What is left of `ada.lovelace@example.com` or "Ada Lovelace" of the letters, digits and single marks of a name.
fn name_from(hint: &str) -> String {
    let local = hint.split('@').next().unwrap_or_default();
    let mut name = String::new();
    for c in local.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with(['.', '-', '_']) {
            name.push(if matches!(c, '-' | '_') { c } else { '.' });
        }
    }
    shortened(&name, 0)
}

/// Without the marks at its end, and with room for so many more.
fn shortened(name: &str, room: usize) -> String {
    let most = username::MAX_LENGTH.saturating_sub(room);
    name.chars().take(most).collect::<String>().trim_end_matches(['.', '-', '_']).to_owned()
}

/// Takes a sign-in at Microsoft of just now for a proof of who one is.
async fn prove(
    backend: &Backend,
    viewer: &Viewer,
    identity: &Identity,
    began: Timestamp,
) -> Result<(), Stop> {
    let owner = find_by_pair(backend.db.pool(), identity).await?;
    if owner.is_none_or(|owner| owner.id != viewer.user_id) {
        return Err(Problem::MicrosoftOther.into());
    }
    if identity.auth_time.is_none_or(|at| at < began.before(LEEWAY)) {
        tracing::warn!(
            "Microsoft's token does not say that somebody signed in anew: its claim auth_time is missing or old"
        );
        return Err(Problem::MicrosoftNoProof.into());
    }
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    user_session::Entity::update_many()
        .col_expr(user_session::Column::ProvedAt, Expr::value(backend.now().0))
        .filter(user_session::Column::Handle.eq(viewer.handle.as_str()))
        .exec(&*txn)
        .await
        .doing("note a proof")?;
    txn.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{name_from, shortened};

    #[test]
    fn names_are_made_of_what_somebody_is_called() {
        for (hint, name) in [
            ("ada.lovelace@example.com", "ada.lovelace"),
            ("Ada Lovelace", "Ada.Lovelace"),
            ("..ada__l--@x", "ada_l"),
            ("\u{e9}mile", "mile"),
            ("", ""),
        ] {
            assert_eq!(name_from(hint), name, "{hint}");
        }
        assert_eq!(name_from(&"a".repeat(80)).len(), 32);
        assert_eq!(shortened("abcdefghijklmnopqrstuvwxyz0.1234", 4), "abcdefghijklmnopqrstuvwxyz0");
    }
}
