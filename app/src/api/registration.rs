//! The actions of applicants until an administrator has decided: answering a question, and withdrawing the request.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Answers the question `question_id` of an administrator, with the token of its link or in a browser that knows the applicant, whose
/// username `registration` the page has shown.
#[server(prefix = "/do", endpoint = "answer_question")]
pub async fn answer_question(
    #[server(default)] token: String,
    #[server(default)] answer: String,
    #[server(default)] password: Password,
    #[server(default)] question_id: String,
    #[server(default)] registration: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, question_page, refuse_other_registration};
    use backend::accounts::questions::{Answer, answer_question};
    use domain::errors::{Field, FormErrors};
    use domain::flash_message::FlashMessage;
    use domain::validation::parse_answer;

    action(&question_page(&token))
        .keep(Field::Answer, &answer)
        .run(async move |cx| {
            let applicant = cx.request.applicant_of(&token)?;
            refuse_other_registration(&cx.backend, applicant, &registration).await?;
            let text = parse_answer(&answer).map_err(|code| FormErrors::of_field(Field::Answer, code))?;
            let answer = Answer { question_id: question_id.parse().ok(), text };
            answer_question(&cx.backend, applicant, &answer, &cx.request.proof(&password)).await?;
            Ok(ActionResponse::redirect_with("/login", FlashMessage::AnswerSaved))
        })
        .await
}

/// Withdraws the request and deletes the account. `registration` is the username that the page has shown, and `page` is `question` for
/// the form of a question, which has an answer too.
#[server(prefix = "/do", endpoint = "withdraw_request")]
pub async fn withdraw_request(
    #[server(default)] token: String,
    #[server(default)] answer: String,
    #[server(default)] password: Password,
    #[server(default)] page: String,
    #[server(default)] registration: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, STATUS_PAGE, action, question_page, refuse_other_registration};
    use backend::accounts::applicant::Applicant;
    use backend::accounts::withdrawal::withdraw_request;
    use backend::error::UseCaseError;
    use domain::errors::Field;
    use domain::flash_message::FlashMessage;

    let asks_question = page == "question";
    let path = if asks_question { question_page(&token) } else { STATUS_PAGE.to_owned() };
    action(&path)
        .keep(Field::Answer, &answer)
        .run(async move |cx| {
            let applicant = cx.request.applicant_of(&token)?;
            refuse_other_registration(&cx.backend, applicant, &registration).await?;
            let withdrawn = withdraw_request(&cx.backend, applicant, &cx.request.proof(&password)).await;
            match (withdrawn, applicant) {
                // The form of the question has no password. The page with the status does.
                (Err(UseCaseError::Rejected(errors)), Applicant::Browser(_)) if asks_question => {
                    let to = STATUS_PAGE.to_owned();
                    Ok(ActionResponse::Redirect { to, message: None, errors: Some(errors) })
                }
                (Err(error), _) => Err(error.into()),
                (Ok(()), applicant) => {
                    if let Applicant::Browser(user_id) = applicant {
                        cx.forget_registration(user_id);
                    }
                    Ok(ActionResponse::redirect_with("/", FlashMessage::RequestWithdrawn))
                }
            }
        })
        .await
}
