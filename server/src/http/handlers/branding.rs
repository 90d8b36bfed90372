//! The organisation's branding: its accent colour and its logo.
//!
//! # Guarantees
//!
//! - White text on the accent colour, and the accent colour as text on white, have a contrast of at least 4.5 to 1 (WCAG 2.2,
//!   1.4.3).
//! - The dark theme uses a lighter mix of the accent colour, with dark text on it.
//! - No script in an SVG logo runs.

use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use backend::Backend;

/// A colour for buttons and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    red: u8,
    green: u8,
    blue: u8,
}

impl Accent {
    /// Parses `#rrggbb`. The error completes "must be …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let form = "a colour as #rrggbb in hexadecimal digits";
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or(form)?;
        let part =
            |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).ok_or(form);
        let accent = Self { red: part(0)?, green: part(2)?, blue: part(4)? };
        let contrast = 1.05 / (accent.luminance() + 0.05);
        if contrast >= 4.5 { Ok(accent) } else { Err("dark enough for white text (contrast at least 4.5:1)") }
    }

    /// Returns the relative luminance (WCAG 2.2, definitions).
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// Returns the stylesheet that sets the colour in both themes.
pub fn stylesheet(accent: &str) -> String {
    let light = format!("--color-primary:{accent};--color-primary-content:#fff");
    let dark = format!("--color-primary:color-mix(in oklab,{accent} 45%,#fff);--color-primary-content:#111");
    format!(
        ":root,[data-theme=vestibule-light]{{{light}}}\n[data-theme=vestibule-dark]{{{dark}}}\n\
         @media (prefers-color-scheme:dark){{:root:not([data-theme]){{{dark}}}}}\n"
    )
}

/// Returns the stylesheet with the organisation's accent colour, or 404.
pub async fn accent_css(State(backend): State<Backend>) -> Response {
    match &backend.settings.portal_accent {
        Some(accent) => ([(CONTENT_TYPE, "text/css; charset=utf-8")], stylesheet(accent)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns the organisation's logo, or 404. Its own Content-Security-Policy keeps scripts in an SVG from running.
pub async fn logo(State(backend): State<Backend>) -> Response {
    let Some(path) = backend.settings.portal_logo.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_svg = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg"));
    match tokio::fs::read(&path).await {
        Ok(content) => {
            let kind = if is_svg { "image/svg+xml; charset=utf-8" } else { "image/png" };
            let policy = (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=3600"), policy], content).into_response()
        }
        Err(error) => {
            tracing::error!(cause = %error, path = %path.display(), "could not read PORTAL_LOGO");
            StatusCode::NOT_FOUND.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_accepted_only_if_white_text_on_it_is_readable() {
        assert!(Accent::parse("#0f5f63").is_ok());
        for bad in ["#ffff00", "#0f5f6", "0f5f63", "#gggggg", "#ääa", "#+1+1+1"] {
            assert!(Accent::parse(bad).is_err(), "{bad}");
        }
    }
}
