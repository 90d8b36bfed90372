//! The rows of the invented people.
//!
//! # Guarantees
//!
//! - The domain decides what each decision does, as it does for real ones.
//! - No row is older than the next cleanup allows.

use std::time::Duration;

use sea_orm::ActiveValue::Set;

use super::columns::{decision_row, question_row, registration_row, sent_email, session_row, user_row};
use super::life::{Ago, DAY, Decision, Event, HOUR, Life};
use super::texts::QUESTION;
use backend::Actor;
use backend::audit::{Action, audit_row};
use backend::entity::blocked_identity::BlockReason;
use backend::entity::open_enum::OpenEnum;
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{audit, decision, outbox, question, registration, user, user_session};
use domain::errors::ErrorCode;
use domain::status::transitions::AccountState;
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::Timestamp;

/// The age after which the row of a sent email is deleted.
const SENT_EMAILS: Ago = 6 * DAY;
/// The time after which a session ends, and the time after which an unused one does.
const SESSION: Ago = 14 * DAY;
const SESSION_IDLE: Ago = 22 * HOUR;
/// The action of an answer to a question.
const ANSWER: &str = "question.answer";
/// The time between the request for a deletion and the deletion.
const DELETION_DELAY: Duration = Duration::from_hours(72);

/// An email that could not be sent.
#[derive(Debug)]
pub(super) struct FailedEmail {
    pub(super) user: usize,
    pub(super) kind: EmailKind,
    pub(super) at: Timestamp,
    pub(super) attempts: i32,
    pub(super) error: &'static str,
}

/// All rows, in the order in which they are inserted.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) users: Vec<user::ActiveModel>,
    pub(super) registrations: Vec<registration::ActiveModel>,
    pub(super) questions: Vec<question::ActiveModel>,
    pub(super) decisions: Vec<decision::ActiveModel>,
    pub(super) sessions: Vec<user_session::ActiveModel>,
    pub(super) emails: Vec<outbox::ActiveModel>,
    pub(super) failed_emails: Vec<FailedEmail>,
    pub(super) blocked: Vec<(String, BlockReason, Timestamp)>,
    /// The audit log with the time of each row.
    pub(super) audit: Vec<(Timestamp, audit::ActiveModel)>,
}

/// The state of an account while its events are applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) status_since: Timestamp,
    pub(super) status_by: Option<UserId>,
    pub(super) role: Role,
    pub(super) credential_version: i32,
    pub(super) confirmed_at: Option<Timestamp>,
    pub(super) disputed_at: Option<Timestamp>,
    pub(super) deletion_due_at: Option<Timestamp>,
    pub(super) last_sign_in_at: Timestamp,
}

/// Writes the rows of lives.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    lives: &'a [Life],
    now: Timestamp,
    register_question: &'a str,
    rows: Rows,
}

/// Returns the id of the account with this number.
pub(super) fn id(number: usize) -> UserId {
    UserId(i32::try_from(number + 1).unwrap_or(i32::MAX))
}

/// Returns minutes that are far from the next ten, hour or day, so that the relative times of two runs are the same.
fn steady(ago: Ago) -> Ago {
    match ago {
        DAY.. => ago / DAY * DAY + 2 * HOUR + ago % DAY * 20 / 24,
        HOUR..DAY => ago / HOUR * HOUR + 15 + ago % HOUR / 2,
        _ => ago / 10 * 10 + 5,
    }
}

