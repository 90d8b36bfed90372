//! The source of the settings, and the forms that settings share: texts, secrets, lists, periods and limits.
//!
//! # Guarantees
//!
//! - Spaces and invisible characters around a value are removed, in variables as well as in files.
//! - A value in quotation marks or with invisible characters in it is refused, except SECRET_KEY_PREVIOUS.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use strsim::damerau_levenshtein;

use crate::config::period::{parse_limit, parse_period};
use crate::config::text::{find_mark, trim};
use crate::config::{ConfigError, SETTINGS, invalid};
use domain::time::Limit;

/// The settings that may come from a file.
const SECRETS: [&str; 6] =
    ["DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "SMTP_URL", "CLIENT_SECRET"];

/// Returns true for the name of a setting, and for the name of a secret with `_FILE`.
fn is_setting(name: &str) -> bool {
    let secret = name.strip_suffix("_FILE").filter(|bare| SECRETS.contains(bare));
    secret.is_some() || SETTINGS.iter().any(|setting| setting.name == name)
}

/// Refuses quotation marks around a value and invisible characters in it. Keys are any text, so they may contain line breaks.
/// The previous key is not checked, because it may have been in use with its marks.
fn check_text(name: &str, text: &str) -> Result<(), ConfigError> {
    if name == "SECRET_KEY_PREVIOUS" {
        return Ok(());
    }
    let checked = if name.starts_with("SECRET_KEY") && !name.ends_with("_FILE") {
        text.lines().collect::<Vec<_>>().join(" ")
    } else {
        text.to_owned()
    };
    find_mark(&checked).map_or(Ok(()), |mark| Err(invalid(name, &format!("must not {mark}"))))
}

/// Returns a name in the singular, so that `TRUSTED_PROXY` resembles `TRUSTED_PROXIES`.
fn singular(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    match (name.strip_suffix("IES"), name.strip_suffix('S')) {
        (Some(stem), _) => format!("{stem}Y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => name,
    }
}

/// Returns the content of an `.env` file, or `None` if there is none.
fn read_env_file(path: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // Python's virtual environments are often folders of this name.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(None),
        Err(error) => Err(invalid(".env", &format!("must be a readable UTF-8 text file ({error})"))),
    }
}

/// Parses the lines of an `.env` file. Windows editors write a byte order mark at its beginning.
pub(super) fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut position = "the first line".to_owned();
    let mut values = Vec::new();
    for line in dotenvy::from_read_iter(text.trim_start_matches('\u{feff}').as_bytes()) {
        // The error quotes the line, which may contain a secret.
        let (name, value) = line.map_err(|_| {
            let fix = "Use NAME=value, or NAME='value' if the value contains spaces";
            invalid(".env", &format!("{position} is not valid. {fix}"))
        })?;
        position = format!("the line after {name}");
        values.push((name, value));
    }
    Ok(values)
}

/// The source of the settings: the environment, and `.env` in development.
#[derive(Debug, Default)]
pub struct Source {
    values: HashMap<String, String>,
    /// The names of the variables whose value is not UTF-8.
    malformed: HashSet<String>,
}

