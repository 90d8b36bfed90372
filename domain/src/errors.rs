//! Error codes, and the form fields they belong to.
//!
//! # Guarantees
//!
//! - An error carries codes and numbers, never text. Its sentence is in [`crate::messages`].

use serde::{Deserialize, Serialize};

use crate::status::PublicStatus;
use crate::time::Timestamp;

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The username, or at sign-in the username or email address.
    Username,
    /// The email address.
    Email,
    /// The password.
    Password,
    /// The current password, asked for when the password changes and before sensitive actions.
    CurrentPassword,
    /// The new password.
    NewPassword,
    /// The repetition of the new password.
    ConfirmPassword,
    /// The checkbox for a shared computer: any non-empty value means yes.
    Shared,
    /// The answer of an applicant.
    Answer,
    /// The question of an administrator to an applicant.
    Question,
    /// The reason for a decision, which the applicant reads.
    Reason,
    /// The note about a decision, for administrators.
    Note,
    /// The title of a saved reason.
    Title,
    /// The choice whether the applicant is told of the decision by email: `no` means that they are.
    Silent,
    /// The choice to approve people whose email address is not confirmed.
    Unconfirmed,
    /// The choice of a saved reason.
    SavedReason,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 15] = [
        Self::Username,
        Self::Email,
        Self::Password,
        Self::CurrentPassword,
        Self::NewPassword,
        Self::ConfirmPassword,
        Self::Shared,
        Self::Answer,
        Self::Question,
        Self::Reason,
        Self::Note,
        Self::Title,
        Self::Silent,
        Self::Unconfirmed,
        Self::SavedReason,
    ];

    /// Returns the name of the field in HTML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Password => "password",
            Self::CurrentPassword => "current_password",
            Self::NewPassword => "new_password",
            Self::ConfirmPassword => "confirm_password",
            Self::Shared => "shared",
            Self::Answer => "answer",
            Self::Question => "question",
            Self::Reason => "reason",
            Self::Note => "note",
            Self::Title => "title",
            Self::Silent => "silent",
            Self::Unconfirmed => "unconfirmed",
            Self::SavedReason => "saved",
        }
    }

    /// Returns the field with this name in HTML.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Returns the maximum number of bytes that are preserved when the form is refused, or `None` if the value is never preserved.
    #[must_use]
    pub fn max_preserved_length(self) -> Option<usize> {
        match self {
            Self::Username | Self::Email => Some(crate::email_address::MAX_LENGTH),
            Self::Shared | Self::Silent | Self::Unconfirmed => Some(3),
            // The digits of an id.
            Self::SavedReason => Some(19),
            Self::Title => Some(320),
            Self::Answer | Self::Question | Self::Reason | Self::Note => Some(1_500),
            Self::Password | Self::CurrentPassword | Self::NewPassword | Self::ConfirmPassword => None,
        }
    }

    /// Returns true if the field is for text of several lines: see [`crate::free_text::FreeText`].
    #[must_use]
    pub fn is_multiline(self) -> bool {
        matches!(self, Self::Answer | Self::Question | Self::Reason | Self::Note)
    }

    /// Returns true if the field is for a password.
    #[must_use]
    pub fn is_password(self) -> bool {
        matches!(self, Self::Password | Self::CurrentPassword | Self::NewPassword | Self::ConfirmPassword)
    }
}

