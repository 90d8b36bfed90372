//! What a page knows of the request it answers.

use axum::http::StatusCode;
use axum::http::request::Parts;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::api::http::{Caller, Flash};
use crate::backend::Backend;
use crate::backend::sessions::Viewer;
use crate::backend::settings::Settings;
use crate::domain::problem::{Field, Refusal};

/// A page's request. Absent only while the route table is read, once, at the start.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// The portal.
    pub backend: Backend,
    /// Who is asking.
    pub caller: Caller,
    /// The address, with its query.
    pub address: String,
}

impl PageRequest {
    /// The present request.
    pub fn get() -> Option<Self> {
        let parts = use_context::<Parts>()?;
        Some(Self {
            backend: use_context::<Backend>()?,
            caller: parts.extensions.get::<Caller>().cloned()?,
            address: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.backend.settings
    }

    /// Who is signed in.
    pub fn viewer(&self) -> Option<&Viewer> {
        self.caller.viewer.as_deref()
    }

    /// The administrator who is asking. The gate has let nobody else come here; the page asks again all the same.
    pub fn administrator(&self) -> Option<&Viewer> {
        self.viewer().filter(|viewer| viewer.is_admin())
    }

    /// What the last page has left.
    pub fn flash(&self) -> Option<&Flash> {
        self.caller.flash.as_deref()
    }

    /// Why the form of this page was refused.
    pub fn refusal(&self) -> Refusal {
        self.flash().and_then(|flash| flash.refusal.clone()).unwrap_or_default()
    }

    /// What was typed into a field before it was refused.
    pub fn typed(&self, field: Field) -> String {
        let of = |kept: &'_ [(Field, String)]| kept.iter().find(|(kept, _)| *kept == field).cloned();
        let earlier = || self.caller.typed.as_deref().and_then(|typed| of(&typed.kept));
        let kept = self.flash().and_then(|flash| of(&flash.kept)).or_else(earlier);
        kept.map_or_else(String::new, |(_, typed)| typed)
    }
}

/// A part of the address, e.g. `:id`; empty while there is none.
pub fn param(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// A value of the address's query.
pub fn query(name: &str) -> Option<String> {
    use_query_map().read_untracked().get(name)
}

/// Sets the status of the page.
pub fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}