impl Source {
    /// Reads the environment of the process. In DEV, `.env` adds missing variables.
    ///
    /// # Errors
    /// Returns an error if `.env` cannot be read, or one of its lines cannot be parsed.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn process() -> Result<Self, ConfigError> {
        let mut source = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => _ = source.values.insert(name, value),
                Err(_) => _ = source.malformed.insert(name),
            }
        }
        let dev = source.word("LEPTOS_ENV").map_or(cfg!(debug_assertions), |env| env == "dev");
        if dev && let Some(file) = read_env_file(Path::new(".env"))? {
            for (name, value) in parse_env_file(&file)? {
                source.values.entry(name).or_insert(value);
            }
        }
        Ok(source)
    }

    /// Returns a source with only these values.
    pub fn of(values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { values, ..Self::default() }
    }

    /// Returns a message for each variable whose name looks like a misspelt name of a setting that is not set: nothing else
    /// reports a misspelling. Names of one word are skipped, because they often belong to other programs (`LANG`,
    /// `XAUTHORITY`).
    pub(super) fn misspelt_settings(&self) -> Vec<String> {
        let is_set = |name: &str| {
            self.values.contains_key(name)
                || (SECRETS.contains(&name) && self.values.contains_key(&format!("{name}_FILE")))
        };
        let meant = |name: &str| {
            let bare = name.strip_suffix("_FILE").unwrap_or(name);
            if !bare.contains('_') || is_setting(name) {
                return None;
            }
            SETTINGS.iter().map(|setting| setting.name).find(|setting| {
                // One difference, and one more for every ten letters. Names in another case differ in every letter.
                let max_distance = 1 + setting.len() / 10;
                let resembles = damerau_levenshtein(bare, setting) <= max_distance
                    || singular(bare).eq_ignore_ascii_case(&singular(setting));
                !is_set(setting) && resembles
            })
        };
        let mut messages: Vec<String> = self
            .values
            .keys()
            .filter_map(|name| {
                meant(name).map(|meant| format!("Unknown setting {name}. Did you mean {meant}?"))
            })
            .collect();
        messages.sort_unstable();
        messages
    }

    /// Returns the value of a setting that is a word, in lower case: people write `None` and `True` too.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_ascii_lowercase)
    }

    /// Returns the value of a setting, or `None` if it is not set or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| trim(value)).filter(|value| !value.is_empty())
    }

    /// Refuses values that no setting means: those that are not text, in quotation marks, or with invisible characters in them.
    pub(super) fn check_texts(&self) -> Result<(), ConfigError> {
        let files = SECRETS.map(|name| format!("{name}_FILE"));
        for name in SETTINGS.iter().map(|setting| setting.name).chain(files.iter().map(String::as_str)) {
            if self.malformed.contains(name) {
                return Err(invalid(name, "must be UTF-8 text"));
            }
            if let Some(text) = self.get(name) {
                check_text(name, text)?;
            }
        }
        Ok(())
    }

    /// Returns the parts of a list that is separated by commas, or `None` if it is not set. A list without parts is an error.
    pub(super) fn list(&self, name: &str, should: &str) -> Result<Option<Vec<&str>>, ConfigError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let parts: Vec<&str> = text.split(',').map(trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { Err(invalid(name, should)) } else { Ok(Some(parts)) }
    }

    /// Returns a secret from NAME, from the file NAME_FILE, or from the credentials of the service manager.
    pub(super) fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        if let Some(value) = self.get(name) {
            return Ok(Some(SecretString::from(value.to_owned())));
        }
        let file = format!("{name}_FILE");
        let path = match (self.get(&file), self.get("CREDENTIALS_DIRECTORY")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(folder)) if Path::new(folder).join(name).exists() => Path::new(folder).join(name),
            _ => return Ok(None),
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|e| invalid(&file, &format!("{} must be a readable text file ({e})", path.display())))?;
        let text = trim(&text);
        if text.is_empty() {
            let should =
                format!("{} is empty. Write the secret into the file, or remove the file", path.display());
            return Err(invalid(name, &should));
        }
        check_text(name, text)?;
        Ok(Some(SecretString::from(text.to_owned())))
    }

    /// Returns the value of a setting that is a word, parsed from lower case.
    pub(super) fn parsed_word<T>(
        &self,
        name: &str,
        default: T,
        should: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        self.word(name).map_or(Ok(default), |word| parse(&word).ok_or_else(|| invalid(name, should)))
    }

    pub(super) fn parsed<T>(
        &self,
        name: &str,
        default: T,
        should: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        self.get(name).map_or(Ok(default), |text| parse(text).ok_or_else(|| invalid(name, should)))
    }

    pub(super) fn period(&self, name: &str, default: &str) -> Result<Duration, ConfigError> {
        let should = format!("must be a number and s, m, h or d, for example {default}");
        let default = parse_period(default).unwrap_or_default();
        self.parsed(name, default, &should, parse_period)
    }

    /// Reads a period that may be zero (`0s`).
    pub(super) fn period_or_zero(&self, name: &str, default: &str) -> Result<Duration, ConfigError> {
        let should = format!("must be a number and s, m, h or d, for example {default}, or 0s for never");
        let default = parse_period(default).unwrap_or_default();
        self.parsed(name, default, &should, |text| match text {
            "0s" => Some(Duration::ZERO),
            _ => parse_period(text),
        })
    }

    pub(super) fn limit(&self, name: &str, default: &str) -> Result<Limit, ConfigError> {
        let should = format!("must be a number, a slash and a period, for example {default}");
        let fallback = Limit { count: 1, period: Duration::from_secs(1) };
        self.parsed(name, parse_limit(default).unwrap_or(fallback), &should, parse_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_in_an_env_file_is_not_part_of_a_name() {
        let values = parse_env_file("\u{feff}PORTAL_NAME=Example\r\nLOG=warn\r\n").expect("is accepted");
        let expected =
            [("PORTAL_NAME", "Example"), ("LOG", "warn")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(values, expected);
        let line = parse_env_file("PORTAL_NAME=Example\nSMTP_URL=hunter2 twice\n").expect_err("is refused").0;
        assert!(line.contains("the line after PORTAL_NAME") && !line.contains("hunter2"), "{line}");
    }
}
