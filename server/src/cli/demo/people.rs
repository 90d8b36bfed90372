//! The invented people.
//!
//! # Guarantees
//!
//! - There are [`PEOPLE`] of them in every state, the same in every run, and the first ones are administrators.
//! - No account is so old that the next cleanup deletes it, or empties its answers.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::life::{Ago, DAY, Decision, Event, HOUR, Life};
use super::names::name;
use super::seed::Seed;
use super::texts::{
    ANSWERS, DEACTIVATE_NOTES, EMAIL_ERRORS, QUESTIONS, REJECT_NOTES, REJECT_REASONS, WAVE_ANSWERS,
};
use domain::status::AdminAction;

/// The number of accounts.
pub const PEOPLE: usize = 300;
/// The username of the administrator who can sign in with the printed password.
pub const ADMINISTRATOR: &str = "robin.vale";
/// The username of a member with sessions and activity.
pub const MEMBER: &str = "noor.haddad";

/// The number of administrators, the first accounts.
const ADMINISTRATORS: usize = 4;
/// The domain and the IP address of a wave of automated registrations.
const WAVE_DOMAIN: &str = "promo.example.org";
const WAVE_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77));

const DOMAINS: [&str; 8] = [
    "example.org",
    "example.org",
    "example.org",
    "mail.example.org",
    "mail.example.org",
    "uni.example.org",
    "library.example.org",
    "clinic.example.org",
];

/// A group of accounts with a similar life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Administrator,
    Member,
    /// Approved recently, and the email about it could not be sent.
    Unreachable,
    /// Active with an unconfirmed email address, whose owner did not register.
    Disputed,
    Reactivated,
    Deactivated,
    /// Has asked for the deletion of the account.
    Leaving,
    Rejected,
    /// Rejected together, silently.
    EarlierWave,
    Confirmed,
    Unconfirmed,
    /// Pending again after an answer to a question.
    Answered,
    /// Approved, which was undone.
    Undone,
    Wave,
    Held,
    Shadow,
}

const GROUPS: [(Kind, usize); 16] = [
    (Kind::Administrator, ADMINISTRATORS),
    (Kind::Member, 147),
    (Kind::Unreachable, 3),
    (Kind::Disputed, 2),
    (Kind::Reactivated, 4),
    (Kind::Deactivated, 12),
    (Kind::Leaving, 2),
    (Kind::Rejected, 16),
    (Kind::EarlierWave, 12),
    (Kind::Confirmed, 38),
    (Kind::Unconfirmed, 14),
    (Kind::Answered, 8),
    (Kind::Undone, 2),
    (Kind::Wave, 24),
    (Kind::Held, 8),
    (Kind::Shadow, 4),
];

/// Returns the accounts, the oldest first.
pub(super) fn people() -> Vec<Life> {
    let kinds = GROUPS.iter().flat_map(|(kind, count)| (0..*count).map(move |index| (*kind, index)));
    let mut all: Vec<(Kind, Life)> =
        kinds.enumerate().map(|(number, (kind, index))| (kind, life(kind, number, index))).collect();
    use_same_emails(&mut all);
    let mut lives: Vec<Life> = all.into_iter().map(|(_, life)| life).collect();
    make_unique(&mut lives);
    lives.sort_by_key(|life| Reverse(life.registered));
    lives
}

/// Gives shadows the email addresses of members, and some pending accounts those of rejected ones.
fn use_same_emails(all: &mut [(Kind, Life)]) {
    for (later, earlier) in [(Kind::Shadow, Kind::Member), (Kind::Confirmed, Kind::Rejected)] {
        // Without the first of them, which is the member on the screenshots.
        let emails: Vec<String> = all
            .iter()
            .filter(|(kind, _)| *kind == earlier)
            .skip(1)
            .take(4)
            .map(|(_, life)| life.email.clone())
            .collect();
        let same = all.iter_mut().rev().filter(|(kind, _)| *kind == later);
        for ((_, life), email) in same.zip(emails) {
            life.username = format!("{}2", email.split('@').next().unwrap_or_default());
            life.email = email;
        }
    }
}

/// Replaces usernames that are taken.
fn make_unique(lives: &mut [Life]) {
    let mut taken = HashSet::new();
    for life in lives {
        if !taken.insert(life.username.clone()) {
            life.username = life.email.split('@').next().unwrap_or_default().to_owned();
            taken.insert(life.username.clone());
        }
    }
}

