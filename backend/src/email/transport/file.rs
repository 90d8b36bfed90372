//! The file transport: one `.eml` file for each attempt.
//!
//! # Guarantees
//!
//! - Only its owner can read a file, or a folder that is created here.

use std::path::Path;

use lettre::Message as MimeMessage;
use tokio::io::AsyncWriteExt;

use crate::email::delivery::SendResult;
use crate::entity::outbox;
use crate::infra::random;

/// Checks if files can be written to the folder. Creates the folder if it does not exist.
pub(super) async fn check(folder: &Path) -> Result<String, String> {
    let probe = folder.join(format!(".{}.part", random::public_id()));
    let written = match create_folder(folder).await {
        Ok(()) => write_file(&probe, b"").await,
        Err(error) => Err(error),
    };
    written.map_err(|e| format!("could not write to {}: {e}", folder.display()))?;
    let _ = tokio::fs::remove_file(&probe).await;
    Ok(format!("files can be written to {}", folder.display()))
}

/// Creates the folder and its missing parents.
async fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await
}

/// Writes an email into the folder.
pub(super) async fn send(folder: &Path, row: &outbox::Model, message: &MimeMessage) -> SendResult {
    match write(folder, row, &message.formatted()).await {
        Ok(()) => SendResult::Accepted,
        Err(error) => {
            SendResult::temporary_failure(format!("could not write to {}: {error}", folder.display()))
        }
    }
}

/// Writes a temporary file and renames it, so that no one reads an incomplete email.
async fn write(folder: &Path, row: &outbox::Model, content: &[u8]) -> std::io::Result<()> {
    create_folder(folder).await?;
    let name = format!("{:08}-{}.eml", row.id, row.attempts);
    let temporary = folder.join(format!(".{name}.part"));
    write_file(&temporary, content).await?;
    tokio::fs::rename(&temporary, folder.join(name)).await
}

async fn write_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(content).await?;
    file.sync_all().await
}
