//! The theme: light, dark or that of the system. A cookie remembers it, so that the server renders the right theme immediately.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlElement};

use crate::api::appearance::SetTheme;
use crate::components::icon::{Icon, IconName};
use crate::islands::api_client::send;

/// The three choices. Without scripts, a form that returns to the same page.
#[island]
pub fn ThemeSwitch(
    /// The current choice: `system`, `light` or `dark`.
    theme: String,
    /// The path and query of the current page.
    page: String,
) -> impl IntoView {
    let chosen = RwSignal::new(theme);
    let choose = move |event: Event, theme: &'static str| {
        event.prevent_default();
        chosen.set(theme.to_owned());
        apply_theme(theme);
        spawn_local(async move {
            // The theme has already changed. If the cookie cannot be set, the next page has the old theme again.
            let _ = send(SetTheme::PATH, &[("theme", theme)]).await;
        });
    };
    let choices = [
        ("system", "System theme", IconName::Monitor),
        ("light", "Light theme", IconName::Sun),
        ("dark", "Dark theme", IconName::Moon),
    ];
    let buttons = choices.map(|(name, label, icon)| {
        view! {
            <button
                class="btn btn-ghost btn-square text-muted aria-pressed:border-line aria-pressed:bg-base-100 aria-pressed:text-base-content forced-colors:aria-pressed:outline-2"
                name="theme"
                value=name
                title=label
                aria-label=label
                aria-pressed=move || (chosen.get() == name).to_string()
                on:click=move |event| choose(event.into(), name)
            >
                <Icon name=icon />
            </button>
        }
    });
    view! {
        <form class="ms-auto" method="post" action="/do/set_theme">
            <input type="hidden" name="from" value=page />
            <div class="flex gap-0.5" role="group" aria-label="Theme">{buttons.collect_view()}</div>
        </form>
    }
}

fn apply_theme(theme: &str) {
    let root = document().document_element().and_then(|root| root.dyn_into::<HtmlElement>().ok());
    let Some(root) = root else { return };
    let _ = match theme {
        "system" => root.remove_attribute("data-theme"),
        theme => root.set_attribute("data-theme", &format!("vestibule-{theme}")),
    };
}
