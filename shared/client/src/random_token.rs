//! Random tokens for names and labels.

use anyhow::{Result, anyhow};

/// The characters of a token, those of Crockford's base32: 32 different ones, so that five bits of a byte choose each as
/// often as any other, without `i`, `l`, `o` and `u`, which are taken for `1`, `0` and `v`.
const ALPHABET: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns a random token of 16 characters that is valid in names and labels. Collisions between runs are practically
/// impossible.
///
/// # Errors
/// No random numbers from the operating system.
pub fn random_token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("cannot get random numbers from the operating system: {error}"))?;
    Ok(bytes.into_iter().map(character).collect())
}

/// Returns the character that the lower five bits of a byte choose.
fn character(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_character_of_the_alphabet_is_chosen_by_as_many_bytes() {
        let mut bytes_of = BTreeMap::<char, usize>::new();
        for byte in 0..=u8::MAX {
            *bytes_of.entry(character(byte)).or_default() += 1;
        }
        let alphabet: BTreeMap<char, usize> = ALPHABET.map(|c| (char::from(c), 8)).into();
        assert_eq!(alphabet.len(), 32, "a character stands twice");
        assert_eq!(bytes_of, alphabet);
    }

    #[test]
    fn tokens_are_legal_and_differ() {
        let (one, two) = (random_token().unwrap(), random_token().unwrap());
        assert_eq!(one.len(), 16);
        assert!(session_model::names::check_dns_label(&one).is_ok(), "{one}");
        assert_ne!(one, two);
    }
}
