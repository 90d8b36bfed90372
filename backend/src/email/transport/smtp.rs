//! The SMTP transport.

use std::time::Duration;

use lettre::{AsyncSmtpTransport, AsyncTransport, Message as MimeMessage, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::email::delivery::SendResult;
use crate::email::transport::InvalidTransport;

/// The longest time for one exchange with the mail server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the client for the mail server at `url`.
pub(super) fn client(url: &SecretString) -> Result<AsyncSmtpTransport<Tokio1Executor>, InvalidTransport> {
    AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
        .map(|builder| builder.timeout(Some(TIMEOUT)).build())
        .map_err(|error| InvalidTransport(error.to_string()))
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
