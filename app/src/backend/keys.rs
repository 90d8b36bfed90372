//! Keys made from SECRET_KEY, and what they seal.
//!
//! Guarantees: each use has a key of its own (HKDF-SHA-256, RFC 5869); what is sealed (XChaCha20-Poly1305, 192-bit
//! random nonce) opens only for the same context; SECRET_KEY_PREVIOUS still opens, and never seals.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::error::Failure;
use super::random;

/// The keys of one portal.
pub struct Keys {
    mail: Vec<XChaCha20Poly1305>,
    portal: Vec<XChaCha20Poly1305>,
    cookies: Vec<[u8; 64]>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Derives the keys of `current` and, to open only, of `previous`.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        let secrets: Vec<&SecretString> = std::iter::once(current).chain(previous).collect();
        Self {
            mail: ciphers(&secrets, b"outbox"),
            portal: ciphers(&secrets, b"portal keys"),
            cookies: secrets.iter().map(|s| derive(s, b"cookies")).collect(),
        }
    }

    /// Seals `text` for `context`.
    pub fn seal_mail(&self, text: &[u8], context: &str) -> Result<String, Failure> {
        seal(&self.mail, text, context).ok_or(Failure::Seal("seal a mail"))
    }

    /// Opens what [`Keys::seal_mail`] made for the same `context`, with this key or the previous one.
    pub fn open_mail(&self, sealed: &str, context: &str) -> Result<Vec<u8>, Failure> {
        open(&self.mail, sealed, context).map(|(text, _)| text).ok_or(Failure::Seal("open a mail"))
    }

    /// Seals a key of the portal's own.
    pub fn seal_key(&self, key: &[u8], name: &str) -> Result<String, Failure> {
        seal(&self.portal, key, name).ok_or(Failure::Seal("seal a key"))
    }

    /// Opens what [`Keys::seal_key`] made; says whether it was sealed with the previous key and should be sealed anew.
    pub fn open_key(&self, sealed: &str, name: &str) -> Result<(Vec<u8>, bool), Failure> {
        let opened = open(&self.portal, sealed, name).ok_or(Failure::Seal("open a key"))?;
        Ok((opened.0, opened.1 > 0))
    }

    /// The keys for sealed cookies, 512 bits each: the present one, then the previous one.
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

/// The text, and the number of the key that opened it.
fn open(ciphers: &[XChaCha20Poly1305], sealed: &str, context: &str) -> Option<(Vec<u8>, usize)> {
    let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
    let (nonce, text) = bytes.split_first_chunk::<24>()?;
    ciphers.iter().enumerate().find_map(|(number, cipher)| {
        let payload = Payload { msg: text, aad: context.as_bytes() };
        Some((cipher.decrypt(&XNonce::from(*nonce), payload).ok()?, number))
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
    fn what_is_sealed_opens_for_the_same_context_alone() {
        let keys = keys("a secret of at least 32 characters", None);
        let sealed = keys.seal_mail(b"hello", "ada").expect("seals");
        assert_eq!(keys.open_mail(&sealed, "ada").expect("opens"), b"hello");
        assert!(keys.open_mail(&sealed, "bob").is_err());
    }

    #[test]
    fn a_key_sealed_with_the_previous_secret_asks_to_be_sealed_anew() {
        let old =
            keys("old old old old old old old old old", None).seal_key(b"key", "shut_outs").expect("seals");
        let rotated =
            keys("new new new new new new new new new", Some("old old old old old old old old old"));
        assert_eq!(rotated.open_key(&old, "shut_outs").expect("opens"), (b"key".to_vec(), true));
        let new = rotated.seal_key(b"key", "shut_outs").expect("seals");
        assert_eq!(rotated.open_key(&new, "shut_outs").expect("opens"), (b"key".to_vec(), false));
        assert!(rotated.open_key(&new, "another name").is_err());
    }

    #[test]
    fn the_previous_key_still_opens_and_another_does_not() {
        let sealed =
            keys("old old old old old old old old old", None).seal_mail(b"hello", "ada").expect("seals");
        let rotated =
            keys("new new new new new new new new new", Some("old old old old old old old old old"));
        assert_eq!(rotated.open_mail(&sealed, "ada").expect("opens"), b"hello");
        assert!(keys("new new new new new new new new new", None).open_mail(&sealed, "ada").is_err());
    }
}
