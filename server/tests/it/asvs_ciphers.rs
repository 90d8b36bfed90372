//! The ciphers match their published test vectors (OWASP ASVS 5.0.0, 11.3.2). Emails and keys are sealed with
//! XChaCha20-Poly1305 (`backend/src/infra/encryption.rs`), cookies with AES-256-GCM (axum-extra's private jar).

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload as GcmPayload};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two digits");
    digits.chunks(2).map(byte).collect()
}

/// The test vector of draft-irtf-cfrg-xchacha-03, A.3.1.
#[test]
fn xchacha20_poly1305_matches_the_test_vector_of_its_draft() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let nonce: Vec<u8> = (0x40..=0x57).collect();
    let nonce = XNonce::try_from(nonce.as_slice()).expect("24 bytes");
    let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let ciphertext = bytes(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
         731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
         2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
         21f9664c97637da9768812f615c68b13b52e
         c0875924c1c7987947deafd8780acf49",
    );
    let aad = bytes("50515253c0c1c2c3c4c5c6c7");
    let cipher = XChaCha20Poly1305::new_from_slice(&key).expect("32 bytes");
    let encrypted = cipher.encrypt(&nonce, Payload { msg: plaintext, aad: &aad });
    assert_eq!(encrypted.expect("seals"), ciphertext);
    let decrypted = cipher.decrypt(&nonce, Payload { msg: &ciphertext, aad: &aad });
    assert_eq!(decrypted.expect("opens"), plaintext);
    let other = cipher.decrypt(&nonce, Payload { msg: &ciphertext, aad: b"another row" });
    assert!(other.is_err(), "what it is bound to counts");
}

/// The test vector of McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
#[test]
fn aes_256_gcm_matches_the_test_vector_of_its_authors() {
    let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let nonce = bytes("cafebabefacedbaddecaf888");
    let plaintext = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let ciphertext = bytes(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
    let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let cipher = Aes256Gcm::new_from_slice(&key).expect("the length of a key");
    let encrypted = cipher.encrypt(nonce.as_slice().into(), GcmPayload { msg: &plaintext, aad: &aad });
    assert_eq!(encrypted.expect("seals"), ciphertext);
    let decrypted = cipher.decrypt(nonce.as_slice().into(), GcmPayload { msg: &ciphertext, aad: &aad });
    assert_eq!(decrypted.expect("opens"), plaintext);
}
