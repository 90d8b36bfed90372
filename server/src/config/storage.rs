//! The settings of the database and Redis, and the keys that seal data.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::config::{ConfigError, Source, invalid};
use backend::auth::password::policy::is_guessable_key;
use backend::settings::Environment;

/// The database if `DATABASE_URL` is not set.
const DEFAULT_DATABASE_URL: &str = "sqlite://data/vestibule.db";
/// The minimum length of a key in characters.
const MIN_KEY_LENGTH: usize = 32;

pub(super) fn database_url(source: &Source) -> Result<SecretString, ConfigError> {
    use secrecy::ExposeSecret;
    let Some(url) = source.secret("DATABASE_URL")? else {
        return Ok(SecretString::from(DEFAULT_DATABASE_URL.to_owned()));
    };
    let known =
        ["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.expose_secret().starts_with(kind));
    if !known {
        return Err(invalid(
            "DATABASE_URL",
            "must begin with sqlite:// or postgres://, for example sqlite://data/vestibule.db",
        ));
    }
    let text = url.expose_secret();
    if text.starts_with("sqlite:") { check_sqlite_url(text) } else { check_postgres_url(text) }?;
    Ok(url)
}

/// Refuses a URL without a file: SQLite would keep the data in memory or in temporary files, which a restart deletes.
fn check_sqlite_url(url: &str) -> Result<(), ConfigError> {
    let url = url.trim_start_matches("sqlite:");
    let (name, query) = url.split_once('?').unwrap_or((url, ""));
    let in_memory =
        name.trim_start_matches('/') == ":memory:" || query.split('&').any(|pair| pair == "mode=memory");
    if name.trim_start_matches("//").is_empty() || in_memory {
        return Err(invalid("DATABASE_URL", "must name a file, for example sqlite://data/vestibule.db"));
    }
    Ok(())
}

/// The parameters of a PostgreSQL URL that the driver knows, besides `options[…]`.
const POSTGRES_PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// Refuses a URL that the driver cannot parse, because its error would quote all of it, and parameters that the driver ignores,
/// because it logs their values.
fn check_postgres_url(url: &str) -> Result<(), ConfigError> {
    let should = "must be postgres://user:password@host/database. In the password, write %2F for /, %23 for # and %3F for ?";
    let parsed = Url::parse(url).map_err(|_| invalid("DATABASE_URL", should))?;
    let is_known =
        |name: &str| POSTGRES_PARAMETERS.contains(&name) || name == "options" || name.starts_with("options[");
    let Some((name, _)) = parsed.query_pairs().find(|(name, _)| !is_known(name)) else { return Ok(()) };
    // Another text is probably a part of a password with a question mark.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(invalid("DATABASE_URL", should));
    }
    let should = format!("must not have the parameter {name}, which Vestibule does not know");
    Err(invalid("DATABASE_URL", &should))
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

/// Creates the folder of the default database. Does nothing for other databases.
pub fn create_database_folder(url: &str) -> Result<(), ConfigError> {
    if url == DEFAULT_DATABASE_URL { data_folder("DATABASE_URL").map(drop) } else { Ok(()) }
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
