//! Random data: the only place that reads the operating system's generator.

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

/// Returns a public id of 128 random bits in hexadecimal.
pub fn public_id() -> String {
    data_encoding::HEXLOWER.encode(&bytes::<16>())
}
