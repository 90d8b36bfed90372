//! The columns of the rows of the invented people.

use std::time::Duration;

use sea_orm::ActiveValue::{NotSet, Set};

use super::life::{Decision, Life};
use super::rows::{State, id};
use super::texts::{SAVED_REASONS, USER_AGENTS};
use backend::auth::rate_limit::network_key;
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{decision, outbox, question, registration, saved_reason, user, user_session};
use backend::sessions::{AuthMethod, SessionKind};
use domain::time::Timestamp;

/// The lifetime of a session.
const SESSION_LIFETIME: Duration = Duration::from_hours(14 * 24);

/// Returns the row of an account. Its password hash is still missing.
pub(super) fn user_row(number: usize, life: &Life, state: State, created_at: Timestamp) -> user::ActiveModel {
    user::ActiveModel {
        id: Set(id(number)),
        username: Set(life.username.clone()),
        username_key: Set(life.username.clone()),
        email: Set(life.email.clone()),
        email_canonical: Set(life.email.clone()),
        email_confirmed_at: Set(state.confirmed_at),
        registration_disputed_at: Set(state.disputed_at),
        password_hash: NotSet,
        status: Set(state.status),
        status_since: Set(state.status_since),
        status_by: Set(state.status_by),
        role: Set(state.role),
        credential_version: Set(state.credential_version),
        deletion_due_at: Set(state.deletion_due_at),
        created_at: Set(created_at),
        last_sign_in_at: Set(state.last_sign_in_at),
    }
}

/// Returns the row of a decision that can no longer be undone.
pub(super) fn decision_row(
    number: usize,
    decision: Decision,
    before: State,
    after: State,
    at: Timestamp,
) -> decision::ActiveModel {
    decision::ActiveModel {
        id: NotSet,
        user_id: Set(id(number)),
        action: Set(decision.action.into()),
        decided_by: Set(id(decision.by)),
        decided_at: Set(at),
        status_before: Set(before.status),
        status_since_before: Set(before.status_since),
        status_by_before: Set(before.status_by),
        role_before: Set(before.role),
        deletion_due_before: Set(before.deletion_due_at),
        credential_version_after: Set(after.credential_version),
        blocked_before: Set(None),
        reason: Set(decision.reason.map(ToOwned::to_owned)),
        note: Set(decision.note.map(ToOwned::to_owned)),
        email_id: Set(None),
        undo_until: Set(at.after(Duration::from_mins(1))),
        batch: Set(decision.batch.then(|| format!("{:032x}", 0x0ba7_c401))),
        undone_at: Set(None),
        undone_by: Set(None),
    }
}

pub(super) fn question_row(number: usize, by: usize, text: &str, at: Timestamp) -> question::ActiveModel {
    question::ActiveModel {
        id: NotSet,
        user_id: Set(id(number)),
        asked_by: Set(Some(id(by))),
        asked_at: Set(at),
        question: Set(Some(text.to_owned())),
        answer: Set(None),
        answered_at: Set(None),
        withdrawn_at: Set(None),
    }
}

pub(super) fn sent_email(number: usize, life: &Life, kind: EmailKind, at: Timestamp) -> outbox::ActiveModel {
    outbox::ActiveModel {
        id: NotSet,
        kind: Set(kind.into()),
        format: Set(backend::email::outbox::FORMAT),
        user_id: Set(Some(id(number))),
        recipient: Set(life.email.clone()),
        seal_context: Set(format!("{number:032x}")),
        sealed: Set(None),
        priority: Set(kind.priority()),
        state: Set(EmailState::Sent.into()),
        created_at: Set(at),
        due_at: Set(at),
        not_after: Set(None),
        leased_until: Set(Timestamp::NEVER),
        attempts: Set(1),
        last_error: Set(None),
        finished_at: Set(at.after(Duration::from_mins(1))),
    }
}

/// Returns the row of a registration, with the question that was shown.
pub(super) fn registration_row(
    number: usize,
    life: &Life,
    question: &str,
    created_at: Timestamp,
    assigned_at: Timestamp,
) -> registration::ActiveModel {
    registration::ActiveModel {
        user_id: Set(id(number)),
        question: Set(life.answer.map(|_| question.to_owned())),
        answer: Set(life.answer.map(ToOwned::to_owned)),
        client_ip: Set((!life.by_operator).then(|| network_key(life.client_ip))),
        created_at: Set(created_at),
        assigned_to: Set(life.assigned_to.map(id)),
        assigned_at: Set(life.assigned_to.map(|_| assigned_at)),
    }
}

/// Returns the row of a session. It has no record, so no browser has it.
pub(super) fn session_row(
    number: usize,
    life: &Life,
    credential_version: i32,
    created_at: Timestamp,
    last_seen_at: Timestamp,
) -> user_session::ActiveModel {
    let public_id = format!("{:032x}", 0x5e55_1000 + number);
    user_session::ActiveModel {
        id_hash: Set(public_id.clone()),
        public_id: Set(public_id),
        user_id: Set(id(number)),
        kind: Set(SessionKind::Ordinary.into()),
        auth_method: Set(AuthMethod::Password.into()),
        shared: Set(false),
        credential_version: Set(credential_version),
        expires_at: Set(created_at.after(SESSION_LIFETIME)),
        authenticated_at: Set(created_at),
        user_agent: Set(USER_AGENTS[number % USER_AGENTS.len()].to_owned()),
        client_ip: Set(life.client_ip.to_string()),
        created_at: Set(created_at),
        last_seen_at: Set(last_seen_at),
    }
}

/// Returns the reasons that administrators have saved.
pub(super) fn saved_reasons(changed_at: Timestamp) -> Vec<saved_reason::ActiveModel> {
    SAVED_REASONS
        .iter()
        .map(|(action, title, text, silent)| saved_reason::ActiveModel {
            id: NotSet,
            action: Set((*action).into()),
            title: Set((*title).to_owned()),
            text: Set((*text).to_owned()),
            silent: Set(*silent),
            changed_at: Set(changed_at),
        })
        .collect()
}
