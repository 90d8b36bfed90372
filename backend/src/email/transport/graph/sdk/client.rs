//! The sendMail request, built by the SDK.

use std::sync::Arc;

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use serde_json::Value;
use url::Url;

use crate::email::delivery::SendResult;
use crate::email::transport::graph::token::{TokenCache, TokenFailure};

/// The SDK's client. It builds requests and asks the [`TokenCache`] for their tokens.
#[derive(Clone)]
pub(in crate::email::transport::graph) struct SdkClient(GraphClient);

impl SdkClient {
    /// Returns the client for Graph at `graph_url`. The SDK builds an HTTP client, and panics if it cannot.
    pub(in crate::email::transport::graph) fn new(tokens: Arc<TokenCache>, graph_url: &Url) -> Self {
        let configuration = GraphClientConfiguration::new().client_application(SharedTokens(tokens));
        let mut client = GraphClient::from(configuration);
        // The SDK's other way to set the URL panics on every host but Microsoft's own.
        client.use_test_endpoint(graph_url);
        Self(client)
    }

    /// Builds the request that sends an email as the mailbox of `sender`, with its token.
    pub(in crate::email::transport::graph) async fn send_mail_request(
        &self,
        sender: &str,
        body: &Value,
    ) -> Result<reqwest::Request, SendResult> {
        let request = self.0.user(sender).send_mail(body);
        let request = request.build().await.map_err(build_failure)?.build();
        request.map_err(|_| invalid_request())
    }
}

/// Returns the result of an attempt whose request could not be built.
fn build_failure(failure: GraphFailure) -> SendResult {
    match failure {
        GraphFailure::Other(error) => match error.downcast::<TokenFailure>() {
            Ok(failure) => {
                SendResult::TemporaryFailure { reason: failure.reason, retry_after: failure.retry_after }
            }
            Err(_) => SendResult::temporary_failure("no token for Graph".to_owned()),
        },
        // The SDK's message may quote the whole request.
        _ => invalid_request(),
    }
}

fn invalid_request() -> SendResult {
    SendResult::temporary_failure("the request could not be created".to_owned())
}

/// The source of the SDK client's tokens. With the SDK's own, concurrent sends fetch one token each, and a forced refresh is
/// ignored.
#[derive(Clone)]
struct SharedTokens(Arc<TokenCache>);

#[async_trait]
impl ClientApplication for SharedTokens {
    fn get_token_silent(&mut self) -> AuthExecutionResult<String> {
        Err(AuthExecutionError::Other("tokens are fetched without blocking".into()))
    }

    async fn get_token_silent_async(&mut self) -> AuthExecutionResult<String> {
        self.0.get().await.map_err(|failure| AuthExecutionError::Other(failure.into()))
    }

    fn with_force_token_refresh(&mut self, force_token_refresh: ForceTokenRefresh) {
        if force_token_refresh != ForceTokenRefresh::Never {
            self.0.clear();
        }
    }
}
