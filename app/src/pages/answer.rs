//! `/answer/{token}`: the page of the link in an email with a question. `/register/answer`: the same page for a browser that knows
//! the applicant. Only the forms change anything.

use leptos::prelude::*;

use crate::http::STATUS_PAGE;
use crate::islands::fields::{PasswordField, TextAreaField};
use crate::pages::email_change::{OtherUserSignedIn, belongs_to_other_user};
use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::invalid_link::InvalidLinkPage;
use crate::pages::layouts::{FlashError, ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, param};
use crate::pages::reauthentication::HiddenUsernameField;
use crate::pages::register::ANSWER_HINT;
use crate::pages::registration_status::status_page;
use crate::pages::rendered::IntoRendered as _;
use backend::accounts::questions::{AnsweredQuestion, OpenQuestion, find_open_question};
use backend::accounts::registration_status::{RegistrationState, find_registration};
use backend::auth::link::find_link_view;
use backend::error::InternalError;
use domain::errors::Field;
use domain::password::Password;
use domain::token::Purpose;

/// The rights of a visitor on the page of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// The visitor may answer and withdraw.
    Full,
    /// The visitor may answer. Withdrawing needs the password, on the page with the status of the registration.
    AnswerOnly,
    /// The visitor sees only the question. Everything else needs the password.
    WithPassword,
    /// The visitor sees only the question. Everything else needs a sign-in with Microsoft.
    WithMicrosoft,
}

/// A question and its applicant.
#[derive(Clone, Debug)]
struct Asked {
    username: String,
    question: OpenQuestion,
    /// The token of the link; empty without a link.
    token: String,
    rights: Rights,
    /// True if the owner of the email address may not be the person who registered.
    may_dispute: bool,
}

