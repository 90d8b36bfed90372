//! The decisions of administrators about accounts, and undoing them.

#![allow(
    clippy::too_many_arguments,
    reason = "the arguments of a server function are the fields of its form"
)]

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Decides about a user. `mark` is the mark of the user as the page has shown them, and `from` the page to return to. A script that
/// updates its own page sends `stay` and gets the user as they are now. The applicant is told of a rejection by email if `silent` is
/// `no`.
#[server(prefix = "/do", endpoint = "decide")]
pub async fn decide(
    #[server(default)] id: String,
    #[server(default)] mark: String,
    #[server(default)] decision: String,
    #[server(default)] reason: String,
    #[server(default)] note: String,
    #[server(default)] question: String,
    #[server(default)] silent: String,
    #[server(default)] from: String,
    #[server(default)] stay: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, admin_page, list_page};
    use backend::admin::decisions;
    use backend::admin::users::find_user_row;
    use backend::error::UseCaseError;
    use domain::decision::{DecisionForm, Mark};
    use domain::errors::{ErrorCode, Field};
    use domain::status::{AdminAction, UserId};

    let page = admin_page(&from);
    action(&page)
        .keep(Field::Silent, &silent)
        .keep(Field::Reason, &reason)
        .keep(Field::Note, &note)
        .keep(Field::Question, &question)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: UserId = id.trim().parse().map_err(|_| ErrorCode::UserNotFound)?;
            let admin_action = AdminAction::from_slug(&decision).ok_or(ErrorCode::FormMalformed)?;
            let form = DecisionForm::parse(admin_action, &silent, &reason, &note, &question)?;
            let mark: Option<Mark> = if mark.is_empty() { None } else { Some(mark.parse()?) };
            let client_ip = cx.request.client_ip.to_string();
            let result = decisions::decide(&cx.backend, id, mark, &form, &admin, &client_ip).await;
            let errors = match result {
                Ok(decided) => {
                    let user = find_user_row(&cx.backend, admin.user_id, id).await?;
                    cx.set_affected_user(user.as_ref());
                    if stay.is_empty() {
                        return Ok(ActionResponse::redirect_with(list_page(&page), decided.message()));
                    }
                    return Ok(ActionResponse::stay(decided.message(), user));
                }
                // An administrator who has lost the role in the meantime must not see the user.
                Err(UseCaseError::Rejected(errors))
                    if matches!(errors.form, Some(ErrorCode::SignedOut | ErrorCode::Forbidden)) =>
                {
                    return Ok(ActionResponse::Refused(errors));
                }
                Err(UseCaseError::Rejected(errors)) => errors,
                Err(error) => return Err(error.into()),
            };
            let user = find_user_row(&cx.backend, admin.user_id, id).await?;
            cx.set_affected_user(user.as_ref());
            let has_changed =
                matches!(errors.form, Some(ErrorCode::AccountChanged | ErrorCode::WrongStatus(_)));
            Ok(match user {
                Some(user) if !stay.is_empty() => ActionResponse::Stale(errors, Box::new(user)),
                // The page shows the user as they are now.
                Some(_) if has_changed => {
                    ActionResponse::Redirect { to: page, message: None, errors: Some(errors) }
                }
                _ => ActionResponse::Refused(errors),
            })
        })
        .await
}

