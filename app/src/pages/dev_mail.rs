//! `/dev/mail`: the mails of a development server.

use leptos::prelude::*;

use super::shell::{Shell, brand, head};
use crate::backend::settings::Settings;

/// A mail as the page shows it.
#[derive(Clone, Debug)]
pub struct MailView {
    /// The file's name.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The recipient.
    pub to: String,
    /// The text part.
    pub text: String,
}

/// The whole document.
pub fn render(mails: &[MailView], settings: &Settings, shell: &Shell) -> String {
    let (stylesheet, accent) = (shell.stylesheet.clone(), settings.portal_accent.is_some());
    let mails = mails.to_vec();
    let empty = mails.is_empty();
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
                                {mails.into_iter().enumerate().map(|(index, mail)| one(mail, index == 0)).collect_view()}
                            </div>
                        </main>
                    </div>
                </body>
            </html>
        };
        format!("<!DOCTYPE html>{}", document.to_html())
    })
}

fn one(mail: MailView, open: bool) -> impl IntoView {
    let label = format!("Text of {}", mail.subject);
    view! {
        <details class="mail" open=open>
            <summary>
                <span class="mail-subject">{mail.subject}</span>
                <span class="mail-meta">"To " {mail.to}</span>
            </summary>
            <pre class="mail-text" tabindex="0" aria-label=label>{linked(&mail.text)}</pre>
            <p class="small"><a href=format!("/dev/mail/{}", mail.name)>"HTML part"</a></p>
        </details>
    }
}

/// The text, with lines that are addresses as links.
fn linked(text: &str) -> Vec<AnyView> {
    text.split_inclusive('\n')
        .map(|line| {
            let address = line.trim_end();
            if address.starts_with("http://") || address.starts_with("https://") {
                view! { <a href=address.to_owned()>{address.to_owned()}</a> "\n" }.into_any()
            } else {
                line.to_owned().into_any()
            }
        })
        .collect()
}