/// The reason for a refusal. The sentence for each code is in [`crate::messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The username is missing.
    UsernameMissing,
    /// The username is too short or too long.
    UsernameLength,
    /// The username has a character that is not allowed, or separators in the wrong place.
    UsernameInvalid,
    /// The username is reserved.
    UsernameReserved,
    /// Another account has this username.
    UsernameTaken,
    /// The username or email address to sign in with is missing.
    IdentifierMissing,
    /// The email address is missing.
    EmailMissing,
    /// The email address is not valid.
    EmailInvalid,
    /// The password is missing.
    PasswordMissing,
    /// The password has fewer characters than this minimum.
    PasswordTooShort(usize),
    /// The password is longer than the maximum.
    PasswordTooLong,
    /// The password has a character that cannot be stored.
    PasswordInvalidCharacter,
    /// The password is too easy to guess.
    PasswordTooWeak,
    /// The two passwords differ.
    PasswordsDiffer,
    /// The current password is missing.
    CurrentPasswordMissing,
    /// The current password is wrong.
    CurrentPasswordWrong,
    /// The password is not that of the account that the link belongs to.
    PasswordWrong,
    /// The new password is the same as the current password.
    PasswordUnchanged,
    /// The new email address is the same as the current email address.
    EmailUnchanged,
    /// The last authentication is too old for a sensitive action without the current password.
    ReauthenticationRequired,
    /// The username, email address or password is wrong.
    InvalidCredentials,
    /// The password was right, but the account has a status that does not allow sign-in.
    NotActive(PublicStatus),
    /// The password was right, but the account will be deleted at this time unless its owner keeps it.
    DueForDeletion(Timestamp),
    /// The rate limit is exceeded. The value is the number of seconds to wait.
    TooManyAttempts(u64),
    /// The portal is overloaded, or a service that it needs does not answer. The value is the number of seconds to wait.
    Busy(u64),
    /// The request timed out, and the action may or may not have been carried out.
    TimedOut,
    /// The link has been used, has expired or is unknown.
    LinkInvalid,
    /// Another account has confirmed the email address of the link.
    EmailTaken,
    /// The link belongs to a different account from the one that is signed in.
    OtherUserSignedIn,
    /// The first administrator has already been created.
    AdminExists,
    /// No user has this id.
    UserNotFound,
    /// The user's status does not allow the action.
    WrongStatus(PublicStatus),
    /// The action requires a confirmed email address.
    EmailUnconfirmed,
    /// Administrators cannot deactivate their own account or remove their own role.
    OwnAccount,
    /// The user is already an administrator.
    AlreadyAdmin,
    /// The user is not an administrator.
    NotAdmin,
    /// The action would leave the portal without an administrator.
    LastAdmin,
    /// The last administrator cannot delete their own account.
    LastAdminDeletion,
    /// The session does not exist or has ended.
    SessionNotFound,
    /// The email does not exist, or its state does not allow sending it again.
    EmailNotFound,
    /// The failed email is no longer needed and has been dropped.
    EmailNotNeeded,
    /// The link of the failed email has expired, and no new one can replace it.
    EmailExpired,
    /// The answer is missing.
    AnswerMissing,
    /// The question is missing.
    QuestionMissing,
    /// The reason is missing.
    ReasonMissing,
    /// The form is about another registration than the last one in this browser.
    OtherRegistration,
    /// The title is missing.
    TitleMissing,
    /// An administrator has undone part of the batch that the form continues.
    BatchUndone,
    /// Another account has the email address or the Microsoft account of an account whose decision is undone.
    UndoIdentityTaken,
    /// The text has more characters than this maximum.
    TextTooLong(usize),
    /// The reason and the note, which become one note, are together longer than this number of characters.
    ReasonAndNoteTooLong(usize),
    /// The question has been answered or withdrawn.
    QuestionClosed,
    /// An administrator has approved or rejected the registration.
    AlreadyDecided,
    /// The text of a saved reason is missing.
    SavedTextMissing,
    /// The saved reason does not exist.
    SavedReasonNotFound,
    /// Another administrator has changed the saved reason.
    SavedReasonChanged,
    /// There are as many saved reasons as this maximum.
    TooManySavedReasons(usize),
    /// The form does not have the expected fields.
    FormMalformed,
    /// The form is larger than the limit.
    FormTooLarge,
    /// The account has a restricted session, so its owner may be recovering it.
    RecoveryInProgress,
    /// The browser keeps no cookies, so no one can sign in with it.
    CookiesBlocked,
    /// No one is signed in, or the session has ended.
    SignedOut,
    /// The signed-in user does not have the right.
    Forbidden,
    /// An internal error with this reference.
    Internal(u64),
    /// The server could not be reached.
    Unreachable,
    /// Sign-in with Microsoft is not configured.
    MicrosoftNotConfigured,
    /// Microsoft's identity provider or Microsoft Graph does not answer.
    MicrosoftUnavailable,
    /// The user cancelled at Microsoft.
    MicrosoftDenied,
    /// Microsoft returned an error, or its response failed verification.
    MicrosoftRefused,
    /// The authorization request has expired, has been used or belongs to another browser.
    MicrosoftRequestExpired,
    /// Another account has the email address of the Microsoft account.
    MicrosoftEmailTaken,
    /// The Microsoft account has no email address.
    MicrosoftNoEmail,
    /// The Microsoft account is not the one that is linked to the account.
    MicrosoftMismatch,
    /// The Microsoft account is linked to another account.
    MicrosoftLinkedElsewhere,
    /// The account already has a linked Microsoft account.
    MicrosoftAlreadyLinked,
    /// The account has no linked Microsoft account.
    MicrosoftNotLinked,
    /// Microsoft did not confirm a recent sign-in.
    MicrosoftNoRecentSignIn,
    /// The account would have no sign-in method left.
    LastSignInMethod,
    /// The account has changed since the page showed it.
    AccountChanged,
    /// No account was selected for a decision about several.
    NoneSelected,
    /// More accounts than this maximum were selected for a decision about several.
    TooManySelected(usize),
    /// No decision has this id, or its account has been deleted.
    DecisionNotFound,
    /// The time in which the decision could be undone has passed.
    UndoTooLate,
    /// The email of the decision has been sent.
    UndoEmailSent,
    /// The email of the decision is being sent, or an attempt to send it has failed.
    UndoEmailLeaving,
    /// The person has signed in since the decision.
    UndoSignedIn,
    /// The person has answered the question.
    UndoAnswered,
    /// The account has changed since the decision.
    UndoAccountChanged,
}

