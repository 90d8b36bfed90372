//! The body of Graph's sendMail request.

use serde_json::{Value, json};

use crate::email::templates::Rendered;

/// Composes the body of sendMail. Graph accepts only one body, and only headers that begin with `x-`. So the body has the HTML
/// part only, and no `Auto-Submitted`. No copy is saved to the sender's Sent Items, because it would contain the link or
/// password.
pub(super) fn compose(
    portal_name: &str,
    sender: &str,
    recipient: &str,
    context: &str,
    rendered: &Rendered,
) -> Value {
    let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    json!({
        "message": {
            "subject": rendered.subject,
            "body": { "contentType": "HTML", "content": rendered.html },
            "from": { "emailAddress": { "name": portal_name, "address": sender } },
            "toRecipients": [{ "emailAddress": { "address": recipient } }],
            // The same for every attempt, so that a second copy is recognised.
            "internetMessageId": format!("<{context}@{domain}>"),
            "internetMessageHeaders": [{ "name": "X-Auto-Response-Suppress", "value": "All" }],
        },
        "saveToSentItems": false,
    })
}
