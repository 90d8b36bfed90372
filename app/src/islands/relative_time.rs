//! Times: UTC from the server, "3 minutes ago" once scripts run, and the full time on hover and focus. They stay true while the
//! page is open.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use domain::time::{Timestamp, ago, rfc3339, utc_text};

/// Returns the current time of the browser's clock.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for the next 200,000 years")]
pub fn browser_now() -> Timestamp {
    Timestamp((js_sys::Date::now() as i64).saturating_mul(1_000))
}

/// The interval at which relative times are updated.
const TICK: Duration = Duration::from_secs(20);

/// Calls `update` now, and again at every tick until the island is removed.
fn on_every_tick(update: impl Fn() + 'static) {
    update();
    if let Ok(interval) = set_interval_with_handle(update, TICK) {
        on_cleanup(move || interval.clear());
    }
}

/// A time. [`RelativeTimes`] replaces its text with the relative time.
#[component]
pub fn UtcTime(
    /// The time.
    at: Timestamp,
) -> impl IntoView {
    let (full, message) = (utc_text(at), utc_text(at));
    view! { <time class="when" data-ago datetime=rfc3339(at) title=full>{message}</time> }
}

/// Replaces the text of every [`UtcTime`] on the page with the relative time, again at every tick. It is one island for all times,
/// because one island per time would cost the server more than the times themselves.
#[island]
pub fn RelativeTimes() -> impl IntoView {
    Effect::new(|_| on_every_tick(show_relative_times));
}

/// Replaces the text of every [`UtcTime`] with the relative time.
pub fn show_relative_times() {
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
}

/// Parses the output of [`rfc3339`].
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit for the next 200,000 years")]
fn parse(text: &str) -> Option<Timestamp> {
    let milliseconds = js_sys::Date::parse(text);
    (!milliseconds.is_nan()).then(|| Timestamp((milliseconds as i64).saturating_mul(1_000)))
}
