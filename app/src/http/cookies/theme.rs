//! The cookie of the theme. It is not secret, so it is not sealed.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::http::cookies::{CookieJar, cookies_named};

/// The time for which the theme is remembered.
const THEME_LIFETIME: Duration = Duration::from_hours(8_760);

const THEME: &str = "theme";

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
        HeaderValue::from_str(&self.build(THEME, theme.as_str().to_owned(), lifetime).to_string()).ok()
    }

    /// Reads the theme.
    pub fn read_theme(&self, headers: &HeaderMap) -> Theme {
        let name = self.name(THEME);
        let theme = cookies_named(headers, &name).next().and_then(|pair| pair.split_once('='));
        theme.map_or(Theme::System, |(_, value)| Theme::parse(value))
    }
}
