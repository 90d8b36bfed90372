//! The one place that draws random bits: the operating system's generator.

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness: then there is no safe way on.
#[expect(clippy::expect_used, reason = "without randomness no secret can be made, and nothing may go on")]
#[expect(clippy::disallowed_methods, reason = "the one place that may draw random bits")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system must give random bytes");
    bytes
}

/// 40 random bits: a reference that finds a log line.
pub fn reference() -> u64 {
    bytes::<5>().into_iter().fold(0, |bits, byte| (bits << 8) | u64::from(byte))
}

/// 128 random bits in hexadecimal: a public handle.
pub fn handle() -> String {
    data_encoding::HEXLOWER.encode(&bytes::<16>())
}
