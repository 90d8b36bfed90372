//! `/admin/users/{id}`: one user.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, RoleBadge, StatusBadge};
use crate::components::email_address::EmailAddressText;
use crate::islands::relative_time::{RelativeTimes, UtcTime};
use crate::pages::admin::queue_facts::registration_card;
use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::{PageRequest, param, set_status};
use crate::pages::rendered::IntoRendered as _;
use backend::admin::users::find_user_row;
use domain::status::{AdminAction, PublicStatus, UserId};
use domain::time::utc_text;
use domain::view_models::UserRow;

/// The page of one user.
#[component]
pub fn UserPage() -> impl IntoView {
    with_user(|request, user| async move {
        let id = user.id;
        let registration = registration_card(&request, id).await;
        let allowed_actions = user.allowed_actions.clone();
        view! {
            <SignedInLayout request=request.clone() title=user.username.clone() lead=String::new() section=NavSection::Admin narrow=true>
                <div class="flex flex-col gap-6">
                    <FlashError request=request.clone() />
                    <UserCard user=user.clone() />
                    {registration}
                    <ActionMenu title="Actions" id=id confirmed=user.confirmed allowed_actions=allowed_actions />
                </div>
            </SignedInLayout>
        }
        .into_any()
    })
}

/// Finds the user of the URL and renders `page` for them.
pub(super) fn with_user<P: Future<Output = AnyView> + Send + 'static>(
    page: impl FnOnce(PageRequest, UserRow) -> P + Send + 'static,
) -> impl IntoView {
    let request = PageRequest::get()?;
    let current_user = request.administrator().map(|current_user| current_user.user_id);
    let id = param("id").parse::<UserId>().ok();
    let suspended = Suspend::new(async move {
        let (current_user, id) = match (current_user, id) {
            (Some(current_user), Some(id)) => (current_user, id),
            (None, _) => return view! { <ErrorPage status=403 reference=None /> }.into_any(),
            (_, None) => return view! { <UserNotFound request=request /> }.into_any(),
        };
        match find_user_row(&request.backend, current_user, id).await {
            Ok(Some(user)) => page(request, user).await,
            Ok(None) => view! { <UserNotFound request=request /> }.into_any(),
            Err(error) => internal_error_page(&error),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

/// The page for a URL without an existing user.
#[component]
fn UserNotFound(request: PageRequest) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let lead = "It may have been deleted, or the link may be wrong.".to_owned();
    view! {
        <SignedInLayout request=request title="Account not found".to_owned() lead=lead section=NavSection::Admin narrow=true>
            <div class="flex flex-wrap items-center gap-3"><a class="btn btn-primary" href="/admin">"Go to People"</a></div>
        </SignedInLayout>
    }
}

/// The card with the details of the account.
#[component]
pub(super) fn UserCard(user: UserRow) -> impl IntoView {
    let verb = if user.status == PublicStatus::Pending { "moved back by" } else { "by" };
    let by = user.decided_by.as_ref().map(|by| format!("{verb} {by}"));
    view! {
        <section class="card card-border border-base-300 bg-base-100" aria-label=format!("About {}", user.username)>
            <div class="card-body gap-4 max-md:p-4">
                <div class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                    <h2 class="card-title text-base">"Account"</h2>
                    <span class="flex flex-wrap gap-2"><StatusBadge status=user.status /><RoleBadge role=user.role /></span>
                </div>
                <dl class="facts">
                    <div>
                        <dt>"Email address"</dt>
                        <dd><EmailAddressText address=user.email.clone() /> " " <ConfirmationBadge confirmed=user.confirmed /></dd>
                    </div>
                    {user.disputed_at.map(|at| view! {
                        <div>
                            <dt>"Email address disputed"</dt>
                            <dd>
                                <UtcTime at=at />
                                <span class="basis-full text-muted">
                                    "The owner of this email address says that they did not register. If no one should have this account, deactivate it."
                                </span>
                            </dd>
                        </div>
                    })}
                    {user.deletion_due.map(|at| view! {
                        <div>
                            <dt>"Will be deleted"</dt>
                            <dd>
                                {utc_text(at)}
                                <span class="basis-full text-muted">
                                    "Someone signed in to the account and asked us to delete it. If you reactivate the account, we will not delete it."
                                </span>
                            </dd>
                        </div>
                    })}
                    <div><dt>"Registered"</dt><dd><UtcTime at=user.registered /></dd></div>
                    <div>
                        <dt>{user.status.message()} " since"</dt>
                        <dd><UtcTime at=user.status_since />{by.map(|by| view! { <span class="basis-full text-muted">{by}</span> })}</dd>
                    </div>
                    <div><dt>"Sign-in"</dt><dd>{user.sign_in_method()}</dd></div>
                    <div>
                        <dt>"Last sign-in"</dt>
                        <dd>{match user.last_sign_in {
                            Some(at) => view! { <UtcTime at=at /> }.rendered(),
                            None => view! { <span class="text-muted">"Never"</span> }.rendered(),
                        }}</dd>
                    </div>
                </dl>
            </div>
        </section>
        <RelativeTimes />
    }
}

/// The allowed actions, as links to their confirmation pages.
#[component]
pub(super) fn ActionMenu(
    title: &'static str,
    id: UserId,
    confirmed: bool,
    allowed_actions: Vec<AdminAction>,
) -> impl IntoView {
    let links = allowed_actions.iter().map(|action| {
        let class = if action.is_destructive() { "btn btn-outline btn-error" } else { "btn border-line" };
        view! { <a class=class href=format!("/admin/{}/{id}", action.slug())>{action.label(confirmed)}</a> }
    });
    (!allowed_actions.is_empty()).then(|| {
        view! {
            <section class="flex flex-col gap-3" aria-labelledby="offers">
                <h2 class="font-semibold" id="offers">{title}</h2>
                <div class="flex flex-wrap items-center gap-3">{links.collect_view()}</div>
            </section>
        }
    })
}
