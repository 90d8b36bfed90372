//! The settings of the database and Redis, and the keys that seal data.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::config::{ConfigError, Source, invalid};
use backend::auth::password::policy::is_guessable_key;
use backend::settings::Environment;

/// The minimum length of a key in characters.
const MIN_KEY_LENGTH: usize = 32;

pub(super) fn database_url(source: &Source) -> Result<SecretString, ConfigError> {
    use secrecy::ExposeSecret;
    let Some(url) = source.secret("DATABASE_URL")? else {
        data_folder("DATABASE_URL")?;
        return Ok(SecretString::from("sqlite://data/vestibule.db".to_owned()));
    };
    let known =
        ["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.expose_secret().starts_with(kind));
    if !known {
        return Err(invalid(
            "DATABASE_URL",
            "must begin with sqlite:// or postgres://, for example sqlite://data/vestibule.db",
        ));
    }
    // A driver that cannot parse the URL would quote all of it in its error.
    let text = url.expose_secret();
    if let Some(name) = text.strip_prefix("sqlite:") {
        // SQLite would store the data in temporary files.
        if name.split('?').next().is_none_or(|name| name.trim_start_matches("//").is_empty()) {
            return Err(invalid("DATABASE_URL", "must name a file, for example sqlite://data/vestibule.db"));
        }
    } else if Url::parse(text).is_err() {
        let should = "must be postgres://user:password@host/database. In the password, write %2F for /, %23 for # and %3F for ?";
        return Err(invalid("DATABASE_URL", should));
    }
    Ok(url)
}

pub(super) fn redis_url(source: &Source) -> Result<Option<SecretString>, ConfigError> {
    use secrecy::ExposeSecret;
    let url = source.secret("REDIS_URL")?;
    let known = [
        "redis://",
        "rediss://",
        "redis-cluster://",
        "rediss-cluster://",
        "redis-sentinel://",
        "rediss-sentinel://",
    ];
    let is_valid =
        url.as_ref().is_none_or(|url| known.iter().any(|kind| url.expose_secret().starts_with(kind)));
    if is_valid {
        Ok(url)
    } else {
        Err(invalid("REDIS_URL", "must begin with redis:// or rediss://, for example redis://127.0.0.1:6379"))
    }
}

pub(super) fn secret_key(source: &Source, environment: Environment) -> Result<SecretString, ConfigError> {
    match (source.secret("SECRET_KEY")?, environment) {
        (Some(key), _) => checked_key(key),
        (None, Environment::Dev) => checked_key(development_secret_key()?),
        (None, Environment::Prod) => {
            Err(invalid("SECRET_KEY", "must be set in PROD. Create one with openssl rand -base64 32"))
        }
    }
}

/// Returns a key that is long enough and not obviously guessable.
fn checked_key(key: SecretString) -> Result<SecretString, ConfigError> {
    use secrecy::ExposeSecret;
    let how = "Create one with openssl rand -base64 32";
    if key.expose_secret().chars().count() < MIN_KEY_LENGTH {
        return Err(invalid("SECRET_KEY", &format!("must be at least {MIN_KEY_LENGTH} characters. {how}")));
    }
    if is_guessable_key(key.expose_secret()) {
        return Err(invalid(
            "SECRET_KEY",
            &format!("must be random, because this key is easy to guess. {how}"),
        ));
    }
    Ok(key)
}

/// Reads SECRET_KEY_PREVIOUS. A key that is no longer accepted as SECRET_KEY is accepted here, so that it can be replaced.
pub(super) fn secret_key_previous(source: &Source) -> Result<Option<SecretString>, ConfigError> {
    use secrecy::ExposeSecret;
    let key = source.secret("SECRET_KEY_PREVIOUS")?;
    let is_valid = key.as_ref().is_none_or(|key| key.expose_secret().chars().count() >= MIN_KEY_LENGTH);
    if is_valid { Ok(key) } else { Err(invalid("SECRET_KEY_PREVIOUS", "must be at least 32 characters")) }
}

/// Returns the key for development. It is created once and stored in a file, so that sessions survive a restart.
fn development_secret_key() -> Result<SecretString, ConfigError> {
    let folder = data_folder("SECRET_KEY")?;
    let path = folder.join("secret_key");
    let fail = |e: std::io::Error| {
        invalid("SECRET_KEY", &format!("could not be stored in {} ({e})", path.display()))
    };
    if !path.exists() {
        let key = data_encoding::BASE64.encode(&backend::infra::random::bytes::<32>());
        write_private(&path, key.as_bytes()).map_err(fail)?;
    }
    Ok(SecretString::from(std::fs::read_to_string(&path).map_err(fail)?.trim().to_owned()))
}

fn data_folder(name: &str) -> Result<PathBuf, ConfigError> {
    let folder = PathBuf::from("data");
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(|e| {
        invalid(name, &format!("is not set, and the folder data/ could not be created ({e})"))
    })?;
    Ok(folder)
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}
