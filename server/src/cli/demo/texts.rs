//! The texts that the invented people write.

use domain::status::AdminAction;

/// The question at registration, unless REGISTER_QUESTION is set.
pub(super) const QUESTION: &str = "What do you need the account for?";

/// Answers to the question at registration.
pub(super) const ANSWERS: [&str; 20] = [
    "I joined the data team last week and need to see the rota.",
    "Booking the workshop rooms for our evening course.",
    "Volunteer at the repair café on Saturdays.",
    "My supervisor asked me to register.",
    "I moved from the other branch. My old account was closed.",
    "To upload the minutes of the board meetings.\nI take over from the former secretary.",
    "Student representative, second year.",
    "I translate your newsletter into Portuguese and Italian.",
    "Access to the sheet music archive.",
    "私は九月から図書館で働いています。",
    "New treasurer. Grace from the office knows about it.",
    "Summer internship, until the end of September",
    "To read the member magazine",
    "أحتاج إلى الحساب للتسجيل في الدورات.",
    "We run the climbing group together with the sports club.",
    "Ordering supplies for the laboratory (building C, 2nd floor)",
    "Ich leite ab Oktober den Chor.",
    "I maintain the website. My last pull request said <b>hello</b> to you.",
    "Parent of a child in the music school",
    "Guest researcher for 6 months",
];

/// Answers of the people who register in a wave.
pub(super) const WAVE_ANSWERS: [&str; 3] = ["hello", "account pls", "for the offer"];

/// Questions of administrators with the answers that they get.
pub(super) const QUESTIONS: [(&str, &str); 6] = [
    (
        "Which team do you work with, and who is your contact there?",
        "The archive team. My contact is Moira in the reading room.",
    ),
    ("Are you the person who had an account until 2024?", "Yes. I was away for two years."),
    ("Which course are you enrolled in?", "Evening course in bookbinding, Tuesdays."),
    (
        "Your email address is a shared one. Do you have one of your own?",
        "Not yet. I'll get one next week.\nCan I change it later?",
    ),
    ("When does your placement start?", "On the first Monday of next month."),
    ("Can you tell us your membership number?", "It is M-20417."),
];

/// Reasons that rejected applicants are told.
pub(super) const REJECT_REASONS: [&str; 4] = [
    "We could not find your membership. Join first, then register again.",
    "Register with your own email address. We do not accept shared ones.",
    "Accounts are for staff and members. Visitors do not need one to book a tour.",
    "You already have an account with another email address. Sign in with that one.",
];

/// Notes about silent rejections.
pub(super) const REJECT_NOTES: [&str; 3] =
    ["Looks automated.", "Not known in any department, phoned them.", "Same text as last week's wave"];

/// Notes about deactivations.
pub(super) const DEACTIVATE_NOTES: [&str; 4] = [
    "Left at the end of the term.",
    "Contract ended. HR confirmed it by phone.",
    "Asked us to close the account until spring.",
    "Account was used by several people.",
];

/// Saved reasons: the action, the title, the text, and true if the applicant is not told.
pub(super) const SAVED_REASONS: [(AdminAction, &str, &str, bool); 6] = [
    (AdminAction::Reject, "Not a member", REJECT_REASONS[0], false),
    (AdminAction::Reject, "Shared email address", REJECT_REASONS[1], false),
    (AdminAction::Reject, "Automated registration", REJECT_NOTES[0], true),
    (AdminAction::Deactivate, "Contract ended", DEACTIVATE_NOTES[1], false),
    (AdminAction::Ask, "Team and contact", QUESTIONS[0].0, false),
    (AdminAction::Ask, "Membership number", QUESTIONS[5].0, false),
];

/// The errors of mail servers, and the number of attempts after which an email fails.
pub(super) const EMAIL_ERRORS: [(&str, i32); 3] = [
    ("550 5.1.1 no such user here", 1),
    ("452 4.2.2 the mailbox is full", 14),
    ("554 5.7.1 message refused by policy", 1),
];

/// The browsers of sessions.
pub(super) const USER_AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
];
