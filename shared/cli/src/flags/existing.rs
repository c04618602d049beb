//! Others' objects that a start may use in place of its own.

use anyhow::{Result, bail};
use clap::Args;

/// The flag of verbs that make objects.
#[derive(Args, Clone, Debug, Default)]
pub struct Existing {
    /// Use an object that exists already and is not the session's, as KIND/NAME; it is never changed or deleted
    #[arg(long, value_name = "KIND/NAME")]
    pub use_existing: Vec<String>,
}

impl Existing {
    /// The objects, as `kind/name` with the kind in lower case.
    ///
    /// # Errors
    /// A value that is not KIND/NAME.
    pub fn objects(&self) -> Result<Vec<String>> {
        let object = |value: &String| match value.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
                Ok(format!("{}/{name}", kind.to_lowercase()))
            }
            _ => bail!("invalid object {value:?}: --use-existing takes KIND/NAME"),
        };
        self.use_existing.iter().map(object).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(words: &[&str]) -> Result<Vec<String>> {
        let use_existing = words.iter().map(|&word| word.to_owned()).collect();
        Existing { use_existing }.objects()
    }

    #[test]
    fn an_object_has_a_kind_and_a_name() {
        assert_eq!(objects(&["Secret/s"]).unwrap(), ["secret/s"]);
        for word in ["s", "/s", "Secret/"] {
            assert!(objects(&[word]).is_err(), "{word}");
        }
    }
}
