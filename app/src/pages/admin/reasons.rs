//! `/admin/reasons`: the saved reasons. `/admin/reasons/new` adds one, and `/admin/reasons/{id}` changes or deletes it.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};
use crate::islands::fields::{TextAreaField, TextField};
use crate::pages::admin::users::AdminTabs;
use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::form::Form;
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::{PageRequest, param, query, set_status};
use crate::pages::rendered::IntoRendered as _;
use backend::admin::failed_emails::count_failed_emails;
use backend::admin::saved_reasons::{find_saved_reason, read_saved_reasons};
use domain::errors::Field;
use domain::saved_reason::{MAX_SAVED_REASONS, MAX_TITLE_LENGTH, ReasonUse, SavedReason};

/// The page with the list of saved reasons.
#[component]
pub fn ReasonsPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <ErrorPage status=403 reference=None /> }.into_any());
    }
    let suspended = Suspend::new(async move {
        let reasons = read_saved_reasons(&request.backend).await;
        match (reasons, count_failed_emails(request.backend.db.pool()).await) {
            (Ok(reasons), Ok(failed_count)) => {
                view! { <Reasons request=request reasons=reasons failed_count=failed_count /> }.into_any()
            }
            (Err(error), _) | (_, Err(error)) => internal_error_page(&error),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> }.into_any())
}

/// The content of the page.
#[component]
fn Reasons(request: PageRequest, reasons: Vec<SavedReason>, failed_count: u64) -> impl IntoView {
    let lead = "Texts that you can use when you reject or deactivate someone, or ask a question.".to_owned();
    let (is_empty, is_full) = (reasons.is_empty(), reasons.len() >= MAX_SAVED_REASONS);
    view! {
        <SignedInLayout request=request.clone() title="Saved reasons".to_owned() lead=lead section=NavSection::Admin narrow=false>
            <div class="flex flex-col gap-6">
                <div class="border-b border-base-300"><AdminTabs current="reasons" failed_count=failed_count /></div>
                <FlashError request=request />
                {if is_full {
                    view! { <p class="text-muted">{format!("There are {MAX_SAVED_REASONS} saved reasons. Delete one before you add another.")}</p> }
                        .rendered()
                } else {
                    view! { <p><a class="btn btn-primary" href="/admin/reasons/new">"Add reason"</a></p> }.rendered()
                }}
                <div class="card card-border divide-y divide-base-300 border-base-300 bg-base-100">
                    {is_empty.then(|| view! {
                        <div class="flex flex-col items-center gap-1 px-6 py-12 text-center text-sm text-balance text-muted">
                            <h2 class="text-base font-semibold text-base-content">"No saved reasons"</h2>
                            <p>"Saved reasons appear here. You can choose one when you make a decision, and change its text there."</p>
                        </div>
                    })}
                    {reasons.into_iter().map(|reason| view! { <ReasonItem reason=reason /> }).collect_view()}
                </div>
            </div>
        </SignedInLayout>
    }
}

/// A saved reason in the list.
#[component]
fn ReasonItem(reason: SavedReason) -> impl IntoView {
    view! {
        <article class="flex flex-wrap items-start justify-between gap-x-4 gap-y-3 p-4">
            <div class="min-w-0 grow basis-60 text-sm wrap-anywhere">
                <h2 class="text-base font-semibold">{reason.title.clone()}</h2>
                <p class="my-1"><span class="badge badge-soft">{reason.used_for.label()}</span></p>
                <p class="whitespace-pre-line text-muted" dir="auto">{reason.text}</p>
            </div>
            <a class="btn border-line" href=format!("/admin/reasons/{}", reason.id)>
                "Edit"<span class="sr-only">{format!(" {}", reason.title)}</span>
            </a>
        </article>
    }
}

/// The page that adds a saved reason.
#[component]
pub fn NewReasonPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <ErrorPage status=403 reference=None /> }.into_any());
    }
    Some(view! { <ReasonForm request=request reason=None /> }.into_any())
}

