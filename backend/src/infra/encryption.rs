//! Encryption with keys that are derived from SECRET_KEY.
//!
//! # Guarantees
//!
//! - Each purpose has its own key (HKDF-SHA-256, RFC 5869).
//! - Sealed data (XChaCha20-Poly1305, 192-bit random nonce) opens only for the same context.
//! - SECRET_KEY_PREVIOUS opens sealed data and never seals any.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::error::InternalError;
use crate::infra::random;

/// The encryption keys of the portal.
pub struct Keys {
    email: Vec<XChaCha20Poly1305>,
    portal: Vec<XChaCha20Poly1305>,
    cookies: Vec<[u8; 64]>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Derives the keys from `current` and, only for opening, from `previous`.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        let secrets: Vec<&SecretString> = std::iter::once(current).chain(previous).collect();
        Self {
            email: ciphers(&secrets, b"outbox"),
            portal: ciphers(&secrets, b"portal keys"),
            cookies: secrets.iter().map(|s| derive(s, b"cookies")).collect(),
        }
    }

    /// Seals the content of an email for `context`.
    pub fn seal_email(&self, text: &[u8], context: &str) -> Result<String, InternalError> {
        seal(&self.email, text, context).ok_or(InternalError::Seal("encrypt an email"))
    }

    /// Opens a result of [`Keys::seal_email`] for the same `context`, with the current or the previous key.
    pub fn open_email(&self, sealed: &str, context: &str) -> Result<Vec<u8>, InternalError> {
        open(&self.email, sealed, context)
            .map(|(text, _)| text)
            .ok_or(InternalError::Seal("decrypt an email"))
    }

    /// Seals a key of the portal.
    pub fn seal_key(&self, key: &[u8], name: &str) -> Result<String, InternalError> {
        seal(&self.portal, key, name).ok_or(InternalError::Seal("encrypt the portal key"))
    }

    /// Opens a result of [`Keys::seal_key`]. Also returns true if it was sealed with the previous key and should be sealed again.
    pub fn open_key(&self, sealed: &str, name: &str) -> Result<(Vec<u8>, bool), InternalError> {
        let opened = open(&self.portal, sealed, name).ok_or(InternalError::Seal("decrypt the portal key"))?;
        Ok((opened.0, opened.1 > 0))
    }

    /// Returns the keys for sealed cookies, 512 bits each: the current one, then the previous one.
    pub fn cookies(&self) -> &[[u8; 64]] {
        &self.cookies
    }
}

fn ciphers(secrets: &[&SecretString], purpose: &[u8]) -> Vec<XChaCha20Poly1305> {
    secrets.iter().map(|secret| XChaCha20Poly1305::new(&Key::from(derive::<32>(secret, purpose)))).collect()
}

fn seal(ciphers: &[XChaCha20Poly1305], text: &[u8], context: &str) -> Option<String> {
    let nonce = random::bytes::<24>();
    let payload = Payload { msg: text, aad: context.as_bytes() };
    let sealed = ciphers.first()?.encrypt(&XNonce::from(nonce), payload).ok()?;
    Some(BASE64.encode(&[nonce.as_slice(), &sealed].concat()))
}

/// Returns the text and the index of the key that opened it.
fn open(ciphers: &[XChaCha20Poly1305], sealed: &str, context: &str) -> Option<(Vec<u8>, usize)> {
    let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
    let (nonce, text) = bytes.split_first_chunk::<24>()?;
    ciphers.iter().enumerate().find_map(|(index, cipher)| {
        let payload = Payload { msg: text, aad: context.as_bytes() };
        Some((cipher.decrypt(&XNonce::from(*nonce), payload).ok()?, index))
    })
}

#[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes; 64 are asked for at most")]
fn derive<const N: usize>(secret: &SecretString, purpose: &[u8]) -> [u8; N] {
    let mut key = [0; N];
    Hkdf::<Sha256>::new(Some(b"vestibule"), secret.expose_secret().as_bytes())
        .expand(purpose, &mut key)
        .expect("the length is allowed");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(current: &str, previous: Option<&str>) -> Keys {
        let previous = previous.map(|text| SecretString::from(text.to_owned()));
        Keys::new(&SecretString::from(current.to_owned()), previous.as_ref())
    }

    #[test]
    fn sealed_data_opens_only_for_the_same_context() {
        let keys = keys("a secret of at least 32 characters", None);
        let sealed = keys.seal_email(b"hello", "ada").expect("seals");
        assert_eq!(keys.open_email(&sealed, "ada").expect("opens"), b"hello");
        assert!(keys.open_email(&sealed, "bob").is_err());
    }

    #[test]
    fn a_key_that_the_previous_secret_sealed_should_be_sealed_again() {
        let old = keys("old old old old old old old old old", None)
            .seal_key(b"key", "blocked_identities")
            .expect("seals");
        let rotated =
            keys("new new new new new new new new new", Some("old old old old old old old old old"));
        assert_eq!(rotated.open_key(&old, "blocked_identities").expect("opens"), (b"key".to_vec(), true));
        let new = rotated.seal_key(b"key", "blocked_identities").expect("seals");
        assert_eq!(rotated.open_key(&new, "blocked_identities").expect("opens"), (b"key".to_vec(), false));
        assert!(rotated.open_key(&new, "another name").is_err());
    }

    #[test]
    fn the_previous_key_opens_sealed_data_and_an_unrelated_key_does_not() {
        let sealed =
            keys("old old old old old old old old old", None).seal_email(b"hello", "ada").expect("seals");
        let rotated =
            keys("new new new new new new new new new", Some("old old old old old old old old old"));
        assert_eq!(rotated.open_email(&sealed, "ada").expect("opens"), b"hello");
        assert!(keys("new new new new new new new new new", None).open_email(&sealed, "ada").is_err());
    }
}
