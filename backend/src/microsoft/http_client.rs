//! The HTTP client for the identity provider and Graph.
//!
//! Each request uses a new connection. The server or a firewall may be closing an idle connection, and a request with an
//! authorization code, which works once, cannot be sent again. The client uses the operator's proxy (HTTPS_PROXY, NO_PROXY)
//! and the system's certificates (or SSL_CERT_FILE).
//!
//! # Guarantees
//!
//! - Each request ends within [`TIMEOUT`] and reads at most [`MAX_RESPONSE_BYTES`].
//! - No redirect is followed, so that no response can send a request into the operator's network.
//! - Plain http is used only on loopback.
//! - An error contains no secret, no code and no token, so that it may be logged.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use url::{Host, Url};

/// Maximum time of a request in all. It is shorter than the time that the portal waits for Microsoft, so that
/// `TtlCache` records a failed fetch before the request that waits for it is cancelled.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a response body in bytes. Microsoft's keys are about 20 kB, its tokens a few kB.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// A failed request, as a text for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub String);

/// The HTTP client. A clone shares its settings.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Creates a client with the system's certificates and the proxy's settings.
    ///
    /// # Errors
    ///
    /// Fails if no certificate can be read, with a text for the operator.
    pub fn new() -> Result<Self, String> {
        builder()
            .timeout(TIMEOUT)
            .build()
            .map(Self)
            .map_err(|error| format!("could not set up https: {}", causes(error)))
    }

    /// Sends `request` and reads the whole response.
    ///
    /// # Errors
    ///
    /// Fails if there is no response, if it is too long, and if its status is a server error (429, 500 and above) or a redirect
    /// (3xx). A response with any other status is returned.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !Url::parse(&request.uri().to_string()).is_ok_and(|url| is_secure_url(&url)) {
            return Err(HttpError("the URL uses neither https nor this machine".to_owned()));
        }
        let request = reqwest::Request::try_from(request).map_err(HttpError::from)?;
        let mut response = self.0.execute(request).await.map_err(HttpError::from)?;
        let status = response.status();
        if status.is_redirection() || status.is_server_error() || status.as_u16() == 429 {
            return Err(HttpError(format!("status {}", status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(HttpError::from)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(HttpError(format!("response of more than {MAX_RESPONSE_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut complete = HttpResponse::new(body);
        *complete.status_mut() = status;
        *complete.headers_mut() = std::mem::take(response.headers_mut());
        Ok(complete)
    }

    /// Fetches the JSON document at `url`, with the access token `bearer` if there is one.
    ///
    /// # Errors
    ///
    /// Fails like [`HttpClient::send`], and if the status is not 200 or the document is not a `T`.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        url: &Url,
        bearer: Option<&str>,
    ) -> Result<T, HttpError> {
        let mut request = http::Request::get(url.as_str()).header(http::header::ACCEPT, "application/json");
        if let Some(bearer) = bearer {
            let mut value = http::HeaderValue::try_from(format!("Bearer {bearer}"))
                .map_err(|_| HttpError("the access token is not a valid header value".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, value);
        }
        let request = request.body(Vec::new()).map_err(|_| HttpError("the URL is not valid".to_owned()))?;
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(HttpError(format!("status {}", response.status().as_u16())));
        }
        // serde's error may quote the document.
        serde_json::from_slice(response.body())
            .map_err(|_| HttpError("the response is not the expected JSON".to_owned()))
    }
}

// The compiler cannot see that the future of the blanket implementation for closures is `Send`.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self(format!("no response within {} seconds", TIMEOUT.as_secs()));
        }
        Self(causes(error))
    }
}

/// Returns a client builder with the settings of all requests to Microsoft. The caller sets the timeouts.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
}

/// Formats an error with its chain of causes on one line. The last cause ("connection refused", "unknown issuer") usually helps
/// the operator. The URL is left out, so that a token in it is never logged.
pub fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.replace(char::is_control, " ")
}

/// Returns true if requests to `url` cannot be read or changed on the network: https, or http on loopback (development and
/// tests).
pub fn is_secure_url(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

/// Returns true if the host of `url` is loopback.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn no_request_is_lost_when_the_server_closes_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url =
            Url::parse(&format!("http://{}/", listener.local_addr().expect("is bound"))).expect("parses");
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // The first request is answered. A second one on this connection is read and never answered.
                    let mut request = [0; 4096];
                    let read = peer.read(&mut request).await.expect("comes");
                    assert!(read > 0 && request[..read].ends_with(b"\r\n\r\n"));
                    peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                        .await
                        .expect("goes out");
                    let _ = peer.read(&mut request).await;
                });
            }
        });
        let client = HttpClient::new().expect("is made");
        for _ in 0..3 {
            let document: serde_json::Value = client.get_json(&url, None).await.expect("is answered");
            assert!(document.is_object());
        }
    }

    #[test]
    fn plain_http_is_secure_only_on_loopback() {
        for (url, is_secure) in [
            ("https://login.microsoftonline.com/common", true),
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]:8080/", true),
            ("http://localhost/", true),
            ("http://login.microsoftonline.com/common", false),
            ("http://localhost.example.org/", false),
            ("http://127.0.0.1.example.org/", false),
            ("http://10.0.0.1/", false),
            ("file:///etc/passwd", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(is_secure_url(&Url::parse(url).expect("parses")), is_secure, "{url}");
        }
    }
}
