//! What server functions share with HTTP: who is calling, and how they are answered.
//!
//! Guarantees: scripts get an `Outcome`, plain forms a redirect, with the same words; a refusal keeps what was typed
//! (never a password) in a sealed cookie and nowhere else; a fault is logged once, with its cause, and people see a
//! reference.

mod sealed;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use url::form_urlencoded::byte_serialize;

pub use sealed::{CookieJar, Flash, KnownPeople, SESSION, Theme, Typed};

use crate::backend::error::{Failure, Stop};
use crate::backend::known_browsers::KnownBrowser;
use crate::backend::links::Proof;
use crate::backend::microsoft::Destination;
use crate::backend::queries::profile::Account;
use crate::backend::sessions::{Browser, BrowserSession, Viewer};
use crate::backend::{Backend, random};
use crate::domain::answer::{Fault, Notice, Outcome, reference};
use crate::domain::next::NextPage;
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::UserId;
use crate::domain::view::PersonRow;

/// Seconds after which to try again what something we depend on has kept from being done.
const RETRY_AFTER_OUTAGE: u64 = 5;

/// Who is calling, as the middleware found out. One per request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who is signed in.
    pub viewer: Option<Arc<Viewer>>,
    /// Who has to choose a new password, and can do nothing else: to everything else they are a stranger.
    pub restricted: Option<Arc<Viewer>>,
    /// What the viewer sees of their account, on the page that shows it.
    pub account: Option<Arc<Account>>,
    /// Whose session this browser came with that is over.
    pub ended: Option<UserId>,
    /// This browser's session; empty for strangers.
    pub session: BrowserSession,
    /// Where they come from, past trusted proxies.
    pub source: IpAddr,
    /// Whether somebody has sent a forwarding header that does not count: then all who come that way are one source.
    pub proxy_ignored: bool,
    /// The User-Agent.
    pub agent: String,
    /// Who registered in this browser.
    pub registered_here: Option<UserId>,
    /// Who has just given the right password here, without being let in.
    pub proved: Option<UserId>,
    /// Whom this browser has signed in before.
    pub known_here: KnownPeople,
    /// What the last page has left to be shown on this one.
    pub flash: Option<Arc<Flash>>,
    /// What was typed on this page before its session ended.
    pub typed: Option<Arc<Typed>>,
    /// What binds this browser's conversations with Microsoft to it.
    pub trip: Option<String>,
    /// The theme this browser asks for.
    pub theme: Theme,
}

impl Caller {
    /// Whether nothing is known of them but where they come from and the theme they like: a page shows any two of them the same.
    pub fn is_unknown(&self) -> bool {
        let Self { viewer, restricted, ended, registered_here, proved, known_here, flash, typed, .. } = self;
        viewer.is_none()
            && restricted.is_none()
            && ended.is_none()
            && registered_here.is_none()
            && proved.is_none()
            && known_here.is_empty()
            && flash.is_none()
            && typed.is_none()
    }

    /// The browser, as a session remembers it.
    pub fn browser(&self) -> Browser {
        Browser {
            agent: self.agent.clone(),
            address: self.source.to_string(),
            known: self.known_here.browsers(),
        }
    }

    /// How the caller proves that a link is theirs.
    pub fn proof<'a>(&'a self, password: &'a Password) -> Proof<'a> {
        Proof {
            registered_here: self.registered_here,
            viewer: self.viewer.as_deref(),
            password,
            source: self.source,
        }
    }
}

/// The sign-in page that leads on to `next`.
pub fn login_page(next: Option<&NextPage>) -> String {
    next.map_or_else(|| "/login".to_owned(), |next| format!("/login?next={}", escape(next.as_str())))
}

/// The page of a token under `base`. Whatever is no token stays harmless.
pub fn token_page(base: &str, token: &str) -> String {
    let token: String =
        token.chars().take(64).filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    format!("{base}/{token}")
}