/// The page of the link in an email with a question.
#[component]
pub fn AnswerLinkPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    let suspended = Suspend::new(async move {
        link_page(request, token).await.unwrap_or_else(|error| internal_error_page(&error))
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

async fn link_page(request: PageRequest, token: String) -> Result<AnyView, InternalError> {
    let Some(link) = find_link_view(&request.backend, &token, &[Purpose::Answer]).await? else {
        return Ok(view! { <InvalidLinkPage request=request purpose=Purpose::Answer /> }.into_any());
    };
    if belongs_to_other_user(&request, &link) {
        return Ok(view! { <OtherUserSignedIn request=request link=link /> }.into_any());
    }
    let Some(question) = find_open_question(&request.backend, link.user_id).await? else {
        return Ok(view! { <InvalidLinkPage request=request purpose=Purpose::Answer /> }.into_any());
    };
    let is_recognised = request.context.proof(&Password::default()).recognises(link.user_id);
    let rights = match (link.unconfirmed && !is_recognised, link.has_password) {
        (false, _) => Rights::Full,
        (true, true) => Rights::WithPassword,
        (true, false) => Rights::WithMicrosoft,
    };
    let asked = Asked { username: link.username, question, token, rights, may_dispute: link.unconfirmed };
    Ok(view! { <QuestionPage request=request asked=asked /> }.into_any())
}

/// The page of a question without its link, for an applicant who has registered in this browser or has just given their password.
#[component]
pub fn AnswerPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let suspended = Suspend::new(async move {
        page_without_link(request).await.unwrap_or_else(|error| internal_error_page(&error))
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

async fn page_without_link(request: PageRequest) -> Result<AnyView, InternalError> {
    let Some(user_id) = request.context.applicant() else { return status_page(request).await };
    let registration = find_registration(&request.backend, user_id).await?;
    let question = find_open_question(&request.backend, user_id).await?;
    let (Some(registration), Some(question)) = (registration, question) else {
        return status_page(request).await;
    };
    if !matches!(registration.state, RegistrationState::Question { .. }) {
        return status_page(request).await;
    }
    let rights = if request.context.password_verified.is_some() { Rights::Full } else { Rights::AnswerOnly };
    let (username, token) = (registration.username, String::new());
    let asked = Asked { username, question, token, rights, may_dispute: false };
    Ok(view! { <QuestionPage request=request asked=asked /> }.into_any())
}

/// The question, the earlier answers, and the forms.
#[component]
fn QuestionPage(request: PageRequest, asked: Asked) -> impl IntoView {
    let lead = format!("An administrator has a question about the registration of {}.", asked.username);
    let earlier = match asked.rights {
        Rights::Full | Rights::AnswerOnly => asked.question.earlier.clone(),
        Rights::WithPassword | Rights::WithMicrosoft => Vec::new(),
    };
    let token = asked.token.clone();
    let can_resend = request.context.password_verified.is_some_and(|verified| verified.can_confirm);
    view! {
        <SignedOutLayout request=request.clone() title="Answer a question".to_owned() lead=lead step=ProgressStep::Approval>
            <blockquote class="border-s-4 border-primary ps-4 wrap-anywhere whitespace-pre-line" dir="auto">{asked.question.question.clone()}</blockquote>
            {can_resend.then(|| view! { <ConfirmationRequest /> })}
            {(!earlier.is_empty()).then(|| view! { <EarlierAnswers earlier=earlier /> })}
            {if asked.rights == Rights::WithMicrosoft {
                view! {
                    <FlashError request=request />
                    <div class="flex flex-wrap gap-3">
                        <a class="btn btn-primary btn-block" href="/ms-login">"Sign in with Microsoft to answer"</a>
                    </div>
                }
                .rendered()
            } else {
                view! { <AnswerForm request=request username=asked.username.clone() token=asked.token question_id=asked.question.id rights=asked.rights /> }.rendered()
            }}
            {asked.may_dispute.then(|| view! {
                <form class="flex flex-col items-start gap-2 text-sm/6 text-muted" method="post" action="/do/disown_registration">
                    <input type="hidden" name="token" value=token />
                    <p>"Not your registration?"</p>
                    <button class="btn btn-outline btn-error">"This wasn't me"</button>
                </form>
            })}
        </SignedOutLayout>
    }
}

/// The form that requests a new link to confirm the email address.
#[component]
fn ConfirmationRequest() -> impl IntoView {
    view! {
        <form class="flex flex-col items-start gap-2 text-sm/6 text-muted" method="post" action="/do/ask_confirmation">
            <input type="hidden" name="page" value="question" />
            <p>"Your email address is not confirmed yet."</p>
            <button class="btn border-line">"Send a new confirmation link"</button>
        </form>
    }
}

/// The answers that the applicant has given before.
#[component]
fn EarlierAnswers(earlier: Vec<AnsweredQuestion>) -> impl IntoView {
    let answers = earlier.into_iter().map(|answered| {
        view! {
            <div>
                <dt class="text-sm text-muted wrap-anywhere whitespace-pre-line" dir="auto">{answered.question}</dt>
                <dd class="wrap-anywhere whitespace-pre-line" dir="auto">{answered.answer}</dd>
            </div>
        }
    });
    view! {
        <section class="flex flex-col gap-2" aria-labelledby="earlier-answers">
            <h2 class="font-semibold" id="earlier-answers">"Your earlier answers"</h2>
            <dl class="flex flex-col gap-3">{answers.collect_view()}</dl>
        </section>
    }
}

/// The form that answers the question, with a button that withdraws the request. The button is hidden at first, because it deletes
/// the account with one press.
#[component]
fn AnswerForm(
    request: PageRequest,
    username: String,
    token: String,
    question_id: i64,
    rights: Rights,
) -> impl IntoView {
    let asks_password = rights == Rights::WithPassword;
    view! {
        <Form action="/do/answer_question".to_owned() errors=request.errors()>
            <input type="hidden" name="token" value=token />
            <input type="hidden" name="page" value="question" />
            <input type="hidden" name="question_id" value=question_id />
            <input type="hidden" name="registration" value=username.clone() />
            {cookie_check()}
            <TextAreaField
                field=Field::Answer
                label="Your answer".to_owned()
                hint=ANSWER_HINT.to_owned()
                value=request.typed(Field::Answer)
                required=true
                rows=5
            />
            {asks_password.then(|| view! {
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
                <button class="btn btn-primary btn-block">"Send answer"</button>
            </div>
            {if rights == Rights::AnswerOnly {
                view! {
                    <p class="text-sm/6 text-muted">
                        "To withdraw your request, go to the "
                        <a href=STATUS_PAGE>"status of your registration"</a>
                        "."
                    </p>
                }
                .rendered()
            } else {
                view! {
                    <details class="text-sm/6 text-muted">
                        <summary class="cursor-pointer py-2">"Withdraw your request"</summary>
                        <div class="flex flex-col items-start gap-2 pt-2">
                            <p>"If you withdraw your request, we'll delete your account."</p>
                            <button class="btn btn-outline btn-error" formaction="/do/withdraw_request">"Withdraw my request"</button>
                        </div>
                    </details>
                }
                .rendered()
            }}
        </Form>
    }
}