/// Returns the life of the account with this number, the `index`th of its kind.
fn life(kind: Kind, number: usize, index: usize) -> Life {
    let mut seed = Seed::new(number);
    let registered = registration(kind, index, &mut seed);
    let domain = seed.pick(&DOMAINS).unwrap_or("example.org");
    let mut life = match (kind, index) {
        (Kind::Administrator, 0) => Life::new(("robin", "vale"), "example.org", registered, &mut seed),
        (Kind::Member, 0) => Life::new(("noor", "haddad"), "example.org", registered, &mut seed),
        (Kind::Wave | Kind::EarlierWave, _) => wave(number, registered, &mut seed),
        _ => Life::new(name(number), domain, registered, &mut seed),
    };
    life.answer = life.answer.or_else(|| seed.pick(&ANSWERS));
    match kind {
        Kind::Administrator => administer(&mut life, index, &mut seed),
        Kind::Member
        | Kind::Unreachable
        | Kind::Disputed
        | Kind::Reactivated
        | Kind::Deactivated
        | Kind::Leaving => {
            join(&mut life, kind, index, &mut seed);
        }
        _ => apply(&mut life, kind, index, &mut seed),
    }
    life
}

/// Returns a registration of a wave.
fn wave(number: usize, registered: Ago, seed: &mut Seed) -> Life {
    let answer = seed.pick(&WAVE_ANSWERS);
    Life { client_ip: WAVE_IP, answer, ..Life::new(name(number), WAVE_DOMAIN, registered, seed) }
}

/// Returns the time of registration. Answers are emptied 90 days after an approval, unconfirmed registrations are deleted after 7
/// days, and rejected ones after 30.
fn registration(kind: Kind, index: usize, seed: &mut Seed) -> Ago {
    let index = index as u64;
    match kind {
        Kind::Administrator if index == 0 => 120 * DAY,
        Kind::Administrator => (89 - index) * DAY,
        Kind::Member if index == 0 => 41 * DAY,
        Kind::Member => seed.between(2 * DAY, 80 * DAY),
        Kind::Unreachable => seed.between(2 * DAY, 4 * DAY),
        Kind::Disputed => seed.between(8 * DAY, 20 * DAY),
        Kind::Reactivated | Kind::Deactivated | Kind::Leaving => seed.between(30 * DAY, 80 * DAY),
        Kind::Rejected if index < 6 => seed.between(9 * DAY, 26 * DAY),
        Kind::Rejected => seed.between(3 * DAY, 26 * DAY),
        Kind::EarlierWave => 3 * DAY + 5 * HOUR + 4 * index,
        Kind::Confirmed if index < 6 => seed.between(20, 4 * HOUR),
        Kind::Confirmed | Kind::Unconfirmed | Kind::Shadow => seed.between(6 * HOUR, 6 * DAY),
        Kind::Answered | Kind::Undone => seed.between(2 * DAY, 6 * DAY),
        Kind::Wave => HOUR + 20 + 4 * index,
        Kind::Held => seed.between(3 * DAY, 9 * DAY),
    }
}

/// An administrator: the first was created by the operator, and the others were approved by the first.
fn administer(life: &mut Life, index: usize, seed: &mut Seed) {
    if index == 0 {
        ADMINISTRATOR.clone_into(&mut life.username);
        life.client_ip = Ipv4Addr::new(192, 0, 2, 10).into();
        life.by_operator = true;
        life.answer = None;
    } else {
        life.then(seed, 5, 40, Event::ConfirmEmail);
        life.then(seed, HOUR, 9 * HOUR, Event::Decide(Decision::new(AdminAction::Approve, 0)));
        life.then(seed, DAY, 3 * DAY, Event::Decide(Decision::new(AdminAction::MakeAdmin, 0)));
    }
    life.sign_in(seed, 14, HOUR + 5);
}

