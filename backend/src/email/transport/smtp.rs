//! The SMTP transport.

use std::net::Ipv4Addr;
use std::time::Duration;

use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as MimeMessage, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::email::delivery::SendResult;
use crate::email::transport::InvalidTransport;

/// The longest time for one exchange with the mail server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the client for the mail server at `url`. It greets the server with the name in the path of `url`, or else with the host
/// of the portal.
pub(super) fn client(
    url: &SecretString,
    public_url: &Url,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, InvalidTransport> {
    let invalid = |error: String| InvalidTransport(error);
    let parsed = Url::parse(url.expose_secret()).map_err(|e| invalid(e.to_string()))?;
    let has_name = !parsed.path().trim_matches('/').is_empty();
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
        .map_err(|e| invalid(e.to_string()))?
        .timeout(Some(TIMEOUT));
    // The library reads the name from the path.
    let builder = if has_name { builder } else { builder.hello_name(client_name(public_url)) };
    Ok(builder.build())
}

/// Returns the name with which the portal greets mail servers (EHLO). Servers refuse the name of a host without its domain, so
/// an IP address takes its place (RFC 5321, 4.1.4).
fn client_name(public_url: &Url) -> ClientId {
    match public_url.host() {
        Some(Host::Domain(host)) if host.contains('.') => ClientId::Domain(host.to_owned()),
        Some(Host::Ipv4(ip)) => ClientId::Ipv4(ip),
        Some(Host::Ipv6(ip)) => ClientId::Ipv6(ip),
        _ => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

/// Checks if the mail server accepts the connection and the credentials.
pub(super) async fn check(client: &AsyncSmtpTransport<Tokio1Executor>) -> Result<String, String> {
    match client.test_connection().await {
        Ok(true) => Ok("the mail server accepts the connection and the credentials".to_owned()),
        Ok(false) => Err("the mail server closed the connection".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Sends an email to the mail server.
pub(super) async fn send(client: &AsyncSmtpTransport<Tokio1Executor>, message: MimeMessage) -> SendResult {
    match client.send(message).await {
        Ok(_) => SendResult::Accepted,
        Err(error) => {
            let reason = error.to_string();
            if error.is_permanent() && is_about_recipient(&reason) {
                SendResult::PermanentFailure(reason)
            } else {
                SendResult::temporary_failure(reason)
            }
        }
    }
}

/// Returns true if a permanent answer of the mail server is about the recipient, by its enhanced status code (RFC 3463).
///
/// The operator can fix everything else, or it passes: a wrong password (535), a full disk or quota (552), a refused command or
/// sender. Then the email is attempted again, as it is after an answer without such a code, which may mean either.
fn is_about_recipient(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let enhanced = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()))
        .find(|word| word.starts_with("5.") && word.split('.').count() == 3 && word.split('.').all(digits));
    // No such mailbox or domain, a bad or ambiguous email address, moved, no email for the domain; disabled; Exchange: not found.
    matches!(enhanced, Some("5.1.1" | "5.1.2" | "5.1.3" | "5.1.4" | "5.1.6" | "5.1.10" | "5.2.1" | "5.4.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_about_the_recipient_is_permanent() {
        for text in [
            "permanent error (550): 5.1.1 no such mailbox here",
            "permanent error (550): 5.4.1 Recipient address rejected: Access denied",
            "permanent error (553): 5.1.3 bad address",
            "permanent error (550): 5.2.1 mailbox disabled",
        ] {
            assert!(is_about_recipient(text), "{text}");
        }
        for text in [
            "permanent error (535): 5.7.8 authentication failed",
            "permanent error (552): 5.2.2 over quota",
            "permanent error (552): too much mail data",
            "permanent error (504): 5.5.2 host name rejected: need a fully qualified name",
            "permanent error (550): 5.7.1 relaying denied",
            "permanent error (550): relay not permitted",
            "permanent error (550): 5.1.8 sender address rejected",
            "permanent error (554): 5.7.1 blocked by policy, see 10.1.1.1",
            "permanent error (530): 5.7.0 must issue a STARTTLS command first",
        ] {
            assert!(!is_about_recipient(text), "{text}");
        }
    }
}
