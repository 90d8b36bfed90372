//! `/admin/users/{id}`: one person. `/admin/{decision}/{id}`: asks before a decision; mail points here.

use axum::http::StatusCode;
use leptos::prelude::*;

use super::error_page::{Broken, broken};
use super::frame::{House, Part, Refused};
use super::request::{PageRequest, param, set_status};
use crate::backend::queries::desk::find_person;
use crate::components::address::MailAddress;
use crate::components::badge::{AddressBadge, RoleBadge, StatusBadge};
use crate::components::notice::Warning;
use crate::domain::status::{Decision, PublicStatus, Role, UserId};
use crate::domain::time::utc_text;
use crate::domain::view::PersonRow;
use crate::islands::form::FormIsland;
use crate::islands::times::{LiveTimes, Time};

/// One person.
#[component]
pub fn PersonPage() -> impl IntoView {
    with_person(|request, person| {
        let id = person.id;
        let offers = person.offers.clone();
        view! {
            <House request=request.clone() title=person.username.clone() lead=String::new() part=Part::Desk narrow=true>
                <div class="stack">
                    <Refused request=request />
                    <PersonCard person=person.clone() />
                    <Offers title="What can be done" id=id confirmed=person.confirmed offers=offers />
                </div>
            </House>
        }
        .into_any()
    })
}

/// A decision, before it is taken.
#[component]
pub fn DecisionPage() -> impl IntoView {
    let decision = Decision::from_slug(&param("decision"));
    with_person(move |request, person| match decision {
        Some(decision) => view! { <Ask request=request person=person decision=decision /> }.into_any(),
        None => view! { <Broken status=404 fault=None /> }.into_any(),
    })
}

