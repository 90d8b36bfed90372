//! The page in place of the page of an emailed link that is used, expired or unknown. It says how to continue.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::http::STATUS_PAGE;
use crate::pages::layouts::{ProgressStep, SignedOutLayout, help_link};
use crate::pages::page_request::{PageRequest, set_status};
use domain::errors::ErrorCode;
use domain::token::Purpose;

/// The path and the label of a link to another page.
type PageLink = (&'static str, &'static str);

const INVALID_LINK: &str = "This link has expired or has already been used.";
const SIGN_IN: PageLink = ("/login", "Sign in");
const TEMPORARY_PASSWORD: PageLink = ("/reset-password", "Get a temporary password");

/// The page for an emailed link that is used, expired or unknown.
#[component]
pub fn InvalidLinkPage(
    /// The request that the page answers.
    request: PageRequest,
    /// The purpose of the links that the path is for.
    purpose: Purpose,
) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let Advice { lead, continue_at, other_way } = advice(&request, purpose);
    let may_need_help = purpose == Purpose::UndoEmailChange && request.current_user().is_none();
    let help =
        (may_need_help && request.settings().portal_help.is_some()).then(|| help_link(request.settings()));
    view! {
        <SignedOutLayout request=request title="This link no longer works".to_owned() lead=lead step=ProgressStep::None>
            <div class="flex flex-wrap gap-3">
                <a class="btn btn-primary btn-block" href=continue_at.0>{continue_at.1}</a>
                {other_way.map(|(href, label)| view! { <a class="btn btn-block border-line" href=href>{label}</a> })}
            </div>
            {help.map(|help| view! { <p class="text-sm/6 text-muted">{help}</p> })}
        </SignedOutLayout>
    }
}

/// The text of the page, and the pages on which the person continues.
struct Advice {
    lead: String,
    continue_at: PageLink,
    other_way: Option<PageLink>,
}

/// Returns the advice for a link with this purpose.
fn advice(request: &PageRequest, purpose: Purpose) -> Advice {
    let with = |text: &str, continue_at, other_way| Advice {
        lead: format!("{INVALID_LINK} {text}").trim_end().to_owned(),
        continue_at,
        other_way,
    };
    if let Some(user) = request.current_user() {
        return with(
            &format!("You're signed in as {}.", user.username),
            ("/profile", "Go to your profile"),
            None,
        );
    }
    if let Some(user) = &request.context.restricted_user {
        let text = format!("Choose a new password for {} to continue.", user.username);
        return with(&text, ("/change-password", "Choose a new password"), None);
    }
    match purpose {
        Purpose::ConfirmEmail | Purpose::Answer if request.context.applicant().is_some() => {
            with("", SIGN_IN, Some((STATUS_PAGE, "See the status of your registration")))
        }
        // Temporary passwords are for active accounts only.
        Purpose::ConfirmEmail | Purpose::Answer => {
            with("Sign in to see the status of your account.", SIGN_IN, None)
        }
        Purpose::KeepAccount => with(
            "If you have used it to keep your account, sign in with the password that you chose after that. If you did not choose \
             one, get a temporary password.",
            SIGN_IN,
            Some(TEMPORARY_PASSWORD),
        ),
        // No link to a temporary password: if the change has not been undone, it would go to the new email address, which may belong
        // to an attacker.
        Purpose::UndoEmailChange => with(
            "If you have used it to undo the change, sign in with the password that you chose after that. If you did not choose \
             one, get a temporary password on the sign-in page. If someone else has access to your account, tell an administrator. \
             They can deactivate the account immediately.",
            SIGN_IN,
            None,
        ),
        _ => Advice {
            lead: ErrorCode::LinkInvalid.message(),
            continue_at: SIGN_IN,
            other_way: Some(TEMPORARY_PASSWORD),
        },
    }
}
