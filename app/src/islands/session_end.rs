//! Leaving a page whose session is over: nothing about a person stays on a screen that nobody is signed in at.
//!
//! Guarantees: the page leaves when the session runs out, whether or not the portal answers; and as soon as somebody comes
//! back to it, when the session is another person's, or has ended otherwise and nothing typed would be lost. Asking renews
//! nothing.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Event, HtmlInputElement, RequestInit, Response};

use crate::domain::status::UserId;
use crate::domain::view::TimeLeft;

/// Where it is asked how long the session lasts.
const ADDRESS: &str = "/session";
/// How often the time is looked at, in seconds: timers don't count the time that a machine sleeps.
const TICK: f64 = 60.0;
/// How long an answer is waited for: a machine may wake before its network does, and who comes back then is to be asked about
/// again.
const PATIENCE: Duration = Duration::from_secs(10);
/// When it is asked once more whether a session is gone: while an action replaces it, neither is there for a moment.
const DOUBT: Duration = Duration::from_secs(1);
/// How much later than its last second a session is surely over, in seconds.
const SURELY: f64 = 1.0;

/// What the page knows of its session.
#[derive(Clone, Copy)]
struct Watch {
    person: UserId,
    /// The end, in seconds since 1970 by the browser's clock.
    end: StoredValue<f64>,
    timer: StoredValue<Option<TimeoutHandle>>,
    /// Whether an answer is on its way.
    asking: StoredValue<bool>,
    /// Whether the last answer was that nobody is signed in.
    doubted: StoredValue<bool>,
    /// When the page was left, and now waits for what comes in its place; in seconds since 1970.
    left: StoredValue<f64>,
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
            doubted: StoredValue::new(false),
            left: StoredValue::new(0.0),
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
        self.tick();
    }

    fn is_over(self) -> bool {
        browser_now() >= self.end.get_value()
    }

    fn tick(self) {
        if self.is_over() {
            self.set_timer(PATIENCE, Self::leave);
            self.look();
        } else {
            let wait = (self.end.get_value() - browser_now()).clamp(0.0, TICK);
            self.set_timer(Duration::from_secs_f64(wait), Self::tick);
        }
    }

    /// There is one timer at a time.
    fn set_timer(self, wait: Duration, then: fn(Self)) {
        self.clear_timer();
        self.timer.set_value(set_timeout_with_handle(move || then(self), wait).ok());
    }

    fn clear_timer(self) {
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
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
                Ok(Some(left)) if left.person == self.person => {
                    self.doubted.set_value(false);
                    self.wait(left.seconds);
                }
                Ok(Some(_)) => self.leave(),
                Ok(None) | Err(_) if self.is_over() => self.leave(),
                // It is kept when it is sent, and asked for again after sign-in.
                Ok(None) if something_is_typed() => {}
                Ok(None) if self.doubted.get_value() => self.leave(),
                Ok(None) => {
                    self.doubted.set_value(true);
                    set_timeout(move || self.look(), DOUBT);
                }
                Err(_) => {}
            }
        });
    }

    /// Empties the page, even if nothing comes in its place, and asks for it anew: the portal says what is over. It says so
    /// once, so it is asked once: a second reload that overtakes the first would show a sign-in form that explains nothing.
    /// Where a reload has come to nothing, whoever comes back has it tried again.
    fn leave(self) {
        if browser_now() < self.left.get_value() + PATIENCE.as_secs_f64() {
            return;
        }
        self.left.set_value(browser_now());
        // Of a reload that takes long nobody has to be reminded: this one would be the second.
        self.clear_timer();
        if let Some(body) = document().body() {
            body.set_text_content(None);
        }
        // A browser that does not reload shows an empty page.
        let _ = window().location().reload();
    }
}

/// Whether a field holds what somebody has typed. Passwords don't count: they are typed anew in any case.
fn something_is_typed() -> bool {
    let fields = "input:not([type=hidden]):not([type=password]):not([type=checkbox])";
    let Ok(fields) = document().query_selector_all(fields) else { return false };
    (0..fields.length())
        .filter_map(|index| fields.get(index)?.dyn_into::<HtmlInputElement>().ok())
        .any(|field| field.value() != field.default_value())
}

/// Whether somebody comes back to the page by this. Of pages that are shown only those count that were kept as they were.
fn is_return(event: &Event) -> bool {
    match event.type_().as_str() {
        "pageshow" => js_sys::Reflect::get(event, &"persisted".into()).is_ok_and(|kept| kept.is_truthy()),
        _ => !document().hidden(),
    }
}

/// How long the session lasts; nothing where nobody is signed in. An error where no answer came in [`PATIENCE`].
async fn ask() -> Result<Option<TimeLeft>, JsValue> {
    let abort = AbortController::new()?;
    let request = RequestInit::new();
    request.set_signal(Some(&abort.signal()));
    let timer = set_timeout_with_handle(move || abort.abort(), PATIENCE)?;
    let answer = fetch_text(&request).await;
    timer.clear();
    serde_json::from_str(&answer?).map_err(|_| JsValue::UNDEFINED)
}

async fn fetch_text(request: &RequestInit) -> Result<String, JsValue> {
    let response = JsFuture::from(window().fetch_with_str_and_init(ADDRESS, request)).await?;
    let text = JsFuture::from(response.dyn_into::<Response>()?.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

fn browser_now() -> f64 {
    js_sys::Date::now() / 1_000.0
}
