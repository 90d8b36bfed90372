//! `/admin/{decision}/{id}`: the confirmation before an action, with its fields. Emails link to it.

use leptos::prelude::*;

use crate::components::alert::WarningAlert;
use crate::islands::fields::TextAreaField;
use crate::pages::admin::email_preview::EmailPreview;
use crate::pages::admin::queue_facts::registration_card;
use crate::pages::admin::saved_reasons::SavedReasons;
use crate::pages::admin::user::{ActionMenu, UserCard, with_user};
use crate::pages::error_page::ErrorPage;
use crate::pages::form::Form;
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::{PageRequest, param};
use crate::pages::rendered::{IntoRendered as _, Rendered};
use backend::admin::saved_reasons::read_reasons_for;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::saved_reason::SavedReason;
use domain::status::{AdminAction, PublicStatus, Role};
use domain::time::{period_in_words, utc_text};
use domain::view_models::UserRow;

/// The page that asks for confirmation before an action.
#[component]
pub fn AdminActionPage() -> impl IntoView {
    let action = AdminAction::from_slug(&param("decision"));
    with_user(move |request, user| async move {
        let Some(action) = action else {
            return view! { <ErrorPage status=404 reference=None /> }.into_any();
        };
        let registration = registration_card(&request, user.id).await;
        // They are optional here. Their own page reports a failed query.
        let reasons = read_reasons_for(&request.backend, action).await.unwrap_or_default();
        view! { <ActionConfirmation request=request user=user action=action registration=registration reasons=reasons /> }
            .into_any()
    })
}

/// The confirmation of an action, or the reason why the action is not possible.
#[component]
fn ActionConfirmation(
    request: PageRequest,
    user: UserRow,
    action: AdminAction,
    registration: Option<Rendered>,
    reasons: Vec<SavedReason>,
) -> impl IntoView {
    let name = user.username.clone();
    // Approving a deactivated user reactivates them, because the original application had no other way to reactivate.
    let action = if action == AdminAction::Approve && user.status == PublicStatus::Deactivated {
        AdminAction::Reactivate
    } else {
        action
    };
    let is_possible = user.allowed_actions.contains(&action);
    let (id, confirmed) = (user.id, user.confirmed);
    let title = if is_possible { action.question(&name) } else { name };
    let lead = if is_possible { lead(&request, &user, action) } else { String::new() };
    let other_actions: Vec<AdminAction> =
        user.allowed_actions.iter().copied().filter(|other| *other != action).collect();
    view! {
        <SignedInLayout request=request.clone() title=title lead=lead section=NavSection::Admin narrow=true>
            <div class="flex flex-col gap-6">
                {if is_possible {
                    view! {
                        // The form shows all other errors.
                        {is_stale(&request.errors()).then(|| view! { <FlashError request=request.clone() /> })}
                        <UserCard user=user.clone() />
                        {registration}
                        <EmailPreview />
                        <DecisionForm request=request user=user action=action reasons=reasons />
                    }
                    .rendered()
                } else {
                    view! {
                        <FlashError request=request />
                        <WarningAlert message=reason_not_possible(&user, action) />
                        <UserCard user=user.clone() />
                    }
                    .rendered()
                }}
                <ActionMenu title="Other actions" id=id confirmed=confirmed allowed_actions=other_actions />
            </div>
        </SignedInLayout>
    }
}

/// Returns true if a decision was refused because the account had changed. The page then shows who changed it.
fn is_stale(errors: &FormErrors) -> bool {
    matches!(errors.form, Some(ErrorCode::AccountChanged | ErrorCode::WrongStatus(_)))
}

/// Returns the consequences of an action, and for how long it can be undone.
fn lead(request: &PageRequest, user: &UserRow, action: AdminAction) -> String {
    let consequence = if action == AdminAction::Reject {
        "They will not be able to sign in. You can move them back to pending within 30 days.".to_owned()
    } else {
        action.consequence(user)
    };
    let window = request.settings().undo_window;
    if window.is_zero() || !action.is_undoable() {
        return consequence;
    }
    format!("{consequence} You can undo this for {}.", period_in_words(window))
}

