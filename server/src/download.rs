//! `/profile/data.json`: everything that the portal keeps about whoever asks.

use app::api::http::Caller;
use app::backend::Backend;
use app::backend::queries::profile::read_download;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// Their data as a file. The gate lets nobody come here who is not signed in.
pub async fn download(State(backend): State<Backend>, Extension(caller): Extension<Caller>) -> Response {
    let Some(viewer) = &caller.viewer else {
        return StatusCode::FORBIDDEN.into_response();
    };
    match read_download(&backend, viewer).await {
        Ok(data) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\""),
            ];
            (headers, format!("{data:#}\n")).into_response()
        }
        Err(failure) => {
            tracing::error!(cause = %failure, "a download could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
