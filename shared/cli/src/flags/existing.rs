//! `--use-existing`: objects of others that a start uses in place of its own.

use anyhow::{Result, bail};
use clap::Args;

/// Flag of verbs that create a session's objects.
#[derive(Args, Clone, Debug, Default)]
pub struct ExistingFlags {
    /// Existing object that the session uses although it does not own it; it is never changed or deleted. May be repeated
    #[arg(long, value_name = "KIND/NAME")]
    pub use_existing: Vec<String>,
}

impl ExistingFlags {
    /// Returns the objects as `kind/name`, the kind in lower case.
    ///
    /// # Errors
    /// A value that is not KIND/NAME.
    pub fn objects(&self) -> Result<Vec<String>> {
        let object = |value: &String| match value.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
                Ok(format!("{}/{name}", kind.to_lowercase()))
            }
            _ => bail!("invalid argument {value:?} for --use-existing: expected KIND/NAME"),
        };
        self.use_existing.iter().map(object).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(words: &[&str]) -> Result<Vec<String>> {
        let use_existing = words.iter().map(|&word| word.to_owned()).collect();
        ExistingFlags { use_existing }.objects()
    }

    #[test]
    fn an_object_has_a_kind_and_a_name() {
        assert_eq!(objects(&["Secret/s"]).unwrap(), ["secret/s"]);
        for word in ["s", "/s", "Secret/"] {
            assert!(objects(&[word]).is_err(), "{word}");
        }
    }
}
