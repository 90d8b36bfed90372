//! `/profile/data.json`: everything that the portal stores about the user who requests it.

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use app::http::{REFERENCE, RequestContext};
use backend::Backend;
use backend::accounts::data_export::export_data;
use backend::infra::random;
use domain::errors::error_reference;

/// Returns the data of the user as a file. Authorization admits only users who are signed in.
pub async fn download(
    State(backend): State<Backend>,
    Extension(context): Extension<RequestContext>,
) -> Response {
    let Some(current_user) = &context.current_user else {
        return StatusCode::FORBIDDEN.into_response();
    };
    match export_data(&backend, current_user).await {
        Ok(data) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\""),
            ];
            (headers, format!("{data:#}\n")).into_response()
        }
        Err(failure) => {
            let bits = random::reference();
            tracing::error!(reference = error_reference(bits), cause = %failure, "data export failed");
            let reference = [(REFERENCE, HeaderValue::from(bits))];
            if failure.is_outage() {
                return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], reference).into_response();
            }
            (StatusCode::INTERNAL_SERVER_ERROR, reference).into_response()
        }
    }
}
