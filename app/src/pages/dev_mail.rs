//! `/dev/mail`: the emails that a development server has written to files.

use leptos::prelude::*;

use crate::pages::document::{DocumentAssets, brand, head};
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
                <head>{head(stylesheet, accent)}<title>"Mail of this development server"</title></head>
                <body>
                    <div class="app">
                        <header class="app-head"><div class="app-head-in">{brand(settings)}</div></header>
                        <main class="app-main app-main-text" id="main" tabindex="-1">
                            <div class="page-head"><div>
                                <h1 class="title">"Mail"</h1>
                                <p class="lead">"What this development server has sent, the newest first."</p>
                            </div></div>
                            <div class="list">
                                {empty.then(|| view! { <div class="empty"><h2 class="empty-title">"No mail yet"</h2></div> })}
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
        <details class="mail" open=is_open>
            <summary>
                <span class="mail-subject">{email.subject}</span>
                <span class="mail-meta">"To " {email.to}</span>
            </summary>
            <pre class="mail-text" tabindex="0" aria-label=label>{linkify(&email.text)}</pre>
            <p class="small"><a href=format!("/dev/mail/{}", email.name)>"HTML part"</a></p>
        </details>
    }
}

/// Renders the text, with lines that are URLs as links.
fn linkify(text: &str) -> Vec<AnyView> {
    text.split_inclusive('\n')
        .map(|line| {
            let url = line.trim_end();
            if url.starts_with("http://") || url.starts_with("https://") {
                view! { <a href=url.to_owned()>{url.to_owned()}</a> "\n" }.into_any()
            } else {
                line.to_owned().into_any()
            }
        })
        .collect()
}