/// Decides about several users. Each of `people` is the id and the mark of a user: `7:1800000000000000-member`. Instead of them, a
/// form may name everyone in the queue whose email address has the domain `domain`, or who registered from the client `ip`, up to
/// the id `up_to`, as the page has shown them at `shown_at`. Such a form decides about the next 50 after the id `after`, and
/// continues the batch `batch`, in which `not_done` people had another result. People whose email address is not confirmed are
/// approved only if `unconfirmed` is `yes`.
#[server(prefix = "/do", endpoint = "decide_many")]
pub async fn decide_many(
    #[server(default)] people: Vec<String>,
    #[server(default)] decision: String,
    #[server(default)] reason: String,
    #[server(default)] note: String,
    #[server(default)] question: String,
    #[server(default)] silent: String,
    #[server(default)] domain: String,
    #[server(default)] ip: String,
    #[server(default)] up_to: String,
    #[server(default)] shown_at: String,
    #[server(default)] after: String,
    #[server(default)] batch: String,
    #[server(default)] not_done: String,
    #[server(default)] unconfirmed: String,
    #[server(default)] from: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, admin_page};
    use backend::admin::decisions;
    use domain::decision::{DecisionForm, FilteredQueue, parse_person};
    use domain::errors::{ErrorCode, Field};
    use domain::status::{AdminAction, UserId};

    let page = admin_page(&from);
    action(&page)
        .keep(Field::Silent, &silent)
        .keep(Field::Unconfirmed, &unconfirmed)
        .keep(Field::Reason, &reason)
        .keep(Field::Note, &note)
        .keep(Field::Question, &question)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let admin_action = AdminAction::from_slug(&decision)
                .filter(|action| action.status_after().is_some())
                .ok_or(ErrorCode::FormMalformed)?;
            let mut form = DecisionForm::parse(admin_action, &silent, &reason, &note, &question)?;
            form.confirmed_only = unconfirmed != "yes";
            let client_ip = cx.request.client_ip.to_string();
            let mut report = if let Some(queue) = FilteredQueue::parse(&domain, &ip, &up_to, &shown_at)? {
                let after: UserId = if after.is_empty() {
                    UserId(0)
                } else {
                    after.parse().map_err(|_| ErrorCode::FormMalformed)?
                };
                let batch = (!batch.is_empty()).then_some(batch.as_str());
                decisions::decide_filtered(&cx.backend, queue, after, batch, &form, &admin, &client_ip)
                    .await?
            } else {
                let people =
                    people.iter().map(|person| parse_person(person)).collect::<Result<Vec<_>, _>>()?;
                decisions::decide_many(&cx.backend, people, &form, &admin, &client_ip).await?
            };
            report.not_done_before = not_done.parse().unwrap_or(0);
            report.people = decisions::describe_report(&cx.backend, &report, admin.user_id).await?;
            Ok(ActionResponse::Batch(report))
        })
        .await
}

/// Undoes the decision `id`, or the next decisions of `batch` after the one with the id `after`, of which `not_done` had another
/// result.
#[server(prefix = "/do", endpoint = "undo_decision")]
pub async fn undo_decision(
    #[server(default)] id: String,
    #[server(default)] batch: String,
    #[server(default)] after: String,
    #[server(default)] not_done: String,
    #[server(default)] from: String,
    #[server(default)] stay: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, admin_page, list_page};
    use backend::admin::decisions;
    use backend::admin::users::find_user_row;
    use domain::errors::ErrorCode;

    let page = list_page(&admin_page(&from)).to_owned();
    action(&page)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let client_ip = cx.request.client_ip.to_string();
            if !batch.is_empty() {
                let after: i64 =
                    if after.is_empty() { 0 } else { after.parse().map_err(|_| ErrorCode::FormMalformed)? };
                let mut report =
                    decisions::undo_batch(&cx.backend, &batch, after, &admin, &client_ip).await?;
                report.not_done_before = not_done.parse().unwrap_or(0);
                report.people = decisions::describe_report(&cx.backend, &report, admin.user_id).await?;
                return Ok(ActionResponse::Batch(report));
            }
            let id: i64 = id.trim().parse().map_err(|_| ErrorCode::DecisionNotFound)?;
            let undone = decisions::undo_decision(&cx.backend, id, &admin, &client_ip).await?;
            let user = find_user_row(&cx.backend, admin.user_id, undone.user_id).await?;
            cx.set_affected_user(user.as_ref());
            if stay.is_empty() {
                return Ok(ActionResponse::redirect_with(&page, undone.message()));
            }
            Ok(ActionResponse::stay(undone.message(), user))
        })
        .await
}
