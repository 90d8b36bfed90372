//! Cookies with which an action makes the browser remember something.

use crate::http::action::ActionContext;
use crate::http::cookies::{Theme, VerifiedUser};
use backend::auth::known_browsers::KnownBrowser;
use domain::status::UserId;

impl ActionContext {
    /// Remembers this browser as a known browser.
    pub fn remember_browser(&self, known: Option<KnownBrowser>) {
        if let Some(known) = known {
            self.set_cookie(self.cookies.known_browsers(
                &self.request.known_browsers,
                known,
                self.backend.now(),
            ));
        }
    }

    /// Remembers that `user_id` registered in this browser, so that confirming the email address needs no password here.
    pub fn remember_registration(&self, user_id: UserId) {
        self.set_cookie(self.cookies.registration(user_id, self.backend.now()));
    }

    /// Forgets the registration of `user_id`, which has been withdrawn.
    pub fn forget_registration(&self, user_id: UserId) {
        if self.request.registered_here == Some(user_id) {
            self.set_cookie(self.cookies.remove_registration());
        }
        if self.request.password_verified.is_some_and(|verified| verified.user_id == user_id) {
            self.set_cookie(self.cookies.remove_password_verified());
        }
    }

    /// Remembers that the correct password of `user_id` was entered in this browser. `can_confirm` is true if the user can request
    /// another verification email.
    pub fn remember_verified_password(&self, user_id: UserId, can_confirm: bool) {
        let user = VerifiedUser { user_id, can_confirm };
        self.set_cookie(self.cookies.password_verified(user, self.backend.now()));
    }

    /// Forgets the user whose correct password was entered in this browser, because another user has entered theirs since.
    pub fn forget_verified_password(&self) {
        if self.request.password_verified.is_some() {
            self.set_cookie(self.cookies.remove_password_verified());
        }
    }

    /// Forgets the secret of the forms of this browser, which recognises the person who has signed out.
    pub fn forget_form(&self) {
        if self.request.form_secret.is_some() {
            self.set_cookie(self.cookies.remove_form_secret());
        }
    }

    /// Remembers the theme.
    pub fn remember_theme(&self, theme: Theme) {
        self.set_cookie(self.cookies.theme(theme));
    }
}
