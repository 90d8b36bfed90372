//! The app registration in Microsoft Entra, as far as the operator's settings depend on it.
//!
//! # Guarantees
//!
//! - Nothing is changed in Entra.
//! - A missing permission to read the registration has an error of its own, because the portal does not need it.

use chrono::DateTime;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::email::transport::graph::GraphEmail;
use crate::email::transport::graph::response::{read_body, truncate_reason};
use crate::microsoft::causes;
use domain::time::Timestamp;

/// An app registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRegistration {
    /// The registered redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The optional claims of its ID tokens.
    pub optional_claims: Vec<String>,
    /// The time at which the portal's client secret expires. `None` if no secret begins like it.
    pub secret_expires_at: Option<Timestamp>,
}

/// The reason that the app registration could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppRegistrationError {
    /// The application has no permission to read it.
    #[error("the application has no permission to read its own registration (Application.Read.All)")]
    NotPermitted,
    /// There is no access token for Graph.
    #[error("{0}")]
    NoToken(String),
    /// Graph did not answer, or its answer is not valid.
    #[error("{0}")]
    Failed(String),
}

/// Graph's resource type `application`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ApplicationResource {
    web: Web,
    optional_claims: Option<OptionalClaims>,
    password_credentials: Vec<PasswordCredential>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Web {
    redirect_uris: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OptionalClaims {
    id_token: Vec<OptionalClaim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OptionalClaim {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PasswordCredential {
    /// The first three characters of the secret.
    hint: Option<String>,
    end_date_time: String,
}

impl GraphEmail {
    /// Reads the app registration.
    ///
    /// # Errors
    ///
    /// Returns the reason that it could not be read.
    pub async fn app_registration(&self) -> Result<AppRegistration, AppRegistrationError> {
        let failed = |text: String| AppRegistrationError::Failed(text);
        let token =
            self.tokens.get().await.map_err(|failure| AppRegistrationError::NoToken(failure.reason))?;
        let mut url = self.graph_url.clone();
        url.path_segments_mut()
            .map_err(|()| failed("GRAPH_URL cannot have a path".to_owned()))?
            .pop_if_empty()
            .push(&format!("applications(appId='{}')", self.client_id));
        url.set_query(Some("$select=web,optionalClaims,passwordCredentials"));
        let response = self.http.get(url).bearer_auth(token).send().await;
        let mut response = response.map_err(|error| failed(truncate_reason(&causes(error))))?;
        let status = response.status().as_u16();
        let body = read_body(&mut response).await;
        match status {
            200 => serde_json::from_slice(&body)
                .map(|resource| self.parse_registration(resource))
                .map_err(|_| failed("Graph did not return an app registration".to_owned())),
            401 | 403 => Err(AppRegistrationError::NotPermitted),
            other => Err(failed(format!("Graph answered {other}"))),
        }
    }

    fn parse_registration(&self, resource: ApplicationResource) -> AppRegistration {
        let secret = self.client_secret.expose_secret();
        let is_ours = |credential: &&PasswordCredential| {
            credential.hint.as_ref().is_some_and(|hint| secret.starts_with(hint.as_str()))
        };
        let expiry_times = resource.password_credentials.iter().filter(is_ours).filter_map(|credential| {
            DateTime::parse_from_rfc3339(&credential.end_date_time)
                .ok()
                .map(|at| Timestamp(at.timestamp_micros()))
        });
        AppRegistration {
            // If several secrets begin alike, the latest expiry time counts, so that there is no false warning.
            secret_expires_at: expiry_times.max(),
            redirect_uris: resource.web.redirect_uris,
            optional_claims: resource
                .optional_claims
                .unwrap_or_default()
                .id_token
                .into_iter()
                .map(|claim| claim.name)
                .collect(),
        }
    }
}
