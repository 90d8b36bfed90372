//! The lists of the users page. Administrators' actions are carried out in place, and a toast shows the result.
//!
//! # Guarantees
//!
//! - Without scripts, every action is a form or a page that asks for confirmation.
//! - After an action, the lists show the user as the server returned it.
//! - An action that is chosen while another one is being sent waits for its turn.

mod feedback;
mod rows;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use crate::api::action_result::ActionResult;
use crate::api::admin::Decide;
use crate::components::icon::{Icon, IconName};
use crate::islands::admin_users::feedback::{ConfirmationDialog, Toasts};
use crate::islands::admin_users::rows::{List, UserTable};
use crate::islands::api_client::send;
use crate::islands::relative_time::ticking_now;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{AdminAction, PublicStatus, UserId};
use domain::time::Timestamp;
use domain::view_models::{Page, UserRow};

/// A message about the result of an action.
#[derive(Clone, PartialEq, Eq)]
struct Toast {
    id: u32,
    message: String,
    is_success: bool,
}

/// The state that the components of the page share. It is a prop instead of a context, because contexts do not end at the
/// border of an island.
#[derive(Clone, Copy)]
struct UsersPageState {
    pending: RwSignal<Vec<UserRow>>,
    users: RwSignal<Vec<UserRow>>,
    /// The number of pending registrations on all pages.
    pending_count: RwSignal<u64>,
    toasts: RwSignal<Vec<Toast>>,
    last_toast_id: StoredValue<u32>,
    /// The action that is being sent, and those that wait for their turn.
    queue: RwSignal<Vec<(UserRow, AdminAction)>>,
    /// The action that the dialog asks to confirm.
    dialog_action: RwSignal<Option<(UserRow, AdminAction)>>,
    dialog: NodeRef<leptos::html::Dialog>,
    /// The path and query of the page to return to without scripts.
    page: StoredValue<String>,
    /// The current time, for relative times.
    now: ReadSignal<Option<Timestamp>>,
}

impl UsersPageState {
    /// Shows the result of an action on the user `name`, and removes the previous toast about this user.
    fn show_toast(self, name: &str, message: &str, is_success: bool) {
        let id = self.last_toast_id.with_value(|id| id + 1);
        self.last_toast_id.set_value(id);
        let prefix = format!("{name}: ");
        self.toasts.update(|toasts| {
            toasts.retain(|toast| !toast.message.starts_with(&prefix));
            toasts.push(Toast { id, message: format!("{prefix}{message}"), is_success });
        });
        if is_success {
            set_timeout(move || self.close_toast(id), std::time::Duration::from_secs(8));
        }
    }

    fn close_toast(self, id: u32) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.id != id));
    }

    /// Updates the user in both lists.
    fn update_row(self, user: &UserRow) {
        let is_pending = matches!(user.status, PublicStatus::Pending | PublicStatus::Held);
        self.pending.update(|rows| {
            let before = rows.len();
            match rows.iter_mut().find(|row| row.id == user.id) {
                Some(row) if is_pending => *row = user.clone(),
                Some(_) => rows.retain(|row| row.id != user.id),
                None if is_pending => rows.push(user.clone()),
                None => {}
            }
            let (before, now) = (before as u64, rows.len() as u64);
            self.pending_count.update(|count| *count = (*count + now).saturating_sub(before));
        });
        self.users.update(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| row.id == user.id) {
                *row = user.clone();
            }
        });
    }

    /// Returns true while an action on the user is being sent or waits for its turn.
    fn is_busy(self, id: UserId) -> bool {
        self.queue.with(|queue| queue.iter().any(|(user, _)| user.id == id))
    }

    /// Sends an action to the server once the actions before it have their results. The same action is not sent twice.
    fn apply_action(self, user: &UserRow, action: AdminAction) {
        let is_repeated = |queue: &Vec<(UserRow, AdminAction)>| {
            queue.iter().any(|(other, queued)| other.id == user.id && *queued == action)
        };
        if self.queue.with_untracked(is_repeated) {
            return;
        }
        let is_idle = self.queue.with_untracked(Vec::is_empty);
        self.queue.update(|queue| queue.push((user.clone(), action)));
        if is_idle {
            spawn_local(async move {
                while let Some((user, action)) = self.queue.with_untracked(|queue| queue.first().cloned()) {
                    self.send_action(&user, action).await;
                    self.queue.update(|queue| {
                        if !queue.is_empty() {
                            queue.remove(0);
                        }
                    });
                    let was_pending = matches!(user.status, PublicStatus::Pending | PublicStatus::Held);
                    restore_focus(user.id, was_pending);
                }
            });
        }
    }

    /// Sends an action to the server and shows the result.
    async fn send_action(self, user: &UserRow, action: AdminAction) {
        let (id, name) = (user.id.to_string(), &user.username);
        let fields = [("id", id.as_str()), ("decision", action.slug()), ("from", "/admin"), ("stay", "yes")];
        match send(Decide::PATH, &fields).await {
            ActionResult::Done { message, user } => {
                if let Some(user) = user {
                    self.update_row(&user);
                }
                self.show_toast(name, &message.message(), true);
            }
            ActionResult::Goto(to) => {
                // The page is left, for example because the session has ended.
                self.queue.update(Vec::clear);
                let _ = window().location().assign(&to);
            }
            ActionResult::Refused(errors) => self.show_error(name, &errors),
            ActionResult::Stale(errors, user) => {
                self.update_row(&user);
                self.show_error(name, &errors);
            }
        }
    }

    fn show_error(self, name: &str, errors: &FormErrors) {
        let message = errors.form.map_or_else(String::new, ErrorCode::message);
        self.show_toast(name, &message, false);
    }

    fn open_dialog(self, event: &Event, user: &UserRow, action: AdminAction) {
        let Some(dialog) = self.dialog.get_untracked() else {
            return;
        };
        event.prevent_default();
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(menu) = target.and_then(|target| target.closest("details").ok().flatten()) {
            let _ = menu.remove_attribute("open");
        }
        self.dialog_action.set(Some((user.clone(), action)));
        let _ = dialog.show_modal();
    }
}

