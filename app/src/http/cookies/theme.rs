//! The cookie of the theme. It is not secret, so it is not sealed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::http::cookies::{CookieJar, CookieName, header};

/// The time for which the theme is remembered.
const THEME_LIFETIME: Duration = Duration::from_hours(8_760);

/// A theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// The theme of the operating system.
    #[default]
    System,
    /// The light theme.
    Light,
    /// The dark theme.
    Dark,
}

impl Theme {
    /// Reads the name of a theme. Anything unknown is the system's choice.
    pub fn parse(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Returns the name of the theme.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl CookieJar {
    /// Returns the cookie of a theme. The system's choice removes it.
    pub fn theme(&self, theme: Theme) -> Option<HeaderValue> {
        let lifetime = if theme == Theme::System { Duration::ZERO } else { THEME_LIFETIME };
        HeaderValue::from_str(&self.build(CookieName::Theme, theme.as_str().to_owned(), lifetime).to_string())
            .ok()
    }

    /// Reads the theme.
    pub fn read_theme(&self, headers: &HeaderMap) -> Theme {
        header::values(headers, &self.name(CookieName::Theme)).next().map_or(Theme::System, Theme::parse)
    }
}