impl<'a> Writer<'a> {
    /// Returns the rows of all lives.
    pub(super) fn write(
        lives: &'a [Life],
        register_question: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Rows, ErrorCode> {
        let register_question = register_question.unwrap_or(QUESTION);
        let mut writer = Self { lives, now, register_question, rows: Rows::default() };
        for (number, life) in lives.iter().enumerate() {
            writer.add(number, life)?;
        }
        writer.rows.audit.sort_by_key(|(at, _)| *at);
        Ok(writer.rows)
    }

    fn at(&self, ago: Ago) -> Timestamp {
        self.now.before(Duration::from_mins(steady(ago)))
    }

    fn actor(&self, number: usize) -> Actor {
        let life = self.lives.get(number);
        Actor {
            id: Some(id(number)),
            name: life.map(|life| life.username.clone()).unwrap_or_default(),
            client_ip: life.map(|life| life.client_ip.to_string()).unwrap_or_default(),
        }
    }

    fn log(&mut self, action: impl Into<OpenEnum<Action>>, actor: &Actor, number: usize, at: Timestamp) {
        let subject = self.lives.get(number).map(|life| (id(number), life.username.as_str()));
        let row = audit_row(Action::Register, actor, subject, at);
        self.rows.audit.push((at, audit::ActiveModel { action: Set(action.into()), ..row }));
    }

    /// Adds the rows of an account and of its events.
    fn add(&mut self, number: usize, life: &Life) -> Result<(), ErrorCode> {
        let at = self.at(life.registered);
        let mut state = self.register(number, life, at);
        let mut before = state;
        for (ago, event) in &life.events {
            let at = self.at(*ago);
            match *event {
                Event::Decide(decision) => {
                    before = state;
                    self.decide(number, life, &mut state, decision, at)?;
                }
                Event::Undo(by) => self.undo(number, &mut state, before, by, at),
                _ => self.act(number, life, &mut state, *event, at),
            }
        }
        self.add_session(number, life, state);
        self.rows.users.push(user_row(number, life, state, at));
        Ok(())
    }

    /// Adds the registration.
    fn register(&mut self, number: usize, life: &Life, at: Timestamp) -> State {
        let mut state = State {
            status: if life.is_shadow { Status::Shadow } else { Status::Pending },
            status_since: at,
            status_by: None,
            role: Role::Member,
            credential_version: 0,
            confirmed_at: None,
            disputed_at: None,
            deletion_due_at: None,
            last_sign_in_at: Timestamp::NEVER,
        };
        if life.by_operator {
            state = State { status: Status::Active, role: Role::Admin, confirmed_at: Some(at), ..state };
            let operator = Actor { id: None, name: "command line".to_owned(), client_ip: "local".to_owned() };
            self.log(Action::OperatorCreate, &operator, number, at);
        } else {
            self.log(Action::Register, &self.actor(number), number, at);
            if !life.is_shadow {
                self.add_email(number, life, EmailKind::ConfirmEmail, at);
            }
        }
        let question = self.register_question;
        let assigned_at = self.at(3);
        self.rows.registrations.push(registration_row(number, life, question, at, assigned_at));
        state
    }

    /// Applies a decision of an administrator.
    fn decide(
        &mut self,
        number: usize,
        life: &Life,
        state: &mut State,
        decision: Decision,
        at: Timestamp,
    ) -> Result<(), ErrorCode> {
        let before = *state;
        let account = AccountState {
            id: id(number),
            status: state.status,
            role: state.role,
            confirmed: state.confirmed_at.is_some(),
            status_since: state.status_since,
            deletion_due: state.deletion_due_at.is_some(),
        };
        let change = account.decide(decision.action, id(decision.by), false, at)?;
        state.role = change.role;
        state.credential_version += 1;
        if change.status != before.status {
            (state.status, state.status_since) = (change.status, at);
            state.status_by = Some(id(decision.by));
        }
        self.rows.decisions.push(decision_row(number, decision, before, *state, at));
        self.log(Action::Admin(decision.action), &self.actor(decision.by), number, at);
        if let Some(text) = decision.question {
            self.rows.questions.push(question_row(number, decision.by, text, at));
        }
        self.block(life, *state, at);
        if let Some(kind) = email_about(decision, before.status) {
            self.add_email(number, life, kind, at);
        }
        Ok(())
    }

    /// Blocks or unblocks the confirmed email address.
    fn block(&mut self, life: &Life, state: State, at: Timestamp) {
        let reason = match state.status {
            _ if state.confirmed_at.is_none() => return,
            Status::Rejected => BlockReason::Rejected,
            Status::Deactivated => BlockReason::Deactivated,
            Status::Active => return self.rows.blocked.retain(|(email, ..)| *email != life.email),
            _ => return,
        };
        self.rows.blocked.push((life.email.clone(), reason, at));
    }

    /// Undoes the last decision.
    fn undo(&mut self, number: usize, state: &mut State, before: State, by: usize, at: Timestamp) {
        *state = State {
            status: before.status,
            status_since: before.status_since,
            status_by: before.status_by,
            deletion_due_at: before.deletion_due_at,
            credential_version: state.credential_version + 1,
            ..*state
        };
        if let Some(decision) = self.rows.decisions.last_mut() {
            (decision.undone_at, decision.undone_by) = (Set(Some(at)), Set(Some(id(by))));
        }
        // The email has not been sent.
        let email = self.rows.emails.last_mut().filter(|email| email.user_id == Set(Some(id(number))));
        if let Some(email) = email {
            (email.state, email.attempts) = (Set(EmailState::Dropped.into()), Set(0));
        }
        self.log(Action::UndoDecision, &self.actor(by), number, at);
    }

    /// Applies an event of the person.
    fn act(&mut self, number: usize, life: &Life, state: &mut State, event: Event, at: Timestamp) {
        let action = match event {
            Event::ConfirmEmail => {
                state.confirmed_at = Some(at);
                Action::ConfirmEmail
            }
            Event::DisputeEmail => {
                state.disputed_at = Some(at);
                let owner = "owner of the email address".to_owned();
                let client_ip = life.client_ip.to_string();
                let owner = Actor { id: None, name: owner, client_ip };
                return self.log(Action::CancelRegistration, &owner, number, at);
            }
            Event::SignIn => {
                state.last_sign_in_at = at;
                Action::SignIn
            }
            Event::ChangePassword => {
                state.credential_version += 1;
                Action::ChangePassword
            }
            Event::RequestDeletion => {
                (state.status, state.status_since) = (Status::Deactivated, at);
                (state.status_by, state.deletion_due_at) = (Some(id(number)), Some(at.after(DELETION_DELAY)));
                state.credential_version += 1;
                Action::RequestDeletion
            }
            Event::Answer(text) => {
                (state.status, state.status_since, state.status_by) = (Status::Pending, at, None);
                if let Some(question) = self.rows.questions.last_mut() {
                    (question.answer, question.answered_at) = (Set(Some(text.to_owned())), Set(Some(at)));
                }
                return self.log(OpenEnum::parse(ANSWER.to_owned()), &self.actor(number), number, at);
            }
            Event::Decide(_) | Event::Undo(_) => return,
        };
        self.log(action, &self.actor(number), number, at);
    }

    /// Adds the row of an email that was sent a minute later, or that failed.
    fn add_email(&mut self, number: usize, life: &Life, kind: EmailKind, at: Timestamp) {
        let failed = matches!(kind, EmailKind::Approved) || life.events.is_empty();
        if let Some((error, attempts)) = life.failed_email.filter(|_| failed) {
            self.rows.failed_emails.push(FailedEmail { user: number, kind, at, attempts, error });
        } else if self.now.since(at) < Duration::from_mins(SENT_EMAILS) {
            self.rows.emails.push(sent_email(number, life, kind, at));
        }
    }

    /// Adds the session of the last sign-in of some people, if it has not ended.
    fn add_session(&mut self, number: usize, life: &Life, state: State) {
        let last = life.events.iter().rev().find(|(_, event)| matches!(event, Event::SignIn));
        let Some((signed_in, _)) = last.filter(|(ago, _)| *ago < SESSION && number % 3 != 2) else { return };
        if state.status != Status::Active {
            return;
        }
        let at = self.at(*signed_in);
        let last_seen = self.at((*signed_in).min(HOUR + (number as Ago * 37) % (SESSION_IDLE - HOUR)));
        let version = state.credential_version;
        self.rows.sessions.push(session_row(number, life, version, at, last_seen));
    }
}

/// Returns the kind of the email about a decision, if it sends one.
fn email_about(decision: Decision, before: Status) -> Option<EmailKind> {
    match decision.action {
        AdminAction::Approve | AdminAction::Reactivate if before == Status::Deactivated => {
            Some(EmailKind::Reactivated)
        }
        AdminAction::Approve => Some(EmailKind::Approved),
        AdminAction::Reject => decision.reason.map(|_| EmailKind::Rejected),
        AdminAction::Ask => Some(EmailKind::Question),
        _ => None,
    }
}
