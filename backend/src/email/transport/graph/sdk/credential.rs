//! The token request, built by the SDK and sent by our HTTP client.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult, IdentityResult};
use graph_rs_sdk::identity::{AppConfig, ClientSecretCredential, TokenCredentialExecutor};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::email::transport::graph::response::truncate_reason;
use crate::microsoft::causes;

/// Returns the app's credential of the SDK.
///
/// # Errors
///
/// Returns a sentence if the client ID is not a UUID.
pub(in crate::email::transport::graph) fn client_secret_credential(
    client_id: &str,
    client_secret: &SecretString,
) -> Result<ClientSecretCredential, String> {
    let credential = ClientSecretCredential::new(client_id.trim(), client_secret.expose_secret());
    // The SDK silently turns a client ID that it cannot parse into nil, and reports it only when an email is sent.
    if credential.client_id().is_nil() {
        return Err("CLIENT_ID must be the application (client) ID, a GUID".to_owned());
    }
    Ok(credential)
}

/// The SDK's credential with our token URL, sent by our HTTP client. The SDK builds an HTTP client for each token, and panics
/// if it cannot.
#[derive(Clone)]
pub(in crate::email::transport::graph) struct Credential {
    pub(in crate::email::transport::graph) sdk: ClientSecretCredential,
    pub(in crate::email::transport::graph) token_url: Url,
    pub(in crate::email::transport::graph) scope: String,
    pub(in crate::email::transport::graph) http: reqwest::Client,
}

impl Credential {
    /// Sends the token request.
    ///
    /// # Errors
    ///
    /// Returns the reason why there is no response.
    pub(in crate::email::transport::graph) async fn request_token(
        &self,
    ) -> Result<reqwest::Response, String> {
        self.clone().execute_async().await.map_err(|error| match error {
            AuthExecutionError::Request(error) => {
                truncate_reason(&format!("no token for Graph: {}", causes(error)))
            }
            // The SDK's message may quote the request, and so the secret.
            _ => "no token for Graph: the request could not be created".to_owned(),
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("token_url", &self.token_url.as_str()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredentialExecutor for Credential {
    fn uri(&mut self) -> IdentityResult<Url> {
        Ok(self.token_url.clone())
    }

    /// Includes the client ID and the secret. In a Basic header, each would have to be encoded again (RFC 6749, 2.3.1), which
    /// the SDK does not do: a secret with `%` or `+` would be refused.
    fn form_urlencode(&mut self) -> IdentityResult<HashMap<String, String>> {
        let mut form = self.sdk.form_urlencode()?;
        form.insert("scope".to_owned(), self.scope.clone());
        if let Some((id, secret)) = self.sdk.basic_auth() {
            form.insert("client_id".to_owned(), id);
            form.insert("client_secret".to_owned(), secret);
        }
        Ok(form)
    }

    fn app_config(&self) -> &AppConfig {
        self.sdk.app_config()
    }

    async fn execute_async(&mut self) -> AuthExecutionResult<reqwest::Response> {
        let url = self.uri()?;
        let form = self.form_urlencode()?;
        Ok(self.http.post(url).form(&form).send().await?)
    }
}
