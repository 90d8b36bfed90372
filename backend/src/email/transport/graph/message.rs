//! The body of Graph's sendMail request.

use serde_json::{Value, json};

use crate::email::templates::Rendered;
use crate::email::transport::envelope::Envelope;

/// Composes the body of sendMail. Graph accepts only one body, and only headers that begin with `x-`. So the body has the HTML
/// part only, and no `Auto-Submitted`. No copy is saved to the sender's Sent Items, because it would contain the link or
/// password.
pub(super) fn compose(portal_name: &str, envelope: &Envelope, rendered: &Rendered) -> Value {
    json!({
        "message": {
            "subject": rendered.subject,
            "body": { "contentType": "HTML", "content": rendered.html },
            "from": { "emailAddress": { "name": portal_name, "address": envelope.sender } },
            "toRecipients": [{ "emailAddress": { "address": envelope.recipient } }],
            "internetMessageId": envelope.message_id,
            "internetMessageHeaders": [{ "name": "X-Auto-Response-Suppress", "value": "All" }],
        },
        "saveToSentItems": false,
    })
}
