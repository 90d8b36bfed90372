//! Times: date and time in UTC from the server, "3 minutes ago" once scripts run, the full time on hover and focus.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::domain::time::{Timestamp, ago, rfc3339, utc_text};

/// The present, by the browser's clock.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for the next 200,000 years")]
fn browser_now() -> Timestamp {
    Timestamp((js_sys::Date::now() as i64).saturating_mul(1_000))
}

/// An instant.
#[component]
pub fn When(
    /// The instant.
    at: Timestamp,
) -> impl IntoView {
    let full = utc_text(at);
    let words = RwSignal::new(full.clone());
    // After hydration, so that nothing mismatches; inside a box that keeps its size.
    Effect::new(move |_| words.set(ago(browser_now(), at)));
    view! { <time class="when" datetime=rfc3339(at) title=full>{move || words.get()}</time> }
}

/// An instant on a page that is alive nowhere else; [`LiveTimes`] says how long ago it was.
#[component]
pub fn Time(
    /// The instant.
    at: Timestamp,
) -> impl IntoView {
    let (full, words) = (utc_text(at), utc_text(at));
    view! { <time class="when" data-ago datetime=rfc3339(at) title=full>{words}</time> }
}

/// Brings every [`Time`] of the page to life, once. One island for all: each costs the server more than what it shows.
#[island]
pub fn LiveTimes() -> impl IntoView {
    Effect::new(|_| {
        let now = browser_now();
        let Ok(times) = document().query_selector_all("time[data-ago]") else { return };
        for index in 0..times.length() {
            let Some(time) = times.get(index).and_then(|node| node.dyn_into::<Element>().ok()) else {
                continue;
            };
            let at = time.get_attribute("datetime").and_then(|text| parse(&text));
            if let Some(at) = at {
                time.set_text_content(Some(&ago(now, at)));
            }
        }
    });
}

/// Reads what [`rfc3339`] wrote.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for the next 200,000 years")]
fn parse(text: &str) -> Option<Timestamp> {
    let milliseconds = js_sys::Date::parse(text);
    (!milliseconds.is_nan()).then(|| Timestamp((milliseconds as i64).saturating_mul(1_000)))
}
