//! The preview of an email on the page of a decision.

use axum::http::request::Parts;
use leptos::prelude::*;

use crate::http::EmailPreview as Preview;
use crate::pages::card::Card;
use crate::pages::rendered::IntoRendered as _;

/// The email that the form of this page would send, if the form was sent for a preview.
#[component]
pub fn EmailPreview() -> impl IntoView {
    let preview = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Preview>().cloned());
    preview.map(|Preview(email)| {
        view! {
            <Card labelled_by="preview">
                <h2 class="card-title text-base" id="preview">"Preview of the email"</h2>
                {match email {
                    Some(email) => view! {
                        <p class="text-sm text-muted">"This email has not been sent."</p>
                        <dl class="facts">
                            <div><dt>"To"</dt><dd>{email.recipient}</dd></div>
                            <div><dt>"Subject"</dt><dd>{email.subject}</dd></div>
                        </dl>
                        <pre
                            class="max-h-128 overflow-auto rounded-field border border-base-300 bg-base-200 p-4 font-mono text-sm whitespace-pre-wrap wrap-anywhere"
                            tabindex="0"
                            role="group"
                            aria-label="Text of the email"
                        >{email.text}</pre>
                    }
                    .rendered(),
                    None => view! { <p class="text-muted">"No email will be sent."</p> }.rendered(),
                }}
            </Card>
        }
    })
}
