//! Leaving a page whose session is over: nothing about a person stays on a screen that nobody is signed in at.
//!
//! Guarantees: the page leaves when the session runs out, and, as soon as somebody looks at it again, when it has ended
//! otherwise or is another person's; where the portal does not answer, when the time is up. Asking renews nothing.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, Response};

use crate::domain::status::UserId;
use crate::domain::view::TimeLeft;

/// Where it is asked how long the session lasts.
const ADDRESS: &str = "/session";
/// Longest wait for one timer, in seconds: browsers take no more than 24 days.
const LONGEST_WAIT: f64 = 86_400.0;
/// How much later than its last second a session is surely over, in seconds.
const SURELY: f64 = 1.0;

/// What the page knows of its session.
#[derive(Clone, Copy)]
struct Watch {
    person: UserId,
    /// The end, in seconds since 1970 by the browser's clock.
    end: StoredValue<f64>,
    timer: StoredValue<Option<TimeoutHandle>>,
    asking: StoredValue<bool>,
}

/// Leaves the page when its session is over.
#[island]
pub fn SessionEnd(
    /// Whose page it is.
    person: UserId,
    /// Seconds until the session ends if it is not used any more.
    seconds: u64,
) -> impl IntoView {
    Effect::new(move |_| {
        let watch = Watch {
            person,
            end: StoredValue::new(0.0),
            timer: StoredValue::new(None),
            asking: StoredValue::new(false),
        };
        watch.wait(seconds);
        for event in ["focus", "visibilitychange", "pageshow"] {
            let listener = window_event_listener_untyped(event, move |event| {
                if is_return(&event) {
                    watch.look();
                }
            });
            on_cleanup(move || listener.remove());
        }
    });
}

impl Watch {
    #[expect(clippy::cast_precision_loss, reason = "seconds of ten years are exact")]
    fn wait(self, seconds: u64) {
        self.end.set_value(browser_now() + seconds as f64 + SURELY);
        self.set_timer();
    }

    fn set_timer(self) {
        let wait = (self.end.get_value() - browser_now()).clamp(0.0, LONGEST_WAIT);
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
        let timer = set_timeout_with_handle(move || self.look(), Duration::from_secs_f64(wait)).ok();
        self.timer.set_value(timer);
    }

    fn look(self) {
        if self.asking.get_value() {
            return;
        }
        self.asking.set_value(true);
        spawn_local(async move {
            let answer = ask().await;
            self.asking.set_value(false);
            match answer {
                Ok(Some(left)) if left.person == self.person => self.wait(left.seconds),
                Ok(_) => leave(),
                Err(_) if browser_now() >= self.end.get_value() => leave(),
                Err(_) => self.set_timer(),
            }
        });
    }
}

/// Whether somebody comes back to the page by this. Of pages that are shown only those count that were kept as they were.
fn is_return(event: &Event) -> bool {
    match event.type_().as_str() {
        "pageshow" => js_sys::Reflect::get(event, &"persisted".into()).is_ok_and(|kept| kept.is_truthy()),
        _ => !document().hidden(),
    }
}

async fn ask() -> Result<Option<TimeLeft>, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(ADDRESS)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    serde_json::from_str(&text).map_err(|_| JsValue::UNDEFINED)
}

/// Empties the page, even if nothing comes in its place, and asks for it anew: the portal says what is over.
fn leave() {
    if let Some(body) = document().body() {
        body.set_text_content(None);
    }
    // A browser that does not reload shows an empty page.
    let _ = window().location().reload();
}

fn browser_now() -> f64 {
    js_sys::Date::now() / 1_000.0
}
