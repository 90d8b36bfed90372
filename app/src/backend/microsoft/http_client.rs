//! The calls to the identity provider and to Graph.
//!
//! Guarantees: each call ends within [`TIME_OUT`] and reads no more than [`MOST_BYTES`]; no redirect is followed, so
//! that no answer can send us to an address inside the operator's network; plain http goes to this very machine alone.
//! Each call has a connection of its own: of one that was idle nobody knows whether the other side, or a firewall on
//! the way, is letting go of it just then, and a call with a code, which works once, can't be made again.
//! The operator's proxy (HTTPS_PROXY, NO_PROXY) and the system's certificates (or SSL_CERT_FILE) hold. What an error
//! says is fit for the log: no secret, no code, no token.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use url::{Host, Url};

/// How long a call may take in all. Less than anybody waits for a page, so that what became of the call is known to those who
/// come next.
pub const TIME_OUT: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes. Microsoft's keys are some 20 kB, its tokens a few kB.
pub const MOST_BYTES: usize = 1024 * 1024;

/// A call that came to nothing, in words for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// What makes the calls. A clone shares the connections.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Reads the system's certificates and the proxy's settings.
    ///
    /// # Errors
    /// When no certificate can be read, in words for the operator.
    pub fn new() -> Result<Self, String> {
        builder()
            .timeout(TIME_OUT)
            .build()
            .map(Self)
            .map_err(|error| format!("could not prepare for https: {}", causes(error)))
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// When none comes, when it is too long, and when it says that the other side is out of order (429, 500 and above)
    /// or would send us elsewhere (3xx). Any other status is an answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        if !Url::parse(&request.uri().to_string()).is_ok_and(|url| is_guarded(&url)) {
            return Err(CallError("neither https nor on this machine".to_owned()));
        }
        let request = reqwest::Request::try_from(request).map_err(CallError::from)?;
        let mut answer = self.0.execute(request).await.map_err(CallError::from)?;
        let status = answer.status();
        if status.is_redirection() || status.is_server_error() || status.as_u16() == 429 {
            return Err(CallError(format!("answered {}", status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(CallError::from)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(CallError(format!("answered with more than {MOST_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// Gets the JSON document at `url`, showing `bearer` if there is one.
    ///
    /// # Errors
    /// As [`HttpClient::send`]; and when the answer is not 200, or not such a document.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        url: &Url,
        bearer: Option<&str>,
    ) -> Result<T, CallError> {
        let mut request = http::Request::get(url.as_str()).header(http::header::ACCEPT, "application/json");
        if let Some(bearer) = bearer {
            let mut value = http::HeaderValue::try_from(format!("Bearer {bearer}"))
                .map_err(|_| CallError("the access token fits in no header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, value);
        }
        let request =
            request.body(Vec::new()).map_err(|_| CallError("the address fits in no request".to_owned()))?;
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(CallError(format!("answered {}", response.status().as_u16())));
        }
        // What serde would say may quote the document.
        serde_json::from_slice(response.body())
            .map_err(|_| CallError("answered with something else than the expected JSON".to_owned()))
    }
}

// The blanket implementation for closures makes a future of which the compiler can't see that it is `Send`.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self(format!("no answer within {} seconds", TIME_OUT.as_secs()));
        }
        Self(causes(error))
    }
}

/// What all calls to Microsoft have in common; the time-outs are the caller's.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
}

/// An error and what lies behind it, on one line: the last part ("connection refused", "unknown issuer") is the one
/// that helps. Without the address, which whoever called knows: a token in it never reaches the log this way.
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

/// Whether nobody on the way can read or change what goes to `url`: https, or http that stays on this machine
/// (development and tests).
pub fn is_guarded(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

/// Whether an address leads to this very machine.
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
    async fn no_call_is_lost_with_a_connection_that_the_other_side_lets_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let url =
            Url::parse(&format!("http://{}/", listener.local_addr().expect("is bound"))).expect("parses");
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // The first request is answered; of the second is seen no more than that it comes.
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
            let answer: serde_json::Value = client.get_json(&url, None).await.expect("is answered");
            assert!(answer.is_object());
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for (address, guarded) in [
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
            assert_eq!(is_guarded(&Url::parse(address).expect("parses")), guarded, "{address}");
        }
    }
}
