//! Random data: the only place that reads the operating system's generator.

use data_encoding::HEXLOWER;

/// Returns `N` random bytes.
///
/// # Panics
/// Panics if the operating system has no randomness, because then nothing is safe.
#[expect(clippy::expect_used, reason = "without randomness no secret is safe, and the process must stop")]
#[expect(clippy::disallowed_methods, reason = "the one place that may draw random bits")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system must provide random bytes");
    bytes
}

/// Returns a reference of 40 random bits, which identifies a log line.
pub fn reference() -> u64 {
    bytes::<5>().into_iter().fold(0, |bits, byte| (bits << 8) | u64::from(byte))
}

/// The number of bytes of a public id.
const PUBLIC_ID_BYTES: usize = 16;

/// Returns a public id of 128 random bits in hexadecimal.
pub fn public_id() -> String {
    HEXLOWER.encode(&bytes::<PUBLIC_ID_BYTES>())
}

/// Returns true if a text has the format of a public id.
pub fn is_public_id(text: &str) -> bool {
    HEXLOWER.decode(text.as_bytes()).is_ok_and(|bytes| bytes.len() == PUBLIC_ID_BYTES)
}

#[cfg(test)]
mod tests {
    use super::{is_public_id, public_id};

    #[test]
    fn only_a_text_in_the_format_of_a_public_id_is_one() {
        assert!(is_public_id(&public_id()));
        let long = "0".repeat(34);
        for text in
            ["", "\0", "0123", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde\0", &long]
        {
            assert!(!is_public_id(text), "{text:?}");
        }
    }
}