/// Restores the keyboard focus that the rendering of the changed row removes: to the heading of the pending registrations if the
/// user was pending, otherwise to the user's new row.
fn restore_focus(id: UserId, was_pending: bool) {
    request_animation_frame(move || {
        let lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        let find = |selector: &str| document().query_selector(selector).ok().flatten();
        let row = if was_pending { None } else { find(&format!("#people a[href='/admin/users/{id}']")) };
        let to = row.or_else(|| find("#waiting-title"));
        if lost && let Some(to) = to.and_then(|to| to.dyn_into::<HtmlElement>().ok()) {
            let _ = to.focus();
        }
    });
}

/// The lists of pending registrations and of all users.
#[island]
pub fn UserLists(
    /// Pending registrations.
    pending: Page<UserRow>,
    /// All users.
    users: Page<UserRow>,
    /// The path and query of this page.
    page: String,
    /// The URL of the next page of pending registrations. Empty if there is none.
    next_pending: String,
    /// The URL of the next page of users. Empty if there is none.
    next_users: String,
) -> impl IntoView {
    let total = users.total;
    let state = UsersPageState {
        pending_count: RwSignal::new(pending.total),
        pending: RwSignal::new(pending.rows),
        users: RwSignal::new(users.rows),
        toasts: RwSignal::new(Vec::new()),
        last_toast_id: StoredValue::new(0),
        queue: RwSignal::new(Vec::new()),
        dialog_action: RwSignal::new(None),
        dialog: NodeRef::new(),
        page: StoredValue::new(page),
        now: ticking_now(),
    };
    let count_class = move || match state.pending_count.get() {
        0 => "badge badge-soft rounded-full px-2",
        _ => "badge badge-primary rounded-full px-2",
    };
    view! {
        <section class="flex flex-col gap-3" id="waiting" aria-labelledby="waiting-title">
            <h2 class="flex items-center gap-2 font-semibold" id="waiting-title" tabindex="-1">
                "Pending registrations " <span class=count_class>{move || state.pending_count.get()}</span>
            </h2>
            <UserTable state=state list=List::Pending />
            <Pager next=next_pending label="More pending registrations" />
        </section>
        <section class="flex flex-col gap-3" id="people" aria-labelledby="people-title">
            <h2 class="flex items-center gap-2 font-semibold" id="people-title">"All accounts " <span class="badge badge-soft rounded-full px-2">{total}</span></h2>
            <UserTable state=state list=List::Users />
            <Pager next=next_users label="More accounts" />
        </section>
        <ConfirmationDialog state=state />
        <Toasts state=state />
    }
}

#[component]
fn Pager(next: String, label: &'static str) -> impl IntoView {
    (!next.is_empty()).then(|| {
        view! {
            <nav class="flex justify-end" aria-label=label>
                <a class="btn border-line" href=next rel="next">"Next"<Icon name=IconName::ChevronRight /></a>
            </nav>
        }
    })
}
