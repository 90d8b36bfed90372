//! `/admin`: the desk. Who waits, and everybody.

use leptos::prelude::*;

use super::error_page::{Broken, broken};
use super::frame::{House, Part, Refused};
use super::request::{PageRequest, query};
use crate::api::http::escape;
use crate::backend::queries::desk::{DeskPlace, read_desk};
use crate::components::notice::Warning;
use crate::domain::time::{rfc3339, utc_text};
use crate::domain::view::DeskView;
use crate::islands::desk::DeskLists;

/// The page.
#[component]
pub fn AdminPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let Some(viewer) = request.administrator().map(|viewer| viewer.user_id) else {
        return Some(view! { <Broken status=403 fault=None /> }.into_any());
    };
    let place = DeskPlace { waiting_after: name_in("waiting"), people_after: name_in("after") };
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match read_desk(&request.backend, viewer, &place).await {
                        Ok(desk) => view! { <Desk request=request desk=desk place=place /> }.into_any(),
                        Err(failure) => broken(&failure),
                    }
                })}
            </Suspense>
        }
        .into_any(),
    )
}

#[component]
fn Desk(request: PageRequest, desk: DeskView, place: DeskPlace) -> impl IntoView {
    let next_waiting = address(desk.waiting.next.as_ref(), place.people_after.as_ref());
    let next_people = address(place.waiting_after.as_ref(), desk.people.next.as_ref());
    let next_waiting =
        if desk.waiting.next.is_some() { format!("{next_waiting}#waiting") } else { String::new() };
    let next_people =
        if desk.people.next.is_some() { format!("{next_people}#people") } else { String::new() };
    let page = address(place.waiting_after.as_ref(), place.people_after.as_ref());
    let hidden = request.caller.proxy_ignored.then_some(
        "X-Forwarded-For came from an address that is not in TRUSTED_PROXIES, so it does not count. If the portal stands behind \
         a proxy, everybody shares its address, and with it the limits: set TRUSTED_PROXIES and start the portal again.",
    );
    let microsoft = request.settings().microsoft.as_ref();
    let secret = microsoft.and_then(|microsoft| microsoft.secret_warning(request.backend.now()));
    view! {
        <House request=request.clone() title="Desk".to_owned() lead="Who is waiting, and everybody else.".to_owned() part=Part::Desk narrow=false>
            <div class="stack">
                <div class="row row-apart">
                    <DeskTabs present="desk" given_up=desk.given_up />
                    <p class="corner" data-state="made">
                        "Made at " <time datetime=rfc3339(desk.made_at)>{utc_text(desk.made_at)}</time>
                    </p>
                </div>
                <Refused request=request />
                {hidden.map(|words| view! { <Warning words=words.to_owned() /> })}
                {secret.map(|words| view! { <Warning words=words /> })}
                <DeskLists
                    waiting=desk.waiting
                    people=desk.people
                    page=page
                    next_waiting=next_waiting
                    next_people=next_people
                />
            </div>
        </House>
    }
}

/// More characters than any name has, adopted ones included.
const NAME: usize = 128;

/// A name in the address, after which a list goes on. Each row repeats it, so that it is cut.
fn name_in(parameter: &str) -> Option<String> {
    query(parameter).map(|name| name.chars().take(NAME).collect())
}

/// The desk's address at two places in its lists.
fn address(waiting: Option<&String>, after: Option<&String>) -> String {
    let waiting = waiting.map(|at| format!("waiting={}", escape(at)));
    let after = after.map(|at| format!("after={}", escape(at)));
    let query: Vec<String> = waiting.into_iter().chain(after).collect();
    if query.is_empty() { "/admin".to_owned() } else { format!("/admin?{}", query.join("&")) }
}

/// The desk's parts, as links with counts.
#[component]
pub fn DeskTabs(
    /// Which is open: `desk` or `mail`.
    present: &'static str,
    /// How many mails were given up.
    given_up: u64,
) -> impl IntoView {
    let page = move |mine: &str| (present == mine).then_some("page");
    let class = if given_up > 0 { "count count-due" } else { "count" };
    view! {
        <nav class="tabs" aria-label="Desk">
            <a class="tab" href="/admin" aria-current=page("desk")>"People"</a>
            <a class="tab" href="/admin/mail" aria-current=page("mail")>
                "Mail " <span class=class>{given_up}<span class="sr-only">" given up"</span></span>
            </a>
        </nav>
    }
}
