//! Times: date and time in UTC from the server, "3 minutes ago" once scripts run, the full time on hover and focus.

use leptos::prelude::*;

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

/// An instant on a page.
#[island]
pub fn Time(
    /// The instant.
    at: Timestamp,
) -> impl IntoView {
    view! { <When at=at /> }
}
