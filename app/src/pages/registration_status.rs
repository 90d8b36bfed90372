//! `/register/status`: the status of a registration, for the browser in which someone has registered or has just given the password.

use leptos::prelude::*;

use crate::http::{QUESTION_PAGE, STATUS_PAGE, escape};
use crate::islands::fields::PasswordField;
use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::layouts::{FlashError, ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check};
use crate::pages::reauthentication::HiddenUsernameField;
use crate::pages::rendered::{IntoRendered as _, Rendered};
use backend::accounts::registration_status::{RegistrationState, RegistrationView, find_registration};
use backend::error::InternalError;
use domain::errors::Field;

/// The page with the status of a registration.
#[component]
pub fn RegistrationStatusPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let suspended = Suspend::new(async move {
        status_page(request).await.unwrap_or_else(|error| internal_error_page(&error))
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

/// Renders the status of the registration that this browser may show.
pub(super) async fn status_page(request: PageRequest) -> Result<AnyView, InternalError> {
    let Some(user_id) = request.context.applicant() else {
        return Ok(view! { <NoRegistration request=request /> }.into_any());
    };
    Ok(match find_registration(&request.backend, user_id).await? {
        Some(registration) => {
            view! { <RegistrationStatus request=request registration=registration /> }.into_any()
        }
        None => view! { <DeletedRegistration request=request /> }.into_any(),
    })
}

/// The page for a browser in which no one has registered.
#[component]
fn NoRegistration(request: PageRequest) -> impl IntoView {
    // An answer that was sent too long after the sign-in.
    let unsent = request.typed(Field::Answer);
    view! {
        <SignedOutLayout
            request=request.clone()
            title="No registration in this browser".to_owned()
            lead="If you registered in another browser, sign in to see the status of your registration.".to_owned()
            step=ProgressStep::Start
        >
            <FlashError request=request />
            {(!unsent.is_empty()).then(|| view! {
                <section class="flex flex-col gap-2" aria-labelledby="unsent">
                    <h2 class="font-semibold" id="unsent">"Your answer has not been sent"</h2>
                    <p class="text-sm/6 text-muted">"Copy it, sign in, and send it again."</p>
                    <blockquote class="border-s-4 border-line ps-4 wrap-anywhere whitespace-pre-line" dir="auto">{unsent}</blockquote>
                </section>
            })}
            <div class="flex flex-wrap gap-3">
                <a class="btn btn-primary btn-block" href="/login">"Sign in"</a>
                <a class="btn btn-block border-line" href="/register">"Create an account"</a>
            </div>
        </SignedOutLayout>
    }
}

/// The page for a registration whose account has been deleted.
#[component]
fn DeletedRegistration(request: PageRequest) -> impl IntoView {
    view! {
        <SignedOutLayout
            request=request.clone()
            title="Your registration has been deleted".to_owned()
            lead="It was withdrawn, its email address was not confirmed in time, or the owner of the email address said that they did not register. You can register again.".to_owned()
            step=ProgressStep::Start
        >
            <FlashError request=request />
            <div class="flex flex-wrap gap-3">
                <a class="btn btn-primary btn-block" href="/register">"Register again"</a>
            </div>
        </SignedOutLayout>
    }
}

/// The title, the sentence below it and the step of a registration.
struct StatusText {
    title: &'static str,
    lead: String,
    step: ProgressStep,
}

/// Returns the texts about the state of a registration at the portal `portal`.
fn text_of(state: &RegistrationState, portal: &str) -> StatusText {
    let text = |title, lead: &str, step| StatusText { title, lead: lead.to_owned(), step };
    match state {
        RegistrationState::ConfirmEmail => text(
            "Confirm your email address",
            "Check your inbox and spam folder for a link to confirm your email address. Your registration is also waiting for an \
             administrator's approval. We'll email you when it's approved.",
            ProgressStep::Register,
        ),
        RegistrationState::Waiting => text(
            "Waiting for approval",
            "An administrator will review your registration. We'll email you when it's approved.",
            ProgressStep::Approval,
        ),
        RegistrationState::Question { confirmed: true } => text(
            "An administrator has a question",
            "Your registration is on hold until you answer the question.",
            ProgressStep::Approval,
        ),
        RegistrationState::Question { confirmed: false } => text(
            "An administrator has a question",
            "Your registration is on hold until you answer the question. Your email address is not confirmed yet either: check your \
             inbox and spam folder for a link to confirm it.",
            ProgressStep::Register,
        ),
        RegistrationState::Approved => text(
            "Your registration has been approved",
            "Sign in to continue. If you cannot sign in, the sign-in page says why.",
            ProgressStep::SignInAfterApproval,
        ),
        RegistrationState::Declined { .. } => text(
            "Your request was declined",
            &format!(
                "An administrator has declined your request to join {portal}. You can register again with another username."
            ),
            ProgressStep::None,
        ),
    }
}

/// The status of a registration, and the next step.
#[component]
fn RegistrationStatus(request: PageRequest, registration: RegistrationView) -> impl IntoView {
    let StatusText { title, lead, step } = text_of(&registration.state, &request.settings().portal_name);
    let next = match registration.state.clone() {
        RegistrationState::ConfirmEmail => {
            view! {
                <p class="text-sm/6 text-muted">
                    "No email? Enter your username and password on the " <a href="/login">"sign-in page"</a> " to get a new link."
                </p>
            }
            .rendered()
        }
        RegistrationState::Question { .. } => next_page(QUESTION_PAGE, "Answer the question"),
        RegistrationState::Approved => next_page("/login", "Sign in"),
        RegistrationState::Declined { reason } => view! {
            {reason.map(|reason| view! {
                <div class="flex flex-col gap-2">
                    <h2 class="font-semibold">"Reason"</h2>
                    <p class="wrap-anywhere whitespace-pre-line" dir="auto">{reason}</p>
                </div>
            })}
            {next_page("/register", "Register again")}
        }
        .rendered(),
        RegistrationState::Waiting => ().rendered(),
    };
    let can_withdraw = registration.is_undecided();
    view! {
        <SignedOutLayout request=request.clone() title=title.to_owned() lead=lead step=step>
            {next}
            {if can_withdraw {
                view! { <WithdrawalForm request=request registration=registration /> }.rendered()
            } else {
                view! { <FlashError request=request /> }.rendered()
            }}
        </SignedOutLayout>
    }
}

/// Renders the link to the page on which the person continues.
fn next_page(href: &'static str, label: &'static str) -> Rendered {
    view! { <div class="flex flex-wrap gap-3"><a class="btn btn-primary btn-block" href=href>{label}</a></div> }.rendered()
}

/// The form that withdraws the request. It asks for the password, because several people may use the browser.
#[component]
fn WithdrawalForm(request: PageRequest, registration: RegistrationView) -> impl IntoView {
    let RegistrationView { user_id, username, has_password, .. } = registration;
    let is_verified = request.context.password_verified.is_some_and(|verified| verified.user_id == user_id);
    view! {
        <section class="flex flex-col gap-4 border-t border-base-300 pt-6" aria-labelledby="withdraw">
            <div class="flex flex-col gap-1">
                <h2 class="font-semibold" id="withdraw">"Withdraw your request"</h2>
                <p class="text-sm/6 text-muted">"We'll delete your account. You can register again later."</p>
            </div>
            {if has_password || is_verified {
                view! {
                    <Form action="/do/withdraw_request".to_owned() errors=request.errors()>
                        <input type="hidden" name="registration" value=username.clone() />
                        {cookie_check()}
                        {has_password.then(|| view! {
                            <HiddenUsernameField username=username.clone() />
                            <PasswordField
                                field=Field::Password
                                label="Password".to_owned()
                                hint=format!("The password for {username}.")
                                autocomplete="current-password".to_owned()
                                autofocus=false
                                min_length=0
                            />
                        })}
                        <div class="flex flex-wrap gap-3">
                            <button class="btn btn-outline btn-error">"Withdraw my request"</button>
                        </div>
                    </Form>
                }
                .rendered()
            } else {
                let sign_in = format!("/ms-login?next={}", escape(STATUS_PAGE));
                view! {
                    <FlashError request=request />
                    <p class="text-sm/6 text-muted">
                        "Other people may use this browser, so confirm that it's you first."
                    </p>
                    <div class="flex flex-wrap gap-3">
                        <a class="btn border-line" href=sign_in>"Sign in with Microsoft to withdraw"</a>
                    </div>
                }
                .rendered()
            }}
        </section>
    }
}
