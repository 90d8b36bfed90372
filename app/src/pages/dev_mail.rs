//! `/dev/mail`: the emails that a development server has written to files.

use leptos::prelude::*;

use crate::pages::document::{DocumentAssets, brand, head};
use crate::pages::layouts::PageHeading;
use crate::pages::rendered::{IntoRendered as _, Rendered};
use backend::settings::Settings;

/// An email as the page shows it.
#[derive(Clone, Debug)]
pub struct DevEmail {
    /// The name of the file.
    pub name: String,
    /// The subject of the email.
    pub subject: String,
    /// The email address of the recipient.
    pub to: String,
    /// The text part of the email.
    pub text: String,
}

/// Renders the page as a whole document.
pub fn render(emails: &[DevEmail], settings: &Settings, assets: &DocumentAssets) -> String {
    let (stylesheet, accent) = (assets.stylesheet.clone(), settings.portal_accent.is_some());
    let emails = emails.to_vec();
    let empty = emails.is_empty();
    Owner::new_root(None).with(|| {
        let document = view! {
            <html lang="en">
                <head>{head(stylesheet, accent)}<title>"Emails of this development server"</title></head>
                <body>
                    <div class="mx-auto max-w-184 px-4 pb-12">
                        <header class="py-2">{brand(settings, false)}</header>
                        <main class="flex flex-col gap-6 pt-4" id="main" tabindex="-1">
                            <PageHeading
                                title="Emails".to_owned()
                                lead="Emails that this development server has sent, the newest first.".to_owned()
                            />
                            <div class="card card-border divide-y divide-base-300 border-base-300 bg-base-100">
                                {empty.then(|| view! { <h2 class="p-12 text-center font-semibold">"No emails yet"</h2> })}
                                {emails.into_iter().enumerate().map(|(index, email)| email_item(email, index == 0)).collect_view()}
                            </div>
                        </main>
                    </div>
                </body>
            </html>
        };
        format!("<!DOCTYPE html>{}", document.to_html())
    })
}

/// Renders one email. `is_open` shows its text immediately.
fn email_item(email: DevEmail, is_open: bool) -> impl IntoView {
    let label = format!("Text of {}", email.subject);
    view! {
        <details class="p-4" open=is_open>
            <summary class="cursor-pointer wrap-anywhere">
                <span class="font-semibold">{email.subject}</span>
                <span class="block text-sm text-muted">"To " {email.to}</span>
            </summary>
            <pre
                class="my-3 max-h-128 overflow-auto rounded-field border border-base-300 bg-base-200 p-4 font-mono text-sm whitespace-pre-wrap wrap-anywhere"
                tabindex="0"
                aria-label=label
            >{linkify(&email.text)}</pre>
            <p class="text-sm"><a href=format!("/dev/mail/{}", email.name)>"HTML part"</a></p>
        </details>
    }
}

/// Renders the text, with lines that are URLs as links.
fn linkify(text: &str) -> Vec<Rendered> {
    text.split_inclusive('\n')
        .map(|line| {
            let url = line.trim_end();
            if url.starts_with("http://") || url.starts_with("https://") {
                view! { <a href=url.to_owned()>{url.to_owned()}</a> "\n" }.rendered()
            } else {
                line.to_owned().rendered()
            }
        })
        .collect()
}
