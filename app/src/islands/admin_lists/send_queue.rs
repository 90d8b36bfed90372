//! The forms of the admin page that are being sent, one after the other.

use js_sys::Promise;
use leptos::prelude::{StoredValue, UpdateValue, WithValue, window};
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, FormData, HtmlFormElement, SubmitEvent, UrlSearchParams};

use crate::api::action_result::ActionResult;
use crate::islands::admin_lists::dom::{all, attribute, find, focus, target};
use crate::islands::admin_lists::refresh::{refresh, replace_lists, send_for_page};
use crate::islands::admin_lists::toasts::Progress;
use crate::islands::admin_lists::{dialog, selection, toasts};
use crate::islands::api_client::send_body;
use crate::islands::relative_time::browser_now;
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;

/// The path of the decisions about several registrations.
const BULK_PATH: &str = "/do/decide_many";

/// A form to send.
#[derive(Clone, PartialEq, Eq)]
struct Job {
    path: String,
    body: String,
    /// The username of the person that the form is about. Empty if there are several.
    name: String,
    /// True if the server answers with a page that shows the results, because the form is about several people.
    is_page: bool,
}

/// The form that is being sent, and those that wait for their turn.
#[derive(Clone, Copy)]
pub(super) struct SendQueue(StoredValue<Vec<Job>>);

impl SendQueue {
    pub(super) fn new() -> Self {
        Self(StoredValue::new(Vec::new()))
    }

    /// Sends a form of the lists in place of the browser. A form that is already in the queue is not sent twice.
    pub(super) fn submit(self, event: &SubmitEvent) {
        let form = target(event).filter(|form| form.has_attribute("data-act"));
        let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
        let Some(body) = body_of(&form) else { return };
        event.prevent_default();
        if let Some(button) = event.submitter() {
            let _ = button.set_attribute("aria-busy", "true");
            let name = attribute(&button, "name");
            if !name.is_empty() {
                body.append(&name, &attribute(&button, "value"));
            }
            dialog::close_menu(&button);
        }
        let is_page = attribute(&form, "data-act") == "page";
        let name = attribute(&form, "data-name");
        let body = String::from(body.to_string());
        self.push(Job { path: attribute(&form, "action"), body, name, is_page });
    }

    fn push(self, job: Job) {
        let is_idle = self.is_idle();
        self.0.update_value(|jobs| {
            if !jobs.contains(&job) {
                jobs.push(job);
            }
        });
        if is_idle {
            spawn_local(self.work());
        }
    }

    fn is_idle(self) -> bool {
        self.0.with_value(Vec::is_empty)
    }

    async fn work(self) {
        let mut is_shown = true;
        while let Some(job) = self.0.with_value(|jobs| jobs.first().cloned()) {
            let sent = if job.is_page { send_page(&job).await } else { send(&job).await };
            let Some(shown) = sent else {
                // The page is left, for example because the session has ended.
                self.0.update_value(Vec::clear);
                return;
            };
            is_shown = shown;
            self.0.update_value(|jobs| drop(jobs.remove(0)));
        }
        if !is_shown {
            wait_while_hovered().await;
            refresh(|| !self.is_idle()).await;
        }
        if self.is_idle() {
            for button in all("[aria-busy]") {
                let _ = button.remove_attribute("aria-busy");
            }
        }
    }
}

/// Waits until the pointer has left the row or form of the pressed button, or two seconds have passed. When a list is replaced,
/// another person's row moves under the pointer, and the second press of a double click would decide about that person. The
/// button itself is never hovered, because a busy button ignores the pointer.
async fn wait_while_hovered() {
    for _ in 0..20 {
        if find(":is(tr, form):has([aria-busy]):hover").is_none() {
            return;
        }
        sleep(100).await;
    }
}

/// Waits for some milliseconds.
async fn sleep(milliseconds: i32) {
    let promise = Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(promise).await;
}

/// Returns the fields of a form.
fn body_of(form: &HtmlFormElement) -> Option<UrlSearchParams> {
    let fields = FormData::new_with_form(form).ok()?;
    UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()
}

/// Sends a form about one person and shows the result as a toast. Returns `None` if the page is left, otherwise if the lists show
/// the result.
async fn send(job: &Job) -> Option<bool> {
    let body = format!("{}&stay=yes", job.body);
    let error = |errors: &FormErrors| {
        let field = errors.fields.first().map(|error| error.code);
        let code = errors.form.or(field);
        toasts::show_error(&job.name, &code.map_or_else(String::new, ErrorCode::message));
    };
    match send_body(&job.path, &body).await {
        ActionResult::Done { message, user } => {
            dialog::close();
            let name = user.as_ref().map_or(&job.name, |user| &user.username);
            let decision = match message {
                FlashMessage::Decided { decision, undo_until, .. } if undo_until.0 > 0 => {
                    Some(decision.to_string())
                }
                _ => None,
            };
            let undo = decision.as_deref().map(|id| ("id", id));
            let change = user.as_ref().and_then(|user| user.last_change.as_ref());
            match (message, change) {
                // Another administrator was faster.
                (FlashMessage::AlreadyDecided(_), Some(change)) => {
                    toasts::show_success("", &change.message(name, browser_now()), None);
                }
                _ => toasts::show_success(name, &message.message(), undo),
            }
        }
        ActionResult::Goto(to) => {
            let _ = window().location().assign(&to);
            return None;
        }
        ActionResult::Stale(errors, user) => match &user.last_change {
            Some(change) if is_stale(&errors) => {
                dialog::close();
                toasts::show_error("", &change.message(&user.username, browser_now()));
            }
            _ => error(&errors),
        },
        ActionResult::Refused(errors) => error(&errors),
        ActionResult::Batch(_) => {}
    }
    Some(false)
}

/// Adds the rows of the parts before to the results on the page. Returns all rows.
fn with_earlier_results(earlier: &[Element]) -> Vec<Element> {
    if let Some(list) = find("#result-rows") {
        for row in earlier.iter().rev() {
            let _ = list.prepend_with_node_1(row);
        }
    }
    all("#result-rows > li")
}

/// Returns true if an action was refused because the account has changed.
fn is_stale(errors: &FormErrors) -> bool {
    matches!(errors.form, Some(ErrorCode::AccountChanged | ErrorCode::WrongStatus(_)))
}

/// Sends a form about several people, and then the forms that continue it, until everyone has a result or someone stops it. The page
/// then shows the results of all parts. Returns `None` if the page is left, otherwise if the lists show the result.
async fn send_page(job: &Job) -> Option<bool> {
    let (mut path, mut body) = (job.path.clone(), job.body.clone());
    let mut progress: Option<Progress> = None;
    let mut results = Vec::new();
    loop {
        match send_for_page(&path, &body).await {
            Ok(page) => {
                replace_lists(&page?);
                results = with_earlier_results(&results);
                if progress.is_none() && path == BULK_PATH && find("#results-title").is_some() {
                    selection::empty_bar();
                }
            }
            Err(code) => {
                toasts::show_error("", &code.message());
                break;
            }
        }
        let Some(next) = find("#continue") else { break };
        let remaining = attribute(&next, "data-remaining").parse().unwrap_or(0);
        progress = progress.or_else(|| Progress::start(remaining));
        if !progress.as_ref().is_some_and(|progress| progress.show(remaining)) {
            break;
        }
        path = attribute(&next, "action");
        body = String::from(body_of(next.unchecked_ref())?.to_string());
    }
    if let Some(progress) = progress {
        progress.end();
    }
    if let Some(report) = find("#results-title") {
        focus(&report);
    }
    Some(true)
}
