//! Argon2id: the parameters, hashing and verifying.
//!
//! # Guarantees
//!
//! - New hashes use the parameters of OWASP's Password Storage Cheat Sheet for Argon2id: 19 MiB, t=2, p=1.
//! - Verifying without a stored hash costs as much as verifying against one.
//! - Hashes are compared in constant time.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use password_hash::phc::{Error, Ident, Output, ParamsString, PasswordHash, Salt};

use crate::infra::random;
use domain::password::NormalizedPassword;

/// The work of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The memory in KiB.
    pub memory_kib: u32,
    /// The number of passes.
    pub passes: u32,
}

impl Cost {
    /// The cost of the portal: OWASP's Password Storage Cheat Sheet, Argon2id.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
}

/// The number of lanes.
const LANES: u32 = 1;
/// The length of a hash in bytes.
const OUTPUT_LENGTH: usize = 32;
/// The address space that is reserved for one hash, in blocks of 1 KiB. Only the memory that the hash needs is ever touched.
/// Above 32 MiB glibc maps separate memory and returns all of it to the operating system. Below, freeing the memory would make
/// glibc keep twice as much of everything else (`M_MMAP_THRESHOLD` in mallopt(3)).
const RESERVED_BLOCKS: usize = 33 * 1024;

/// The memory that hashes are computed in.
pub(super) type Memory = Vec<Block>;

/// The result of verifying a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is correct.
    Correct {
        /// True if the hash has older parameters and should be replaced.
        outdated: bool,
    },
    /// The password is wrong, or there is no stored hash.
    Wrong,
}

/// Hashes a password with a new salt. Returns the PHC string.
pub(super) fn hash(password: &NormalizedPassword, cost: Cost, memory: &mut Memory) -> Result<String, String> {
    let salt = random::bytes::<16>();
    let params = params(cost)?;
    let output = compute(params.clone(), password, &salt, memory)?;
    let fail = |e: Error| e.to_string();
    let phc = PasswordHash {
        algorithm: Ident::new("argon2id").map_err(fail)?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|e| e.to_string())?,
        salt: Some(Salt::new(&salt).map_err(fail)?),
        hash: Some(Output::new(&output).map_err(fail)?),
    };
    Ok(phc.to_string())
}

/// Verifies a password against a PHC string. Without one, computes a hash of the same cost and returns [`Verification::Wrong`].
pub(super) fn verify(
    password: &NormalizedPassword,
    hash: Option<&str>,
    cost: Cost,
    memory: &mut Memory,
) -> Result<Verification, String> {
    let current = params(cost)?;
    let Some(hash) = hash else {
        compute(current, password, b"nobody's salt 16", memory)?;
        return Ok(Verification::Wrong);
    };
    let phc = PasswordHash::new(hash).map_err(|e| e.to_string())?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else {
        return Err("the stored hash is not complete".to_owned());
    };
    if phc.algorithm.as_str() != "argon2id" {
        return Err("the stored hash is not argon2id".to_owned());
    }
    let params = Params::try_from(&phc).map_err(|e| e.to_string())?;
    let outdated = params.m_cost() < cost.memory_kib || params.t_cost() < cost.passes;
    let output = compute(params, password, salt.as_ref(), memory)?;
    let output = Output::new(&output).map_err(|e| e.to_string())?;
    // `Output` compares in constant time.
    Ok(if output == expected { Verification::Correct { outdated } } else { Verification::Wrong })
}

fn params(cost: Cost) -> Result<Params, String> {
    Params::new(cost.memory_kib, cost.passes, LANES, Some(OUTPUT_LENGTH)).map_err(|e| e.to_string())
}

fn compute(
    params: Params,
    password: &NormalizedPassword,
    salt: &[u8],
    memory: &mut Memory,
) -> Result<Vec<u8>, String> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.reserve_exact(blocks.max(RESERVED_BLOCKS));
        memory.resize(blocks, Block::default());
    }
    let memory = memory.get_mut(..blocks).ok_or("no memory")?;
    let mut output = vec![0; params.output_len().unwrap_or(OUTPUT_LENGTH)];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut output, memory)
        .map_err(|e| e.to_string())?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> NormalizedPassword {
        NormalizedPassword::from_nfkc(text.to_owned())
    }

    #[test]
    fn a_password_verifies_only_against_its_own_hash() {
        let mut memory = Vec::new();
        let hashed = hash(&password("tulips are yellow"), Cost::OWASP, &mut memory).expect("hashes");
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        let correct = verify(&password("tulips are yellow"), Some(&hashed), Cost::OWASP, &mut memory)
            .expect("verifies");
        assert_eq!(correct, Verification::Correct { outdated: false });
        let wrong =
            verify(&password("tulips are red"), Some(&hashed), Cost::OWASP, &mut memory).expect("verifies");
        assert_eq!(wrong, Verification::Wrong);
        assert_eq!(
            verify(&password("x"), None, Cost::OWASP, &mut memory).expect("verifies"),
            Verification::Wrong
        );
    }

    #[test]
    fn the_reference_implementation_accepts_the_hash() {
        use argon2::password_hash::PasswordVerifier;
        let hashed = hash(&password("tulips are yellow"), Cost::OWASP, &mut Vec::new()).expect("hashes");
        let phc = PasswordHash::new(&hashed).expect("parses");
        assert!(Argon2::default().verify_password(b"tulips are yellow", &phc).is_ok());
    }

    #[test]
    fn a_hash_with_older_parameters_is_outdated() {
        let weak = "$argon2id$v=19$m=4096,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";
        let params = Params::new(4096, 1, 1, Some(OUTPUT_LENGTH)).expect("valid");
        let output =
            compute(params, &password("old"), b"somesaltsomesalt", &mut Vec::new()).expect("computes");
        let weak = format!("{weak}{}", Output::new(&output).expect("fits"));
        let verification =
            verify(&password("old"), Some(&weak), Cost::OWASP, &mut Vec::new()).expect("verifies");
        assert_eq!(verification, Verification::Correct { outdated: true });
    }
}
