//! `--reconcile`: the process that carries out what a Session asks for.

use anyhow::{Result, bail};

use session_ops::Driver;

/// Parses a value of `--reconcile`. Returns `None` for `auto`, which leaves the choice to [`session_ops::Cluster::choose_driver`].
///
/// # Errors
/// A word other than `auto`, `client` and `controller`. It is not a usage error, as for `--dry-run`.
pub fn parse_driver(word: &str) -> Result<Option<Driver>> {
    match word {
        "auto" => Ok(None),
        "client" => Ok(Some(Driver::Client)),
        "controller" => Ok(Some(Driver::Controller)),
        other => bail!(
            "Invalid reconcile value ({other}). Must be \"auto\", \"client\", or \"controller\"."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_one_of_two_or_left_open() {
        assert_eq!(parse_driver("auto").unwrap(), None);
        assert_eq!(parse_driver("client").unwrap(), Some(Driver::Client));
        let controller = parse_driver("controller").unwrap();
        assert!(controller.is_some_and(Driver::is_controller));
        assert_eq!(
            parse_driver("x").unwrap_err().to_string(),
            "Invalid reconcile value (x). Must be \"auto\", \"client\", or \"controller\"."
        );
    }
}
