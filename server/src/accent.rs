//! The organisation's colour.
//!
//! Guarantees: white text on it has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3), and so has it as text on white;
//! the dark theme gets a lighter mixture of it with dark text.

use std::fmt;

/// A colour that may carry buttons and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    red: u8,
    green: u8,
    blue: u8,
}

impl Accent {
    /// Reads `#rrggbb`; the error completes "must be #rrggbb and …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let form = "six hexadecimal digits";
        let digits =
            text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii()).ok_or(form)?;
        let part =
            |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).ok_or(form);
        let accent = Self { red: part(0)?, green: part(2)?, blue: part(4)? };
        let contrast = 1.05 / (accent.luminance() + 0.05);
        if contrast >= 4.5 { Ok(accent) } else { Err("dark enough for white text (a contrast of 4.5 to 1)") }
    }

    /// Relative luminance (WCAG 2.2, definitions).
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

/// The stylesheet that carries the colour into both themes.
pub fn stylesheet(accent: &str) -> String {
    let light = format!("--color-primary:{accent};--color-primary-content:#fff");
    let dark = format!("--color-primary:color-mix(in oklab,{accent} 45%,#fff);--color-primary-content:#111");
    format!(
        ":root,[data-theme=vestibule-light]{{{light}}}\n[data-theme=vestibule-dark]{{{dark}}}\n\
         @media (prefers-color-scheme:dark){{:root:not([data-theme]){{{dark}}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_that_carry_white_text_are_accepted() {
        assert!(Accent::parse("#0f5f63").is_ok());
        for bad in ["#ffff00", "#0f5f6", "0f5f63", "#gggggg", "#ääa"] {
            assert!(Accent::parse(bad).is_err(), "{bad}");
        }
    }
}
