//! Random names.

use anyhow::{Result, anyhow};

/// Characters of a token: 32 of them, so that five bits of a byte choose one without favouring any; letters that spell
/// hardly a word, and no digit that is taken for a letter.
const ALPHABET: [u8; 32] = *b"bcdfghjklmnpqrstvwxyz23456789a57";

/// A random token of 16 characters, legal in names and labels: nearly 80 bits, so that no two runs ever share one.
///
/// # Errors
/// When the operating system has no random numbers.
pub fn random_token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("the operating system has no random numbers: {error}"))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_legal_and_differ() {
        let (one, two) = (random_token().unwrap(), random_token().unwrap());
        assert_eq!(one.len(), 16);
        assert!(session_model::names::check_label(&one).is_ok(), "{one}");
        assert_ne!(one, two);
    }
}