/// The page that changes or deletes a saved reason.
#[component]
pub fn ReasonPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <ErrorPage status=403 reference=None /> }.into_any());
    }
    let id = param("id").parse::<i64>().ok();
    let suspended = Suspend::new(async move {
        let Some(id) = id else { return view! { <ReasonNotFound request=request /> }.into_any() };
        match find_saved_reason(&request.backend, id).await {
            Ok(Some(reason)) => view! { <ReasonForm request=request reason=Some(reason) /> }.into_any(),
            Ok(None) => view! { <ReasonNotFound request=request /> }.into_any(),
            Err(error) => internal_error_page(&error),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> }.into_any())
}

/// The page for a URL without a saved reason.
#[component]
fn ReasonNotFound(request: PageRequest) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let lead = "It may have been deleted, or the link may be wrong.".to_owned();
    view! {
        <SignedInLayout request=request title="Saved reason not found".to_owned() lead=lead section=NavSection::Admin narrow=true>
            <div class="flex flex-wrap items-center gap-3"><a class="btn btn-primary" href="/admin/reasons">"Go to saved reasons"</a></div>
        </SignedInLayout>
    }
}

/// The form that adds a saved reason or changes it.
#[component]
fn ReasonForm(request: PageRequest, reason: Option<SavedReason>) -> impl IntoView {
    let title = if reason.is_some() { "Edit saved reason" } else { "Add a reason" };
    let lead =
        "Administrators can choose it when they make a decision, and change its text there.".to_owned();
    let (action, button) = if reason.is_some() {
        ("/do/change_reason", "Save reason")
    } else {
        ("/do/add_reason", "Add reason")
    };
    // A refused form shows what was typed.
    let is_refused = !request.errors().is_empty();
    let value = |field, saved: Option<&String>| match saved {
        Some(saved) if !is_refused => saved.clone(),
        _ => request.typed(field),
    };
    let chosen = query("for").as_deref().and_then(ReasonUse::from_slug);
    let chosen =
        chosen.or_else(|| reason.as_ref().map(|reason| reason.used_for)).unwrap_or(ReasonUse::Reject);
    let title_value = value(Field::Title, reason.as_ref().map(|reason| &reason.title));
    let text_value = value(Field::Reason, reason.as_ref().map(|reason| &reason.text));
    let is_saved = reason.is_some();
    view! {
        <SignedInLayout request=request.clone() title=title.to_owned() lead=lead section=NavSection::Admin narrow=true>
            <Form action=action.to_owned() errors=request.errors()>
                {reason.map(|reason| view! {
                    <input type="hidden" name="id" value=reason.id />
                    <input type="hidden" name="changed_at" value=reason.changed_at.0 />
                })}
                <TextField
                    field=Field::Title
                    label="Title".to_owned()
                    hint=format!("Only administrators see it. At most {MAX_TITLE_LENGTH} characters.")
                    value=title_value
                    autocomplete="off".to_owned()
                    autofocus=true
                    validate=true
                />
                <UseChoice chosen=chosen />
                <TextAreaField
                    field=Field::Reason
                    label="Text".to_owned()
                    hint="At most 500 characters.".to_owned()
                    value=text_value
                    required=true
                    rows=6
                />
                <div class="flex flex-wrap items-center gap-3">
                    <button class="btn btn-primary">{button}</button>
                    <a class="btn border-line" href="/admin/reasons">"Cancel"</a>
                    {is_saved.then(|| view! {
                        <button class="btn btn-outline btn-error" formaction="/do/delete_reason">
                            <Icon name=IconName::X />"Delete reason"
                        </button>
                    })}
                </div>
            </Form>
        </SignedInLayout>
    }
}

/// The choice of the decision that a saved reason is for.
#[component]
fn UseChoice(chosen: ReasonUse) -> impl IntoView {
    let choices = ReasonUse::ALL.map(|used_for| {
        let (hint, is_chosen) = (format!("for-{}", used_for.slug()), used_for == chosen);
        view! {
            <label class="flex cursor-pointer items-start gap-3 py-1.5">
                <input
                    class="radio radio-primary"
                    type="radio"
                    name="used_for"
                    value=used_for.slug()
                    checked=is_chosen
                    aria-describedby=hint.clone()
                />
                <span>{used_for.label()}<span class="block text-sm text-muted" id=hint>{used_for.readers()}</span></span>
            </label>
        }
    });
    view! {
        <fieldset class="flex flex-col gap-1">
            <legend class="mb-1 text-sm font-semibold">"Used for"</legend>
            {choices.collect_view()}
        </fieldset>
    }
}