/// Someone who has been approved.
fn join(life: &mut Life, kind: Kind, index: usize, seed: &mut Seed) {
    let by = |seed: &mut Seed| seed.pick(&[0, 0, 1, 2, 3]).unwrap_or(0);
    if kind == Kind::Member && index == 0 {
        MEMBER.clone_into(&mut life.username);
    }
    if kind != Kind::Disputed {
        life.then(seed, 3, 90, Event::ConfirmEmail);
    }
    if kind == Kind::Member && index % 12 == 5 {
        ask(life, by(seed), seed);
    }
    let approval = Decision::new(AdminAction::Approve, by(seed));
    life.then(seed, 40, 30 * HOUR, Event::Decide(approval));
    match kind {
        Kind::Unreachable => life.failed_email = seed.pick(&EMAIL_ERRORS),
        Kind::Disputed => life.then(seed, HOUR, 2 * DAY, Event::DisputeEmail),
        // Some have never signed in.
        Kind::Member if index % 9 == 4 => {}
        _ => {
            let times = seed.between(1, 6);
            let last = match kind {
                Kind::Deactivated | Kind::Reactivated => 15 * DAY,
                Kind::Leaving => 3 * DAY,
                _ => HOUR + 5,
            };
            life.sign_in(seed, times, last);
        }
    }
    match kind {
        Kind::Member if index % 9 == 5 => life.then(seed, 1, 20, Event::ChangePassword),
        Kind::Deactivated | Kind::Reactivated => deactivate(life, kind, by(seed), seed),
        Kind::Leaving => life.add(seed.between(20 * HOUR, 50 * HOUR), Event::RequestDeletion),
        _ => {}
    }
}

/// Deactivates a member, and reactivates some.
fn deactivate(life: &mut Life, kind: Kind, by: usize, seed: &mut Seed) {
    let note = seed.pick(&DEACTIVATE_NOTES);
    let deactivation = Decision { note, ..Decision::new(AdminAction::Deactivate, by) };
    life.then(seed, DAY, 12 * DAY, Event::Decide(deactivation));
    if kind == Kind::Reactivated {
        let reactivation = Decision::new(AdminAction::Reactivate, by);
        life.then(seed, HOUR, 8 * DAY, Event::Decide(reactivation));
        life.sign_in(seed, 2, HOUR + 5);
    }
}

/// Someone who has not been approved.
fn apply(life: &mut Life, kind: Kind, index: usize, seed: &mut Seed) {
    let by = seed.pick(&[0, 1, 1, 2, 3]).unwrap_or(0);
    let is_confirmed = match kind {
        Kind::Confirmed | Kind::Answered | Kind::Undone => true,
        Kind::Rejected | Kind::Held => index % 3 != 2,
        _ => false,
    };
    if is_confirmed {
        life.then(seed, 3, 50, Event::ConfirmEmail);
    }
    match kind {
        Kind::Rejected => {
            let rejection = rejection(by, is_confirmed, seed);
            life.then(seed, 2 * HOUR, 30 * HOUR, Event::Decide(rejection));
        }
        Kind::EarlierWave => {
            let note = REJECT_NOTES.first().copied();
            let together = Decision { note, batch: true, ..Decision::new(AdminAction::Reject, 1) };
            life.add(3 * DAY + HOUR, Event::Decide(together));
        }
        Kind::Unconfirmed if index < 4 => life.failed_email = seed.pick(&EMAIL_ERRORS),
        Kind::Confirmed if index % 17 == 8 => life.assigned_to = Some(2),
        Kind::Answered => ask(life, by, seed),
        Kind::Undone => {
            life.then(seed, HOUR, DAY, Event::Decide(Decision::new(AdminAction::Approve, by)));
            life.then(seed, 1, 1, Event::Undo(by));
        }
        Kind::Held => {
            let question = seed.pick(&QUESTIONS).map(|(question, _)| question);
            let ask = Decision { question, ..Decision::new(AdminAction::Ask, by) };
            life.add(seed.between(2 * HOUR, 46 * HOUR), Event::Decide(ask));
        }
        Kind::Shadow => life.is_shadow = true,
        _ => {}
    }
}

/// Adds a question and its answer.
fn ask(life: &mut Life, by: usize, seed: &mut Seed) {
    let Some((question, answer)) = seed.pick(&QUESTIONS) else { return };
    let ask = Decision { question: Some(question), ..Decision::new(AdminAction::Ask, by) };
    life.then(seed, HOUR, 10 * HOUR, Event::Decide(ask));
    life.then(seed, 20, 14 * HOUR, Event::Answer(answer));
}

/// Returns a rejection with a reason, or a silent one with a note.
fn rejection(by: usize, is_confirmed: bool, seed: &mut Seed) -> Decision {
    let rejection = Decision::new(AdminAction::Reject, by);
    if is_confirmed {
        Decision { reason: seed.pick(&REJECT_REASONS), ..rejection }
    } else {
        Decision { note: seed.pick(&REJECT_NOTES), ..rejection }
    }
}
