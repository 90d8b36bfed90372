//! The route table: the path, the component and the access level of each page.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::pages::{
    admin, answer, change_password, delete_account, email_change, email_verification, error_page,
    first_admin, home, keep_account, login, logout, microsoft, profile, register, registration_status,
    reset_password, sign_in_link,
};

/// The access level of a route. A user in a restricted session, who has to choose a new password, reaches only the levels
/// [`Access::Everyone`] and [`Access::PasswordChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone, including users in a restricted session.
    Everyone,
    /// Everyone. Users in a restricted session are redirected to the page on which they choose a new password.
    Public,
    /// Visitors. Users who are signed in are redirected to their profile.
    SignedOut,
    /// Users who are signed in.
    SignedIn,
    /// Users who are signed in, including those in a restricted session.
    PasswordChange,
    /// Administrators.
    Admin,
}

/// The data that authentication reads about the user of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserData {
    /// The session and the user.
    User,
    /// Also the sessions, recent activity and linked Microsoft account, in the same prepared query. With a separate
    /// query, the profile page served 26 % fewer requests per second (docs/contribute/benchmarks.md).
    Account,
}

/// A page in the route table.
#[derive(Clone, Copy, Debug)]
pub struct PageRoute {
    /// The path, with parameters as `:name`.
    pub path: &'static str,
    /// The access level.
    pub access: Access,
    /// The data that is read about the user.
    pub user_data: UserData,
}

/// Returns the data that authentication reads for a path of a URL.
#[must_use]
pub fn user_data(path: &str) -> UserData {
    PAGES.iter().find(|page| page.path == path).map_or(UserData::User, |page| page.user_data)
}

/// Returns true if the page of this path has a form for visitors or the form of an emailed link. Such a page sets the cookie that
/// recognises the browser when it sends the form.
#[must_use]
pub fn has_visitor_form(path: &str) -> bool {
    PAGES.iter().any(|page| match page.path.strip_suffix(":token") {
        Some(start) => path.starts_with(start),
        None => page.access == Access::SignedOut && page.path == path,
    })
}

/// Declares the pages, and the component that renders the page of the matching route.
macro_rules! pages {
    (@user_data) => { UserData::User };
    (@user_data $user_data:expr) => { $user_data };
    ($($path:tt => $($view:ident)::+, $access:expr $(, $user_data:expr)?;)+) => {
        /// The pages.
        pub const PAGES: &[PageRoute] =
            &[$(PageRoute { path: $path, access: $access, user_data: pages!(@user_data $($user_data)?) }),+];

        /// Renders the page of the matching route.
        #[component]
        pub fn App() -> impl IntoView {
            provide_meta_context();
            view! {
                <Router>
                    <Routes fallback=error_page::NotFound>
                        $(<Route path=path!($path) view=$($view)::+ ssr=SsrMode::Async />)+
                    </Routes>
                </Router>
            }
        }
    };
}

pages! {
    "/" => home::HomePage, Access::Public;
    "/register" => register::RegisterPage, Access::SignedOut;
    "/register/status" => registration_status::RegistrationStatusPage, Access::SignedOut;
    "/register/answer" => answer::AnswerPage, Access::SignedOut;
    "/login" => login::LoginPage, Access::SignedOut;
    "/reset-password" => reset_password::ResetPasswordPage, Access::SignedOut;
    "/change-password" => change_password::ChangePasswordPage, Access::PasswordChange;
    "/logout" => logout::LogoutPage, Access::Everyone;
    "/confirm/:token" => email_verification::EmailVerificationPage, Access::Public;
    "/answer/:token" => answer::AnswerLinkPage, Access::Public;
    "/auto-login/:token" => sign_in_link::SignInLinkPage, Access::Public;
    "/setup/:token" => first_admin::FirstAdminPage, Access::SignedOut;
    "/profile" => profile::ProfilePage, Access::SignedIn, UserData::Account;
    "/profile/address" => email_change::EmailChangePage, Access::SignedIn;
    "/profile/microsoft" => microsoft::MicrosoftPage, Access::SignedIn;
    "/profile/delete" => delete_account::DeleteAccountPage, Access::SignedIn;
    "/confirm-address/:token" => email_change::ConfirmEmailChangePage, Access::Public;
    "/undo/:token" => email_change::UndoEmailChangePage, Access::Public;
    "/keep/:token" => keep_account::KeepAccountPage, Access::Public;
    "/admin" => admin::users::UsersPage, Access::Admin;
    "/admin/mail" => admin::failed_emails::FailedEmailsPage, Access::Admin;
    "/admin/reasons" => admin::reasons::ReasonsPage, Access::Admin;
    "/admin/reasons/new" => admin::reasons::NewReasonPage, Access::Admin;
    "/admin/reasons/:id" => admin::reasons::ReasonPage, Access::Admin;
    "/admin/users/:id" => admin::user::UserPage, Access::Admin;
    "/admin/:decision/:id" => admin::decision::AdminActionPage, Access::Admin;
}
