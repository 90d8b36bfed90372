//! Where things are kept, and the keys that seal them.

use std::path::{Path, PathBuf};

use app::backend::settings::Environment;
use secrecy::SecretString;
use url::Url;

use super::{ConfigError, Source, wrong};

pub(super) fn database_url(source: &Source) -> Result<SecretString, ConfigError> {
    use secrecy::ExposeSecret;
    let Some(url) = source.secret("DATABASE_URL")? else {
        data_folder("DATABASE_URL")?;
        return Ok(SecretString::from("sqlite://data/vestibule.db".to_owned()));
    };
    let known =
        ["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.expose_secret().starts_with(kind));
    if !known {
        return Err(wrong("DATABASE_URL", "must begin with sqlite:// or postgres://"));
    }
    // What a driver says of an address that it can't read quotes all of it.
    let text = url.expose_secret();
    if !text.starts_with("sqlite:") && Url::parse(text).is_err() {
        let should = "must be postgres://user:password@host/database, with %2F for a / in the password, %23 for # and %3F for ?";
        return Err(wrong("DATABASE_URL", should));
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
    let right = url.as_ref().is_none_or(|url| known.iter().any(|kind| url.expose_secret().starts_with(kind)));
    if right { Ok(url) } else { Err(wrong("REDIS_URL", "must begin with redis:// or rediss://")) }
}

pub(super) fn secret_key(source: &Source, environment: Environment) -> Result<SecretString, ConfigError> {
    use secrecy::ExposeSecret;
    let should = "must have at least 32 characters (openssl rand -base64 32 makes one)";
    match (source.secret("SECRET_KEY")?, environment) {
        (Some(key), _) if key.expose_secret().chars().count() >= 32 => Ok(key),
        (None, Environment::Dev) => kept_secret_key(),
        (Some(_), _) => Err(wrong("SECRET_KEY", should)),
        (None, Environment::Prod) => Err(wrong("SECRET_KEY", &format!("{should}; it is required in PROD"))),
    }
}

/// It still opens what it sealed, so it has to be as hard to guess.
pub(super) fn secret_key_previous(source: &Source) -> Result<Option<SecretString>, ConfigError> {
    use secrecy::ExposeSecret;
    let key = source.secret("SECRET_KEY_PREVIOUS")?;
    let right = key.as_ref().is_none_or(|key| key.expose_secret().chars().count() >= 32);
    if right { Ok(key) } else { Err(wrong("SECRET_KEY_PREVIOUS", "must have at least 32 characters")) }
}

/// A developer's key: made once, so that sessions outlive a restart.
fn kept_secret_key() -> Result<SecretString, ConfigError> {
    let folder = data_folder("SECRET_KEY")?;
    let path = folder.join("secret_key");
    let fail =
        |e: std::io::Error| wrong("SECRET_KEY", &format!("could not be kept in {} ({e})", path.display()));
    if !path.exists() {
        let key = data_encoding::BASE64.encode(&app::backend::random::bytes::<32>());
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
    builder
        .create(&folder)
        .map_err(|e| wrong(name, &format!("is not set, and the folder data/ could not be made ({e})")))?;
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
