//! Random tokens for names and labels.

use anyhow::{Result, anyhow};

/// Characters of a token: 32 of them, so that five bits of a byte choose one without favouring any; letters that spell
/// hardly a word, and no digit that is taken for a letter.
const ALPHABET: [u8; 32] = *b"bcdfghjklmnpqrstvwxyz23456789a57";

/// Returns a random token of 16 characters that is valid in names and labels. Collisions between runs are practically
/// impossible.
///
/// # Errors
/// No random numbers from the operating system.
pub fn random_token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("cannot get random numbers from the operating system: {error}"))?;
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
        assert!(session_model::names::check_dns_label(&one).is_ok(), "{one}");
        assert_ne!(one, two);
    }
}
