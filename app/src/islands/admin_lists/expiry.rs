//! Elements that are true for a limited time, for example the buttons that undo decisions.

use std::time::Duration;

use leptos::prelude::set_timeout;
use web_sys::Element;

use crate::islands::admin_lists::dom::{all, attribute, find, focus};

/// The attribute with the seconds after which an element is removed. It holds the time that was left when the server rendered the
/// page, because the clock of the browser may be wrong.
const SECONDS: &str = "data-seconds";
/// The longest time for which a timer is started, in seconds. Browsers cannot wait longer than 24 days.
const MAX_SECONDS: u64 = 86_400;

/// Starts the timers of the elements that have been added to the page.
pub(super) fn start_timers() {
    for element in all(&format!("[{SECONDS}]")) {
        let seconds = attribute(&element, SECONDS).parse().unwrap_or(u64::MAX);
        let _ = element.remove_attribute(SECONDS);
        if seconds <= MAX_SECONDS {
            set_timeout(move || remove(&element), Duration::from_secs(seconds));
        }
    }
}

/// Removes the element. If it has the focus, the heading of the queue takes it.
fn remove(element: &Element) {
    let has_focus = element.matches(":focus-within").unwrap_or_default();
    element.remove();
    if let Some(heading) = find("#waiting-title").filter(|_| has_focus) {
        focus(&heading);
    }
}
