//! How the application is registered in Entra, as far as its operator could have done it wrong.
//!
//! Guarantees: nothing is changed there; that it may not be read is no fault, since the portal does not need it.

use chrono::DateTime;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::GraphMail;
use super::answer::{cut, read};
use crate::backend::microsoft::causes;
use crate::domain::time::Timestamp;

/// The registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Where people may be sent back to.
    pub redirects: Vec<String>,
    /// The optional claims of its ID tokens.
    pub claims: Vec<String>,
    /// When our secret ends; `None` where none of the secrets begins like ours.
    pub secret_ends: Option<Timestamp>,
}

/// Why the registration is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The application may not read it.
    #[error("the application may not read its own registration (Application.Read.All)")]
    NotPermitted,
    /// There is no token to ask with.
    #[error("{0}")]
    NoToken(String),
    /// There was no answer, or none that can be read.
    #[error("{0}")]
    Failed(String),
}

/// Graph's resource type `application`, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    web: Web,
    optional_claims: Option<Claims>,
    password_credentials: Vec<Secret>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Web {
    redirect_uris: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Claims {
    id_token: Vec<Claim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claim {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Secret {
    /// The first three characters of the secret.
    hint: Option<String>,
    end_date_time: String,
}

impl GraphMail {
    /// How the application is registered.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn application(&self) -> Result<Application, Unread> {
        let failed = |text: String| Unread::Failed(text);
        let token = self.tokens.get().await.map_err(|failure| Unread::NoToken(failure.reason))?;
        let mut url = self.graph.clone();
        url.path_segments_mut()
            .map_err(|()| failed("the address of Graph has no path".to_owned()))?
            .pop_if_empty()
            .push(&format!("applications(appId='{}')", self.client_id));
        url.set_query(Some("$select=web,optionalClaims,passwordCredentials"));
        let answer = self.http.get(url).bearer_auth(token).send().await;
        let mut answer = answer.map_err(|error| failed(cut(&causes(error))))?;
        let status = answer.status().as_u16();
        let body = read(&mut answer).await;
        match status {
            200 => serde_json::from_slice(&body)
                .map(|answer| self.read_registration(answer))
                .map_err(|_| failed("Graph answered with something else than an application".to_owned())),
            401 | 403 => Err(Unread::NotPermitted),
            other => Err(failed(format!("Graph answered {other}"))),
        }
    }

    fn read_registration(&self, answer: Answer) -> Application {
        let secret = self.client_secret.expose_secret();
        let ours =
            |entry: &&Secret| entry.hint.as_ref().is_some_and(|hint| secret.starts_with(hint.as_str()));
        let ends = answer.password_credentials.iter().filter(ours).filter_map(|entry| {
            DateTime::parse_from_rfc3339(&entry.end_date_time).ok().map(|at| Timestamp(at.timestamp_micros()))
        });
        Application {
            // Of two that begin alike, the one that lives longer: nobody is frightened for nothing.
            secret_ends: ends.max(),
            redirects: answer.web.redirect_uris,
            claims: answer
                .optional_claims
                .unwrap_or_default()
                .id_token
                .into_iter()
                .map(|claim| claim.name)
                .collect(),
        }
    }
}
