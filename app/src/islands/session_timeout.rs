//! Reloading of pages whose session has ended, so that no personal data stays on the screen.
//!
//! # Guarantees
//!
//! - The page reloads when the session expires, even if the portal does not answer.
//! - When the user returns to the page, it reloads if another user is signed in.
//! - When the user returns to the page, it reloads if the session has ended for another reason, unless input would be lost.
//! - Checking the session does not renew it.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Event, HtmlInputElement, RequestInit, Response};

use domain::status::UserId;
use domain::view_models::SessionTimeLeft;

/// The path that returns the remaining time of the session.
const SESSION_PATH: &str = "/session";
/// The interval of checks in seconds. Timers do not count the time during which a computer sleeps.
const CHECK_INTERVAL: f64 = 60.0;
/// The timeout of a request. A computer may wake before its network does, and then the next return of the user must be able to
/// send a new request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The delay before a second check of an ended session. While an action replaces a session, neither exists for a moment.
const RECHECK_DELAY: Duration = Duration::from_secs(1);
/// The time after its last second at which a session has certainly ended, in seconds.
const EXPIRY_MARGIN: f64 = 1.0;

/// The state of the session as the page knows it.
#[derive(Clone, Copy)]
struct SessionWatch {
    user_id: UserId,
    /// The end of the session, in seconds since 1970 by the browser's clock.
    end: StoredValue<f64>,
    timer: StoredValue<Option<TimeoutHandle>>,
    /// True while a request is pending.
    request_pending: StoredValue<bool>,
    /// True if the last response said that no one is signed in.
    recheck_pending: StoredValue<bool>,
    /// The time at which the last reload began, in seconds since 1970.
    reload_started_at: StoredValue<f64>,
}

/// Reloads the page when its session has ended.
#[island]
pub fn SessionTimeout(
    /// The id of the signed-in user.
    user_id: UserId,
    /// The seconds until the session ends if it is not used.
    seconds: u64,
) -> impl IntoView {
    Effect::new(move |_| {
        let watch = SessionWatch {
            user_id,
            end: StoredValue::new(0.0),
            timer: StoredValue::new(None),
            request_pending: StoredValue::new(false),
            recheck_pending: StoredValue::new(false),
            reload_started_at: StoredValue::new(0.0),
        };
        watch.restart(seconds);
        for event in ["focus", "visibilitychange", "pageshow"] {
            let listener = window_event_listener_untyped(event, move |event| {
                if is_page_return(&event) {
                    watch.check();
                }
            });
            on_cleanup(move || listener.remove());
        }
    });
}

impl SessionWatch {
    #[expect(clippy::cast_precision_loss, reason = "seconds of ten years are exact")]
    fn restart(self, seconds: u64) {
        self.end.set_value(browser_now() + seconds as f64 + EXPIRY_MARGIN);
        self.tick();
    }

    fn has_ended(self) -> bool {
        browser_now() >= self.end.get_value()
    }

    fn tick(self) {
        if self.has_ended() {
            self.set_timer(REQUEST_TIMEOUT, Self::reload);
            self.check();
        } else {
            let wait = (self.end.get_value() - browser_now()).clamp(0.0, CHECK_INTERVAL);
            self.set_timer(Duration::from_secs_f64(wait), Self::tick);
        }
    }

    /// Replaces the timer. There is only one at a time.
    fn set_timer(self, wait: Duration, then: fn(Self)) {
        self.clear_timer();
        self.timer.set_value(set_timeout_with_handle(move || then(self), wait).ok());
    }

    fn clear_timer(self) {
        if let Some(timer) = self.timer.get_value() {
            timer.clear();
        }
    }

    fn check(self) {
        if self.request_pending.get_value() {
            return;
        }
        self.request_pending.set_value(true);
        spawn_local(async move {
            let answer = fetch_time_left().await;
            self.request_pending.set_value(false);
            match answer {
                Ok(Some(left)) if left.user_id == self.user_id => {
                    self.recheck_pending.set_value(false);
                    self.restart(left.seconds);
                }
                Ok(Some(_)) => self.reload(),
                Ok(None) | Err(_) if self.has_ended() => self.reload(),
                // The input is not lost: a form that is sent after the end of the session is restored after sign-in.
                Ok(None) if has_unsaved_input() => {}
                Ok(None) if self.recheck_pending.get_value() => self.reload(),
                Ok(None) => {
                    self.recheck_pending.set_value(true);
                    set_timeout(move || self.check(), RECHECK_DELAY);
                }
                Err(_) => {}
            }
        });
    }

    /// Empties the page and reloads it. The portal then says that the session has ended, but only once: a second reload that
    /// overtakes the first would show a sign-in form without the explanation. So a further reload starts only after
    /// [`REQUEST_TIMEOUT`], when the user returns to a page whose reload failed.
    fn reload(self) {
        if browser_now() < self.reload_started_at.get_value() + REQUEST_TIMEOUT.as_secs_f64() {
            return;
        }
        self.reload_started_at.set_value(browser_now());
        // The timer would start a second reload while the first still loads.
        self.clear_timer();
        if let Some(body) = document().body() {
            body.set_text_content(None);
        }
        // If the browser does not reload, the page stays empty.
        let _ = window().location().reload();
    }
}

/// Returns true if a field has unsaved input. Passwords do not count, because they must be typed again in any case.
fn has_unsaved_input() -> bool {
    let fields =
        "input:not([type=hidden]):not([type=password]):not([type=checkbox]):not([type=radio]), textarea";
    let Ok(fields) = document().query_selector_all(fields) else { return false };
    // A text area has the same two properties.
    (0..fields.length())
        .filter_map(|index| Some(fields.get(index)?.unchecked_into::<HtmlInputElement>()))
        .any(|field| field.value() != field.default_value())
}

/// Returns true if the event means that the user has returned to the page. A `pageshow` event counts only for pages from the
/// back/forward cache.
fn is_page_return(event: &Event) -> bool {
    match event.type_().as_str() {
        "pageshow" => is_restored(event),
        _ => !document().hidden(),
    }
}

/// Returns true if a `pageshow` event is about a page from the back/forward cache.
pub fn is_restored(event: &Event) -> bool {
    js_sys::Reflect::get(event, &"persisted".into()).is_ok_and(|kept| kept.is_truthy())
}

/// Fetches the remaining time of the session, or `None` if no one is signed in. Fails if there is no response within
/// [`REQUEST_TIMEOUT`].
async fn fetch_time_left() -> Result<Option<SessionTimeLeft>, JsValue> {
    let abort = AbortController::new()?;
    let request = RequestInit::new();
    request.set_signal(Some(&abort.signal()));
    let timer = set_timeout_with_handle(move || abort.abort(), REQUEST_TIMEOUT)?;
    let answer = fetch_text(&request).await;
    timer.clear();
    serde_json::from_str(&answer?).map_err(|_| JsValue::UNDEFINED)
}

async fn fetch_text(request: &RequestInit) -> Result<String, JsValue> {
    let response = JsFuture::from(window().fetch_with_str_and_init(SESSION_PATH, request)).await?;
    let text = JsFuture::from(response.dyn_into::<Response>()?.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

fn browser_now() -> f64 {
    js_sys::Date::now() / 1_000.0
}
