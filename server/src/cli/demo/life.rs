//! The life of an account: its person, and the events since the registration.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::seed::Seed;
use domain::status::AdminAction;

/// A number of minutes before now.
pub(super) type Ago = u64;

/// The minutes of an hour and of a day.
pub(super) const HOUR: Ago = 60;
pub(super) const DAY: Ago = 24 * HOUR;

/// A decision of an administrator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) action: AdminAction,
    /// The number of the administrator: 0 is the first account.
    pub(super) by: usize,
    /// The reason that the applicant is told.
    pub(super) reason: Option<&'static str>,
    pub(super) note: Option<&'static str>,
    /// The question to the applicant.
    pub(super) question: Option<&'static str>,
    /// True for the decisions that were made together.
    pub(super) batch: bool,
}

impl Decision {
    /// Returns a decision without a text.
    pub(super) fn new(action: AdminAction, by: usize) -> Self {
        Self { action, by, reason: None, note: None, question: None, batch: false }
    }
}

/// An event in the life of an account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    ConfirmEmail,
    /// The owner of the email address did not register.
    DisputeEmail,
    Decide(Decision),
    /// An administrator undoes the last decision.
    Undo(usize),
    /// The applicant answers the last question.
    Answer(&'static str),
    SignIn,
    ChangePassword,
    RequestDeletion,
}

/// An account and its events, the oldest first.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) client_ip: IpAddr,
    pub(super) registered: Ago,
    pub(super) is_shadow: bool,
    /// True for the administrator whom the operator created.
    pub(super) by_operator: bool,
    /// The answer to the question at registration.
    pub(super) answer: Option<&'static str>,
    pub(super) events: Vec<(Ago, Event)>,
    /// The error of the email that could not be sent, and the number of attempts.
    pub(super) failed_email: Option<(&'static str, i32)>,
    /// The number of the administrator to whom the request is assigned.
    pub(super) assigned_to: Option<usize>,
}

impl Life {
    /// Creates a pending account without events.
    pub(super) fn new((given, family): (&str, &str), domain: &str, registered: Ago, seed: &mut Seed) -> Self {
        Self {
            username: username(given, family, seed),
            email: format!("{given}.{family}@{domain}"),
            client_ip: client_ip(seed),
            registered,
            is_shadow: false,
            by_operator: false,
            answer: None,
            events: Vec::new(),
            failed_email: None,
            assigned_to: None,
        }
    }

    /// Adds an event `first` to `last` minutes after the newest one, and always before now.
    pub(super) fn then(&mut self, seed: &mut Seed, first: Ago, last: Ago, event: Event) {
        let newest = self.events.iter().map(|(ago, _)| *ago).min().unwrap_or(self.registered);
        let later = seed.between(first, last).min(newest / 2);
        self.add(newest - later, event);
    }

    /// Adds an event at this time.
    pub(super) fn add(&mut self, ago: Ago, event: Event) {
        self.events.push((ago, event));
        self.events.sort_by_key(|(ago, _)| Reverse(*ago));
    }

    /// Adds sign-ins after the newest event, and at least `last` minutes ago.
    pub(super) fn sign_in(&mut self, seed: &mut Seed, times: u64, last: Ago) {
        let newest = self.events.iter().map(|(ago, _)| *ago).min().unwrap_or(self.registered);
        for _ in 0..times {
            let ago = seed.between(last.min(newest), newest);
            self.add(ago, Event::SignIn);
        }
    }
}

/// Returns a username in one of the forms that people choose.
fn username(given: &str, family: &str, seed: &mut Seed) -> String {
    let initial = &given[..1];
    match seed.between(0, 9) {
        0 => format!("{given}-{family}"),
        1 => format!("{given}_{family}"),
        2 => format!("{initial}.{family}"),
        3 => format!("{given}{}", seed.between(10, 99)),
        4 => format!("{initial}{family}{}", seed.between(2, 99)),
        _ => format!("{given}.{family}"),
    }
}

/// Returns one of the IP addresses that are reserved for documentation (RFC 5737, RFC 3849).
fn client_ip(seed: &mut Seed) -> IpAddr {
    let byte = |seed: &mut Seed, last| u8::try_from(seed.between(1, last)).unwrap_or(1);
    match seed.between(0, 9) {
        0..=4 => Ipv4Addr::new(192, 0, 2, byte(seed, 90)).into(),
        5..=7 => Ipv4Addr::new(198, 51, 100, byte(seed, 70)).into(),
        _ => {
            let (network, host) = (byte(seed, 12), byte(seed, 200));
            Ipv6Addr::new(0x2001, 0xdb8, 0x10, network.into(), 0, 0, 0, host.into()).into()
        }
    }
}