/// Reads the person that the address names, then shows the page.
fn with_person(page: impl FnOnce(PageRequest, PersonRow) -> AnyView + Send + 'static) -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.administrator().map(|viewer| viewer.user_id);
    let id = param("id").parse::<UserId>().ok();
    let suspended = Suspend::new(async move {
        let (viewer, id) = match (viewer, id) {
            (Some(viewer), Some(id)) => (viewer, id),
            (None, _) => return view! { <Broken status=403 fault=None /> }.into_any(),
            (_, None) => return view! { <Nobody request=request /> }.into_any(),
        };
        match find_person(&request.backend, viewer, id).await {
            Ok(Some(person)) => page(request, person),
            Ok(None) => view! { <Nobody request=request /> }.into_any(),
            Err(failure) => broken(&failure),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

/// The address names nobody.
#[component]
fn Nobody(request: PageRequest) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let lead = "Their account may have been deleted since, or the address is mistyped.".to_owned();
    view! {
        <House request=request title="There is no such person".to_owned() lead=lead part=Part::Desk narrow=true>
            <div class="row"><a class="btn btn-primary" href="/admin">"Open the desk"</a></div>
        </House>
    }
}

#[component]
fn Ask(request: PageRequest, person: PersonRow, decision: Decision) -> impl IntoView {
    let name = person.username.clone();
    // Approving a deactivated person reactivates them: in the original it was the only way back.
    let decision = if decision == Decision::Approve && person.status == PublicStatus::Deactivated {
        Decision::Reactivate
    } else {
        decision
    };
    let possible = person.offers.contains(&decision);
    let (id, confirmed) = (person.id, person.confirmed);
    let label = decision.label(person.confirmed);
    let title = if possible { decision.question(&name) } else { name };
    let lead = if possible { decision.consequence(&person) } else { String::new() };
    let others: Vec<Decision> = person.offers.iter().copied().filter(|other| *other != decision).collect();
    let class = if decision.takes() { "btn btn-error" } else { "btn btn-primary" };
    view! {
        <House request=request.clone() title=title lead=lead part=Part::Desk narrow=true>
            <div class="stack">
                {if possible {
                    view! {
                        <PersonCard person=person.clone() />
                        <FormIsland action="/do/decide".to_owned() refusal=request.refusal()>
                            <input type="hidden" name="id" value=person.id />
                            <input type="hidden" name="decision" value=decision.slug() />
                            <input type="hidden" name="from" value=request.address.clone() />
                            <div class="row">
                                <button class=class>{label}</button>
                                <a class="btn" href="/admin">"Cancel"</a>
                            </div>
                        </FormIsland>
                    }
                    .into_any()
                } else {
                    view! {
                        <Refused request=request />
                        <Warning words=why_not(&person, decision) />
                        <PersonCard person=person.clone() />
                    }
                    .into_any()
                }}
                <Offers title="What else can be done" id=id confirmed=confirmed offers=others />
            </div>
        </House>
    }
}

/// Why a decision is not possible here and now.
fn why_not(person: &PersonRow, decision: Decision) -> String {
    let since = utc_text(person.status_since);
    let by = person.decided_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    match (decision, person.status) {
        (Decision::Deactivate | Decision::RemoveAdmin, _) if person.is_you => {
            "You can't do that to your own account. Ask another administrator.".to_owned()
        }
        (Decision::Approve, PublicStatus::Active) => format!("This account was approved{by} on {since}."),
        (Decision::Approve | Decision::MakeAdmin, _)
            if !person.confirmed && person.status != PublicStatus::Rejected =>
        {
            "The address has to be confirmed first.".to_owned()
        }
        (Decision::RemoveAdmin, _) if person.role == Role::Member => {
            "This account is not an administrator.".to_owned()
        }
        (Decision::MakeAdmin, PublicStatus::Active) => "This account is an administrator already.".to_owned(),
        (_, status) => format!("This account has been {} since {since}{by}.", status.words().to_lowercase()),
    }
}

#[component]
fn PersonCard(person: PersonRow) -> impl IntoView {
    let by = person.decided_by.clone();
    view! {
        <section class="card" aria-label=format!("About {}", person.username)>
            <div class="card-head">
                <h2 class="section-title">"Account"</h2>
                <span class="badges"><StatusBadge status=person.status /><RoleBadge role=person.role /></span>
            </div>
            <dl class="facts">
                <div>
                    <dt>"Email address"</dt>
                    <dd><MailAddress address=person.email.clone() /> " " <AddressBadge confirmed=person.confirmed /></dd>
                </div>
                {person.disowned_at.map(|at| view! {
                    <div>
                        <dt>"Email address disputed"</dt>
                        <dd>
                            <Time at=at />
                            <span class="fact-more">
                                "The owner of this email address says that they did not register. If nobody should have this account, deactivate it."
                            </span>
                        </dd>
                    </div>
                })}
                {person.deletion_due.map(|at| view! {
                    <div>
                        <dt>"Will be deleted"</dt>
                        <dd>
                            {utc_text(at)}
                            <span class="fact-more">
                                "The owner asked for the deletion. We'll email them a link to keep the account."
                            </span>
                        </dd>
                    </div>
                })}
                <div><dt>"Registered"</dt><dd><Time at=person.registered /></dd></div>
                <div>
                    <dt>{person.status.words()} " since"</dt>
                    <dd><Time at=person.status_since />{by.map(|by| view! { <span class="fact-more">{format!("by {by}")}</span> })}</dd>
                </div>
                <div><dt>"Sign-in"</dt><dd>{person.sign_in_method()}</dd></div>
                <div>
                    <dt>"Last sign-in"</dt>
                    <dd>{match person.last_sign_in {
                        Some(at) => view! { <Time at=at /> }.into_any(),
                        None => view! { <span class="muted">"Never"</span> }.into_any(),
                    }}</dd>
                </div>
            </dl>
        </section>
        <LiveTimes />
    }
}

/// What can be decided, as links to the pages that ask.
#[component]
fn Offers(title: &'static str, id: UserId, confirmed: bool, offers: Vec<Decision>) -> impl IntoView {
    let links = offers.iter().map(|decision| {
        let class = if decision.takes() { "btn btn-danger" } else { "btn" };
        view! { <a class=class href=format!("/admin/{}/{id}", decision.slug())>{decision.label(confirmed)}</a> }
    });
    (!offers.is_empty()).then(|| {
        view! {
            <section class="stack stack-sm" aria-labelledby="offers">
                <h2 class="section-title" id="offers">{title}</h2>
                <div class="row">{links.collect_view()}</div>
            </section>
        }
    })
}
