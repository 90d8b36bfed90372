//! The pages: rendered by the server, never sent as code. One route table, one file a page.
//!
//! Guarantees: every route is `SsrMode::Async`, so that a page is complete without scripts and its status is set before
//! the first byte; reading happens here through the backend's queries, and every action is a form to a server function.

mod address;
mod admin;
mod change_password;
mod confirm;
mod delete_account;
pub mod dev_mail;
pub mod error_page;
mod frame;
mod home;
mod keep_account;
mod login;
mod logout;
mod mails;
mod microsoft;
mod person;
mod profile;
mod proof;
mod register;
mod request;
mod reset_password;
mod setup;
mod shell;
mod sign_in_link;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

pub use shell::{CspNonce, Shell, provide_page_nonce, script_tags, shell};

/// The route table.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=error_page::NotFound>
                <Route path=path!("/") view=home::HomePage ssr=SsrMode::Async />
                <Route path=path!("/register") view=register::RegisterPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=login::LoginPage ssr=SsrMode::Async />
                <Route path=path!("/reset-password") view=reset_password::ResetPasswordPage ssr=SsrMode::Async />
                <Route path=path!("/change-password") view=change_password::ChangePasswordPage ssr=SsrMode::Async />
                <Route path=path!("/logout") view=logout::LogoutPage ssr=SsrMode::Async />
                <Route path=path!("/confirm/:token") view=confirm::ConfirmPage ssr=SsrMode::Async />
                <Route path=path!("/auto-login/:token") view=sign_in_link::SignInLinkPage ssr=SsrMode::Async />
                <Route path=path!("/setup/:token") view=setup::SetupPage ssr=SsrMode::Async />
                <Route path=path!("/profile") view=profile::ProfilePage ssr=SsrMode::Async />
                <Route path=path!("/profile/address") view=address::AddressPage ssr=SsrMode::Async />
                <Route path=path!("/profile/microsoft") view=microsoft::MicrosoftPage ssr=SsrMode::Async />
                <Route path=path!("/profile/delete") view=delete_account::DeleteAccountPage ssr=SsrMode::Async />
                <Route path=path!("/confirm-address/:token") view=address::ConfirmAddressPage ssr=SsrMode::Async />
                <Route path=path!("/undo/:token") view=address::UndoPage ssr=SsrMode::Async />
                <Route path=path!("/keep/:token") view=keep_account::KeepAccountPage ssr=SsrMode::Async />
                <Route path=path!("/admin") view=admin::AdminPage ssr=SsrMode::Async />
                <Route path=path!("/admin/mail") view=mails::MailsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/:id") view=person::PersonPage ssr=SsrMode::Async />
                <Route path=path!("/admin/:decision/:id") view=person::DecisionPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
