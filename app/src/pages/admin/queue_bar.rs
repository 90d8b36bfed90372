//! The bar for decisions about several registrations.

use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};
use crate::islands::fields::TextAreaField;
use crate::pages::admin::users_url::UsersUrl;
use crate::pages::page_request::PageRequest;
use domain::decision::QueueFilter;
use domain::errors::Field;
use domain::queue::Counted;
use domain::status::UserId;
use domain::time::Timestamp;

/// The bar for decisions about the selected registrations. The checkboxes of the rows belong to its form. It is hidden while no row
/// is on the page.
///
/// After the Back button, a browser would restore checkboxes by their position, where other people may be by then. So it must not
/// complete the form.
#[component]
pub fn QueueBar(
    /// The request that the page answers.
    request: PageRequest,
    /// The number of registrations on all pages.
    total: Counted,
    /// The highest of their ids.
    highest_id: Option<UserId>,
    /// The URL of the page.
    url: UsersUrl,
    /// The time at which the page was read.
    read_at: Timestamp,
) -> impl IntoView {
    let reason = request.typed(Field::Reason);
    let is_told = request.typed(Field::Silent) == "no";
    let has_reason = !reason.is_empty();
    let approves_unconfirmed = request.typed(Field::Unconfirmed) == "yes";
    let page = url.to_string();
    view! {
        <form
            class="-my-2 flex flex-col gap-3 py-2 text-sm [&:not(:has(~#queue_tbody))]:hidden"
            id="bulk"
            method="post"
            action="/do/decide_many"
            data-act="page"
            autocomplete="off"
            aria-label="Selected registrations"
        >
            <input type="hidden" name="from" value=page />
            <div class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <label class="flex min-h-11 items-center gap-2 noscript:hidden">
                    <input class="checkbox border-line" type="checkbox" id="select-all" autocomplete="off" />
                    "Select all on this page"
                </label>
                <AllMatching total=total highest_id=highest_id url=url read_at=read_at />
                {(!request.settings().require_confirmed_email).then(|| view! {
                    <label class="flex min-h-11 items-center gap-2">
                        <input class="checkbox border-line" type="checkbox" name=Field::Unconfirmed.name() value="yes" checked=approves_unconfirmed autocomplete="off" />
                        "Approve even if the email address is not confirmed"
                    </label>
                })}
                <button class="btn btn-soft btn-primary" name="decision" value="approve"><Icon name=IconName::Check />"Approve selected"</button>
                <button class="btn border-line" name="decision" value="reject"><Icon name=IconName::X />"Reject selected"</button>
            </div>
            // The number has its place from the beginning, so that nothing moves when the first row is selected.
            <div class="flex flex-wrap items-start justify-between gap-x-4">
                <details class="max-w-100 grow" open=has_reason>
                    <summary class="cursor-pointer py-2">"Give a reason for rejecting"</summary>
                    <div class="flex flex-col gap-3 pt-2">
                        <TextAreaField
                            field=Field::Reason
                            label="Reason".to_owned()
                            hint="If you do not email it, we'll keep it as a note for administrators. The person can read it in their data download.".to_owned()
                            value=reason
                            required=false
                            rows=3
                        />
                        <label class="flex min-h-11 items-center gap-2">
                            <input class="checkbox border-line" type="checkbox" name=Field::Silent.name() value="no" checked=is_told autocomplete="off" />
                            "Email the reason to the people you reject"
                        </label>
                    </div>
                </details>
                <span class="py-2 text-muted tabular-nums" id="selected-count" role="status"></span>
            </div>
        </form>
    }
}

/// Returns the label of the choice.
fn all_that_match(total: &Counted) -> String {
    if total.text() == "1" {
        "The 1 that matches".to_owned()
    } else {
        format!("All {} that match", total.text())
    }
}

/// The choice to decide about everyone who matches the filter, including people on other pages, as far as this page has counted them.
#[component]
fn AllMatching(
    total: Counted,
    highest_id: Option<UserId>,
    url: UsersUrl,
    read_at: Timestamp,
) -> impl IntoView {
    let all = url.filter.zip(highest_id).map(|(filter, highest_id)| {
        let (name, value) = match filter {
            QueueFilter::Domain(domain) => ("domain", domain),
            QueueFilter::ClientIp(client_ip) => ("ip", client_ip),
        };
        view! {
            <input type="hidden" name="up_to" value=highest_id.0 />
            <input type="hidden" name="shown_at" value=read_at.0 />
            <label class="flex min-h-11 items-center gap-2">
                <input class="checkbox border-line" type="checkbox" name=name value=value autocomplete="off" />
                {all_that_match(&total)}
            </label>
        }
    });
    view! { <div class="contents" id="all-matching" data-live>{all}</div> }
}