/// Text for the query of an address.
pub fn escape(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// How a server function answers.
#[derive(Debug)]
pub enum Reply {
    /// On to another page.
    Next {
        /// Where.
        to: String,
        /// What to say there.
        notice: Option<Notice>,
        /// What to refuse there.
        refusal: Option<Refusal>,
    },
    /// Done, and the page stays.
    Stay {
        /// What to say.
        notice: Notice,
        /// The person it was about.
        person: Option<Box<PersonRow>>,
    },
    /// Not done, and the page stays.
    Refused(Refusal),
    /// Not done; scripts show the person as they are now.
    Stale(Refusal, Box<PersonRow>),
}

impl Reply {
    /// On to `to`, saying `notice` there.
    pub fn next(to: &str, notice: Notice) -> Self {
        Self::Next { to: to.to_owned(), notice: Some(notice), refusal: None }
    }

    /// On to `to`.
    pub fn to(to: &str) -> Self {
        Self::Next { to: to.to_owned(), notice: None, refusal: None }
    }

    /// On to `to`, with bad news there.
    pub fn refused_at(to: &str, problem: Problem) -> Self {
        Self::Next { to: to.to_owned(), notice: None, refusal: Some(Refusal::of(problem)) }
    }

    /// Done; the page stays.
    pub fn stay(notice: Notice, person: Option<PersonRow>) -> Self {
        Self::Stay { notice, person: person.map(Box::new) }
    }
}

/// One call of a server function.
#[derive(Debug)]
pub struct Call {
    /// The portal.
    pub backend: Backend,
    /// Who is calling.
    pub caller: Caller,
    page: String,
    plain: bool,
    kept: Vec<(Field, String)>,
    about: OnceLock<String>,
    cookies: CookieJar,
    response: ResponseOptions,
}

impl Call {
    /// Begins a call whose form stands on `page` (with its query): where a plain form comes back to.
    pub fn begin(page: &str) -> Result<Self, Fault> {
        let missing = || {
            let bits = random::reference();
            tracing::error!(reference = reference(bits), "a server function ran without its request");
            Fault::Internal(bits)
        };
        let backend = use_context::<Backend>().ok_or_else(missing)?;
        let parts = use_context::<Parts>().ok_or_else(missing)?;
        let response = use_context::<ResponseOptions>().ok_or_else(missing)?;
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(missing)?;
        let plain = accepts_html(&parts);
        let cookies = CookieJar::new(&backend);
        Ok(Self {
            backend,
            caller,
            page: page.to_owned(),
            plain,
            kept: Vec::new(),
            about: OnceLock::new(),
            cookies,
            response,
        })
    }

    /// Keeps what was typed, for the case that the form comes back.
    #[must_use]
    pub fn keep(mut self, field: Field, typed: &str) -> Self {
        if let Some(most) = field.kept() {
            self.kept.push((field, typed.chars().take(most).collect()));
        }
        self
    }

    /// The administrator who is calling, or the way to become one.
    pub fn require_admin(&self) -> Result<Arc<Viewer>, Reply> {
        match &self.caller.viewer {
            Some(viewer) if viewer.is_admin() => Ok(Arc::clone(viewer)),
            Some(_) => Err(Reply::Refused(Refusal::of(Problem::Forbidden))),
            None => Err(self.ask_to_sign_in()),
        }
    }

    /// Whoever is signed in, or the way to become somebody.
    pub fn require_viewer(&self) -> Result<Arc<Viewer>, Reply> {
        self.caller.viewer.clone().ok_or_else(|| self.ask_to_sign_in())
    }

    /// The same, and whoever has to choose a new password.
    pub fn require_anybody(&self) -> Result<Arc<Viewer>, Reply> {
        let anybody = self.caller.viewer.clone().or_else(|| self.caller.restricted.clone());
        anybody.ok_or_else(|| self.ask_to_sign_in())
    }

    fn ask_to_sign_in(&self) -> Reply {
        if let Some(user_id) = self.caller.ended.filter(|_| !self.kept.is_empty()) {
            let path = self.page.split('?').next().unwrap_or(&self.page).to_owned();
            let typed = Typed { path, kept: self.kept.clone(), user_id, at: self.backend.now() };
            self.set_cookie(self.cookies.typed(&typed));
        }
        let next = NextPage::parse(&self.page);
        Reply::next(&login_page(next.as_ref()), Notice::SessionEnded)
    }

    /// Remembers that this browser has signed `person` in.
    pub fn remember_known(&self, known: Option<KnownBrowser>) {
        if let Some(known) = known {
            self.set_cookie(self.cookies.known(&self.caller.known_here, known, self.backend.now()));
        }
    }

    /// Remembers that this browser registered `user_id`, so that confirming needs no password here.
    pub fn remember_registration(&self, user_id: UserId) {
        self.set_cookie(self.cookies.registration(user_id, self.backend.now()));
    }

    /// Remembers that the right password of `user_id` was given here.
    pub fn remember_proof(&self, user_id: UserId) {
        self.set_cookie(self.cookies.proof(user_id, self.backend.now()));
    }

    /// Says whom the answer is about, where there is a page between.
    pub fn about(&self, person: Option<PersonRow>) {
        if let Some(person) = person {
            let _ = self.about.set(person.username);
        }
    }

    /// Sends this browser to Microsoft.
    pub fn send_to(&self, destination: &Destination) -> Reply {
        self.set_cookie(self.cookies.trip(&destination.browser, self.backend.now()));
        Reply::to(destination.address.as_str())
    }

    /// Remembers the theme.
    pub fn remember_theme(&self, theme: Theme) {
        self.set_cookie(self.cookies.theme(theme));
    }

    fn set_cookie(&self, cookie: Option<HeaderValue>) {
        if let Some(cookie) = cookie {
            self.response.append_header(SET_COOKIE, cookie);
        }
    }

    /// Answers.
    pub fn answer(&self, done: Result<Reply, Stop>) -> Result<Outcome, Fault> {
        if let Some(session) = self.caller.session.opened() {
            self.set_cookie(self.cookies.session(session, self.backend.now()));
        }
        match done {
            Ok(reply) => self.reply(reply),
            Err(Stop::Refused(refusal)) => self.reply(Reply::Refused(refusal)),
            Err(Stop::Failed(failure)) => self.fail(&failure),
        }
    }

    fn reply(&self, reply: Reply) -> Result<Outcome, Fault> {
        match reply {
            Reply::Next { to, notice, refusal } => {
                let stays = refusal.is_some() || notice == Some(Notice::ResetAsked);
                let kept = if stays { self.kept.clone() } else { Vec::new() };
                if notice.is_some() || refusal.is_some() {
                    self.leave(&to, notice, refusal, kept);
                }
                self.redirect(&to);
                Ok(Outcome::Goto(to))
            }
            Reply::Stay { notice, .. } if self.plain => {
                self.leave(&self.page, Some(notice), None, Vec::new());
                self.redirect(&self.page);
                Err(Fault::Told)
            }
            Reply::Stay { notice, person } => Ok(Outcome::Done { notice, person }),
            Reply::Refused(Refusal { form: Some(Problem::Busy(seconds)), .. }) => Ok(self.busy(seconds)),
            Reply::Stale(refusal, person) if !self.plain => Ok(Outcome::Stale(refusal, person)),
            Reply::Refused(refusal) | Reply::Stale(refusal, _) if self.plain => {
                self.leave(&self.page, None, Some(refusal), self.kept.clone());
                self.redirect(&self.page);
                Err(Fault::Told)
            }
            Reply::Refused(refusal) | Reply::Stale(refusal, _) => Ok(Outcome::Refused(refusal)),
        }
    }

    /// 503 with Retry-After. Without scripts the page of that status: its content type says that it has none yet.
    fn busy(&self, seconds: u64) -> Outcome {
        self.response.set_status(StatusCode::SERVICE_UNAVAILABLE);
        self.response.insert_header(RETRY_AFTER, HeaderValue::from(seconds));
        if self.plain {
            // What was typed waits on its page.
            let refusal = Refusal::of(Problem::Busy(seconds));
            self.leave(&self.page, None, Some(refusal), self.kept.clone());
            self.response.insert_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        Outcome::Refused(Refusal::of(Problem::Busy(seconds)))
    }

    /// Logs the cause once; people get the reference.
    fn fail(&self, failure: &Failure) -> Result<Outcome, Fault> {
        let bits = random::reference();
        tracing::error!(reference = reference(bits), cause = %failure, "an action failed");
        if failure.is_outage() {
            return Ok(self.busy(RETRY_AFTER_OUTAGE));
        }
        if !self.plain {
            return Err(Fault::Internal(bits));
        }
        self.leave(&self.page, None, Some(Refusal::of(Problem::Internal(bits))), self.kept.clone());
        self.redirect(&self.page);
        Err(Fault::Told)
    }

    /// Leaves something to be shown on the page `to`, once.
    fn leave(&self, to: &str, notice: Option<Notice>, refusal: Option<Refusal>, kept: Vec<(Field, String)>) {
        let path = to.split('?').next().unwrap_or(to).to_owned();
        self.set_cookie(self.cookies.flash(&Flash {
            path,
            notice,
            refusal,
            kept,
            about: self.about.get().cloned(),
            at: self.backend.now(),
        }));
    }

    /// The one place that redirects. Scripts go by the `Outcome` instead.
    fn redirect(&self, to: &str) {
        if self.plain && HeaderValue::from_str(to).is_ok() {
            leptos_axum::redirect(to);
        }
    }
}

/// Whether the answer is for a browser's own form.
fn accepts_html(parts: &Parts) -> bool {
    parts
        .headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