/// The form of an action: its fields and its button. Above it, the saved reasons that fill in a field.
#[component]
fn DecisionForm(
    request: PageRequest,
    user: UserRow,
    action: AdminAction,
    reasons: Vec<SavedReason>,
) -> impl IntoView {
    let class = if action.is_destructive() { "btn btn-error" } else { "btn btn-primary" };
    let label = action.label(user.confirmed);
    let errors = if is_stale(&request.errors()) { FormErrors::default() } else { request.errors() };
    let page = format!("/admin/{}/{}", action.slug(), user.id);
    let preview = format!("{page}/preview#preview");
    view! {
        <Form action="/do/decide".to_owned() errors=errors>
            <input type="hidden" name="id" value=user.id.0 />
            <input type="hidden" name="mark" value=user.mark().to_string() />
            <input type="hidden" name="decision" value=action.slug() />
            <input type="hidden" name="from" value=request.path_and_query.clone() />
            <SavedReasons request=request.clone() reasons=reasons page=page />
            {(action == AdminAction::Ask).then(|| view! { <QuestionField request=request.clone() /> })}
            {(action == AdminAction::Reject).then(|| view! {
                <RejectionFields request=request.clone() confirmed=user.confirmed />
            })}
            {has_note(action).then(|| view! { <NoteField request=request.clone() /> })}
            <div class="flex flex-wrap items-center gap-3">
                <button class=class>{label}</button>
                {matches!(action, AdminAction::Reject | AdminAction::Ask).then(|| view! {
                    <button class="btn border-line" formaction=preview data-page>"Preview the email"</button>
                })}
                <a class="btn border-line" href="/admin">"Cancel"</a>
            </div>
        </Form>
    }
}

/// Returns true if the form of an action has a note.
fn has_note(action: AdminAction) -> bool {
    matches!(action, AdminAction::Reject | AdminAction::Ask | AdminAction::Deactivate)
}

/// The question to the applicant.
#[component]
fn QuestionField(request: PageRequest) -> impl IntoView {
    view! {
        <TextAreaField
            field=Field::Question
            label="Question".to_owned()
            hint="They'll see it in the email and on the page that the email links to. At most 500 characters.".to_owned()
            value=request.typed(Field::Question)
            required=true
            rows=4
        />
    }
}

/// The reason of a rejection, and the choice whether the applicant is told. If the email address is not confirmed, it may belong to
/// someone else, so the rejection is silent unless the administrator chooses otherwise.
#[component]
fn RejectionFields(request: PageRequest, confirmed: bool) -> impl IntoView {
    let typed = request.typed(Field::Silent);
    let silent = if typed.is_empty() { !confirmed } else { typed != "no" };
    view! {
        <TextAreaField
            field=Field::Reason
            label="Reason (optional)".to_owned()
            hint="At most 500 characters.".to_owned()
            value=request.typed(Field::Reason)
            required=false
            rows=4
        />
        <fieldset class="flex flex-col gap-3">
            <legend class="mb-2 text-sm font-semibold">"Email to the applicant"</legend>
            <SilentOption
                value="no"
                checked=!silent
                label="Send an email"
                hint="It contains the reason, if you give one."
            />
            <SilentOption
                value="yes"
                checked=silent
                label="Reject silently"
                hint="They will not get an email. If you give a reason, it becomes part of the note."
            />
        </fieldset>
    }
}

/// One of the two ways to reject.
#[component]
fn SilentOption(
    value: &'static str,
    checked: bool,
    label: &'static str,
    hint: &'static str,
) -> impl IntoView {
    let id = format!("silent-{value}");
    let hint_id = format!("{id}-hint");
    view! {
        <div class="flex gap-3">
            <input
                class="radio radio-primary"
                type="radio"
                id=id.clone()
                name=Field::Silent.name()
                value=value
                checked=checked
                aria-describedby=hint_id.clone()
            />
            <div class="min-w-0">
                <label for=id>{label}</label>
                <p class="text-sm text-muted" id=hint_id>{hint}</p>
            </div>
        </div>
    }
}

/// The note for administrators.
#[component]
fn NoteField(request: PageRequest) -> impl IntoView {
    view! {
        <TextAreaField
            field=Field::Note
            label="Note (optional)".to_owned()
            hint="Only administrators see it here, but the person can read it in their data download. At most 500 characters."
                .to_owned()
            value=request.typed(Field::Note)
            required=false
            rows=3
        />
    }
}

/// Returns the reason why an action on a user is not possible now.
fn reason_not_possible(user: &UserRow, action: AdminAction) -> String {
    let since = utc_text(user.status_since);
    let by = user.decided_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    match (action, user.status) {
        (AdminAction::Deactivate | AdminAction::RemoveAdmin, _) if user.is_you => {
            "You cannot do this to your own account. Ask another administrator.".to_owned()
        }
        (AdminAction::Approve, PublicStatus::Active) => format!("This account was approved{by} on {since}."),
        (AdminAction::Approve | AdminAction::MakeAdmin, _)
            if !user.confirmed && user.status != PublicStatus::Rejected =>
        {
            "The email address must be confirmed first.".to_owned()
        }
        (AdminAction::RemoveAdmin, _) if user.role == Role::Member => {
            "This person is not an administrator.".to_owned()
        }
        (AdminAction::MakeAdmin, PublicStatus::Active) => {
            "This person is already an administrator.".to_owned()
        }
        (_, status) => {
            format!("This account has been {} since {since}{by}.", status.message().to_lowercase())
        }
    }
}
