//! docs/reference/limits.md states the limits that the program has.

use std::path::Path;

/// The root folder of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &str) -> String {
    let file = Path::new(ROOT).join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The limits: a file, a declaration in it, and the text of docs/reference/limits.md about it. A changed limit needs new text
/// here and there.
const LIMITS: &[(&str, &str, &str)] = &[
    // Signing in and passwords.
    (
        "server/src/config/reference.rs",
        r#""LIMIT_SIGN_IN", "`100/10m`""#,
        "| failed sign-ins from one source | 100 in 10 minutes |",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const SIGN_IN_PAIR: Limit = Limit { count: 10, period: Duration::from_mins(10) };",
        "The right password of an account that cannot sign in counts too | 10 in 10 minutes |",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const SIGN_IN_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };",
        "can sign in until the day ends | 100 in 1 day |",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const AUDITED_ACTIONS: Limit = Limit { count: 100, period: Duration::from_mins(10) };",
        "| successful sign-ins to one account from one source | 100 in 10 minutes |",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const PASSWORD: Limit = Limit { count: 10, period: Duration::from_mins(10) };",
        "| passwords entered with an emailed link, for one account | 10 in 10 minutes and",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const PASSWORD_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };",
        "10 in 10 minutes and 100 in 1 day |",
    ),
    (
        "backend/src/auth/rate_limit/mod.rs",
        "const MICROSOFT: Limit = Limit { count: 600, period: Duration::from_mins(10) };",
        "and sign-outs there | 600 in 10 minutes |",
    ),
    (
        "backend/src/auth/rate_limit/network.rs",
        "const WIDER_NETWORKS: [(u32, u32); 2] = [(56, 2), (48, 4)];",
        "the /56 and /48 networks\n  around the source are counted too, with 2 and 4 times the limit",
    ),
    (
        "backend/src/auth/known_browsers.rs",
        "pub const MAX_BROWSERS: u64 = 20;",
        "except on shared computers | 20 |",
    ),
    (
        "backend/src/auth/known_browsers.rs",
        "pub const MAX_FAILURES: i32 = 10;",
        "after which a known browser is forgotten | 10 |",
    ),
    (
        "backend/src/sessions/mod.rs",
        "const MAX_SESSIONS: u64 = 50;",
        "that has not been used for longest | 50 |",
    ),
    // Registration and email.
    (
        "server/src/config/reference.rs",
        r#""LIMIT_REGISTER", "`20/1h`""#,
        "| registrations from one source | 20 in 1 hour |",
    ),
    (
        "server/src/config/reference.rs",
        r#""LIMIT_RESET", "`20/1h`""#,
        "| requests for a temporary password from one source | 20 in 1 hour |",
    ),
    (
        "backend/src/accounts/password_reset/job.rs",
        "const MAX_EMAILS: u64 = 3;",
        "| temporary passwords by email for one account | 3 in",
    ),
    (
        "backend/src/accounts/password_reset/job.rs",
        "const PERIOD: Duration = Duration::from_hours(1);",
        "that say why there is no temporary password | 3 in 1 hour |",
    ),
    (
        "backend/src/email/mailbox.rs",
        "[(3, Duration::from_hours(1)), (10, Duration::from_hours(24))];",
        "| 3 in 1 hour and 10 in 1 day |",
    ),
    (
        "backend/src/email/jobs/existing_owner.rs",
        "const MIN_INTERVAL: Duration = Duration::from_hours(24);",
        "to its owner | 1 in 1 day |",
    ),
    (
        "backend/src/email/jobs/pending_registrations.rs",
        "const MIN_INTERVAL: Duration = Duration::from_mins(15);",
        "about pending registrations | 1 in 15 minutes |",
    ),
    (
        "backend/src/email/reminder.rs",
        "const MIN_INTERVAL: Duration = Duration::from_hours(24);",
        "| reminders to administrators about pending registrations | 1 in 1 day |",
    ),
    (
        "server/src/config/reference.rs",
        r#""MAIL_RATE", "`30/1m`""#,
        "| attempts of all replicas together to send an email | 30 in any 1 minute,",
    ),
    ("backend/src/email/backoff.rs", "const MAX_ATTEMPTS: i32 = 14;", "over 20 to 30 hours | 14 |"),
    ("backend/src/admin/failed_emails.rs", "pub const MAX_RESENT: u64 = 1_000;", "sends | 1,000 |"),
    // Requests.
    ("server/src/listener.rs", "pub const MAX_CONNECTIONS: usize = 2_048;", "Further ones get 503 | 2,048 |"),
    (
        "server/src/http/middleware/concurrency_limit.rs",
        "pub const MAX_CONCURRENT_REQUESTS: usize = 512;",
        "Further ones get 503 with Retry-After | 512 |",
    ),
    (
        "backend/src/auth/password/hasher.rs",
        "pub const MAX_QUEUED: usize = 256;",
        "if other sources wait too | 256 |",
    ),
    (
        "backend/src/microsoft/provider/mod.rs",
        "const MAX_CONCURRENT_CALLS: usize = 64;",
        "in one process | 64 |",
    ),
    (
        "server/src/listener.rs",
        "pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);",
        "| time to receive the headers, to receive a form, to answer, and to send an answer, each | 10 seconds |",
    ),
    (
        "server/src/listener.rs",
        "pub const PROXY_IDLE_TIMEOUT: Duration = Duration::from_secs(150);",
        "| 10 seconds, from IP addresses in TRUSTED_PROXIES 150 seconds |",
    ),
    (
        "server/src/listener.rs",
        "pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);",
        "to send an answer, each | 10 seconds |",
    ),
    (
        "server/src/http/middleware/form_body.rs",
        "pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);",
        "to receive a form, to answer, and to send an answer, each | 10 seconds |",
    ),
    (
        "server/src/http/middleware/concurrency_limit.rs",
        "pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);",
        "to answer, and to send an answer, each | 10 seconds |",
    ),
    (
        "server/src/http/middleware/form_body.rs",
        "pub const MAX_FORM_BYTES: usize = 16 * 1024;",
        "| size of a form | 16 KiB |",
    ),
    (
        "server/src/listener.rs",
        "const MAX_HEADER_BYTES: usize = 32 * 1024;",
        "| size of the headers of a request | 32 KiB |",
    ),
    ("app/src/http/cookies/mod.rs", "const MAX_SAME_NAME: usize = 4;", "decrypted per request | 4 |"),
    (
        "app/src/http/cookies/flash.rs",
        "const MAX_TABS: usize = 4;",
        "keeps for its tabs. The oldest ones are removed | 4 |",
    ),
    (
        "server/src/readiness.rs",
        "const CACHE_LIFETIME: Duration = Duration::from_secs(1);",
        "by `/readyz` | 1 per second |",
    ),
    (
        "backend/src/infra/database.rs",
        "const MAX_CONNECTIONS: u32 = 16;",
        "| connections to PostgreSQL from one process | 16 |",
    ),
    // Sizes.
    ("domain/src/username.rs", "pub const MIN_LENGTH: usize = 3;", "| username | 3 to"),
    ("domain/src/username.rs", "pub const MAX_LENGTH: usize = 32;", "| username | 3 to 32 characters |"),
    ("domain/src/email_address.rs", "pub const MAX_LENGTH: usize = 254;", "| email address | 254 bytes |"),
    ("domain/src/password.rs", "pub const MAX_LENGTH: usize = 128;", "to 128 characters |"),
    (
        "server/src/config/reference.rs",
        r#""PASSWORD_MIN_LENGTH", "`12`""#,
        "| password | PASSWORD_MIN_LENGTH (12 by default) to",
    ),
    ("domain/src/saved_reason.rs", "pub const MAX_SAVED_REASONS: usize = 50;", "| saved reasons | 50 |"),
    (
        "domain/src/saved_reason.rs",
        "pub const MAX_TITLE_LENGTH: usize = 80;",
        "| title of a saved reason | 80 characters |",
    ),
    (
        "domain/src/free_text.rs",
        "pub const MAX_LENGTH: usize = 500;",
        "| text of a saved reason | 500 characters |",
    ),
    (
        "backend/src/accounts/profile.rs",
        "pub const RECENT_ACTIVITY_LIMIT: u64 = 20;",
        "| audit log entries on the profile | 20 |",
    ),
    (
        "backend/src/accounts/data_export.rs",
        "const EXPORTED_ENTRIES: u64 = 10_000;",
        "| audit log entries in the data download | 10,000 |",
    ),
    (
        "backend/src/admin/users.rs",
        "pub const PAGE_SIZE: u64 = 50;",
        "| people and failed emails on one page | 50 |",
    ),
    (
        "backend/src/admin/failed_emails.rs",
        "pub const PAGE_SIZE: u64 = 50;",
        "| people and failed emails on one page | 50 |",
    ),
    (
        "backend/src/admin/decisions/many.rs",
        "const BULK: usize = 10;",
        "| people in one decision above which its emails are sent after those that other people are waiting for | 10 |",
    ),
    (
        "domain/src/decision.rs",
        "pub const MAX_BATCH: usize = 50;",
        "| accounts that one request decides about, or whose decisions it undoes | 50 |",
    ),
    (
        "backend/src/admin/decisions/many.rs",
        "const MAX_DURATION: Duration = Duration::from_secs(7);",
        "| time after which such a request begins no further account | 7 seconds |",
    ),
    (
        "domain/src/free_text.rs",
        "pub const MAX_LENGTH: usize = 500;",
        "| reason, note, question or answer | 500 characters |",
    ),
    (
        "backend/src/admin/decisions/recent.rs",
        "const MAX_LISTED: u64 = 50;",
        "| recent decisions and batches that are listed | 50 |",
    ),
    (
        "backend/src/admin/queue/facts.rs",
        "const MAX_OTHERS: u64 = 50;",
        "each for the email domain and the IP address | 50 |",
    ),
    (
        "backend/src/admin/queue/mod.rs",
        "const MAX_TOTAL: u64 = 1_000;",
        "| pending registrations that the admin page counts | 1,000 |",
    ),
    (
        "backend/src/admin/queue/mod.rs",
        "const MAX_MATCHING: u64 = 10_000;",
        "| pending registrations that the admin page counts where the list is filtered | 10,000 |",
    ),
    (
        "backend/src/admin/users.rs",
        "const MAX_TOTAL: u64 = 1_000;",
        "| accounts that the admin page counts | 1,000 |",
    ),
    (
        "backend/src/admin/queue/history.rs",
        "const MAX_EARLIER: i64 = 3;",
        "| earlier decisions that a row of the queue shows, for each account | 3 |",
    ),
    (
        "backend/src/admin/queue/assignment.rs",
        "pub const ASSIGNMENT_LIFETIME: Duration = Duration::from_mins(15);",
        "| time for which a request is marked as assigned | 15 minutes |",
    ),
];

#[test]
fn the_reference_page_states_the_limits_of_the_program() {
    let page = read("docs/reference/limits.md");
    for (file, declaration, text) in LIMITS {
        assert!(read(file).contains(declaration), "{file} does not contain {declaration:?}");
        assert!(page.contains(text), "docs/reference/limits.md does not contain {text:?}");
    }
}
