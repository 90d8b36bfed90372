//! The file transport: one `.eml` file for each attempt.

use std::path::Path;

use lettre::Message as MimeMessage;
use tokio::io::AsyncWriteExt;

use crate::email::delivery::SendResult;
use crate::entity::outbox;

/// Checks if the folder exists or can be created.
pub(super) async fn check(folder: &Path) -> Result<String, String> {
    tokio::fs::create_dir_all(folder).await.map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(format!("files can be written to {}", folder.display()))
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
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await?;
    let name = format!("{:08}-{}.eml", row.id, row.attempts);
    let temporary = folder.join(format!(".{name}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&temporary).await?;
    file.write_all(content).await?;
    file.sync_all().await?;
    tokio::fs::rename(&temporary, folder.join(name)).await
}