/// An error of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// The code of the error.
    pub code: ErrorCode,
}

/// All errors of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormErrors {
    /// The error of the form as a whole.
    pub form: Option<ErrorCode>,
    /// The errors of single fields, in the order of the form.
    pub fields: Vec<FieldError>,
}

impl FormErrors {
    /// Returns an error of the form as a whole.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        Self { form: Some(code), fields: Vec::new() }
    }

    /// Returns an error of one field.
    #[must_use]
    pub fn of_field(field: Field, code: ErrorCode) -> Self {
        Self { form: None, fields: vec![FieldError { field, code }] }
    }

    /// Adds an error of a field.
    pub fn add(&mut self, field: Field, code: ErrorCode) {
        self.fields.push(FieldError { field, code });
    }

    /// Returns true if there are no errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.form.is_none() && self.fields.is_empty()
    }

    /// Returns the error of this field.
    #[must_use]
    pub fn code_of(&self, field: Field) -> Option<ErrorCode> {
        self.fields.iter().find(|error| error.field == field).map(|error| error.code)
    }
}

impl From<ErrorCode> for FormErrors {
    fn from(code: ErrorCode) -> Self {
        Self::of(code)
    }
}

/// Returns the reference of an internal error as people read and type it: `7F3K-2QX4`, the Crockford base32 of 40 bits.
#[must_use]
pub fn error_reference(bits: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: u32| {
        let index = usize::try_from((bits >> (5 * place)) & 31).unwrap_or(0);
        DIGITS.get(index).map_or('0', |b| char::from(*b))
    };
    let (mut text, places) = (String::with_capacity(9), (0..8).rev());
    for place in places {
        text.push(digit(place));
        if place == 4 {
            text.push('-');
        }
    }
    text
}
