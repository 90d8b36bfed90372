//! The registration that the page of a form has shown.

use backend::Backend;
use backend::accounts::applicant::Applicant;
use backend::accounts::registration_status::find_registration;
use backend::error::UseCaseError;
use domain::errors::ErrorCode;

/// Refuses a form about another registration than the one that the browser shows now. `shown` is the username on the page of the form;
/// it is empty on pages of earlier versions.
pub async fn refuse_other_registration(
    backend: &Backend,
    applicant: Applicant<'_>,
    shown: &str,
) -> Result<(), UseCaseError> {
    let Applicant::Browser(user_id) = applicant else { return Ok(()) };
    let current = find_registration(backend, user_id).await?;
    let is_other = current.is_some_and(|current| !shown.is_empty() && current.username != shown);
    if is_other { Err(ErrorCode::OtherRegistration.into()) } else { Ok(()) }
}
