//! Flags of `create` that set fields of the Session's spec, and what a spec must not contain. Pure.

use anyhow::{Context, Result, bail};
use session_shared::api::{DataPolicy, DesiredState, ResourceLimits, SessionSpec, StorageSpec};
use session_shared::duration::Lifetime;
use session_shared::objects::overrides;
use session_shared::quantity::Quantity;

/// Flags that set fields of the Session's spec.
#[derive(clap::Args, Clone, Debug)]
pub struct SpecFlags {
    /// CPU limit of the primary container (2, 1500m); defaults to the template's. The request keeps its ratio to the limit
    #[arg(help_heading = "Resource", long, value_name = "QUANTITY")]
    pub cpu: Option<String>,

    /// Memory limit of the primary container (4Gi); defaults to the template's. The request keeps its ratio to the limit
    #[arg(help_heading = "Resource", long, value_name = "QUANTITY")]
    pub memory: Option<String>,

    /// Number of GPUs, a whole number; 0 for none. Defaults to the template's
    #[arg(help_heading = "Resource", long, value_name = "NUMBER")]
    pub gpu: Option<String>,

    /// Size of the session's data volume, usually its home directory (20Gi)
    ///
    /// Without this flag, the data volume may be an emptyDir, whose files are lost at every stop. With it, the data volume
    /// is a PersistentVolumeClaim if the template has a claim or names its data volume, else the command fails.
    #[arg(help_heading = "Data", long, value_name = "QUANTITY")]
    pub storage: Option<String>,

    /// StorageClass of the session's data volume; defaults to the template's, else the cluster's default
    #[arg(help_heading = "Data", long, value_name = "NAME")]
    pub storage_class: Option<String>,

    /// Time until the session expires, counted from each start (2h, 7d; a number alone is seconds); 0 or never: no expiry.
    /// Defaults to the template's
    #[arg(long, value_name = "DURATION")]
    pub expires_in: Option<String>,

    /// Action on the session's data when the session is deleted: keep, snapshot or delete; defaults to the template's, else
    /// keep
    #[arg(help_heading = "Data", long, value_name = "POLICY")]
    pub data_policy: Option<String>,
}

impl SpecFlags {
    /// Writes the given values into the spec.
    ///
    /// # Errors
    /// An unknown data policy.
    pub(crate) fn apply(self, preset: Option<String>, spec: &mut SessionSpec) -> Result<()> {
        if self.cpu.is_some() || self.memory.is_some() || self.gpu.is_some() {
            let resources = spec.resources.get_or_insert_with(ResourceLimits::default);
            for (field, flag) in [
                (&mut resources.cpu, &self.cpu),
                (&mut resources.memory, &self.memory),
                (&mut resources.gpu, &self.gpu),
            ] {
                if let Some(value) = flag {
                    *field = Some(value.as_str().into());
                }
            }
        }
        if self.storage.is_some() || self.storage_class.is_some() {
            let storage = spec.storage.get_or_insert_with(StorageSpec::default);
            let size = self.storage.as_deref().map(Into::into);
            storage.size = size.or(storage.size.take());
            storage.class = self.storage_class.or(storage.class.take());
        }
        if let Some(value) = &self.expires_in {
            spec.timeout = Some(value.as_str().into());
        }
        spec.preset = preset.or(spec.preset.take());
        if let Some(word) = &self.data_policy {
            spec.data_policy = Some(parse_data_policy(word)?);
        }
        spec.state = Some(spec.state.unwrap_or(DesiredState::Running));
        Ok(())
    }
}

fn parse_data_policy(word: &str) -> Result<DataPolicy> {
    let all = [DataPolicy::Keep, DataPolicy::Snapshot, DataPolicy::Delete];
    match all.into_iter().find(|policy| policy.as_str() == word) {
        Some(policy) => Ok(policy),
        None => {
            bail!("Invalid data policy ({word}). Must be \"keep\", \"snapshot\", or \"delete\".")
        }
    }
}

/// Rejects values that are invalid with any template.
///
/// # Errors
/// A quantity or lifetime that is invalid, or a state that a new session cannot have.
pub(crate) fn check_spec(spec: &SessionSpec) -> Result<()> {
    if let Some(resources) = &spec.resources {
        for (name, value) in [("cpu", &resources.cpu), ("memory", &resources.memory)] {
            if let Some(value) = value {
                ensure_positive(name, &value.to_string())?;
            }
        }
        if let Some(gpu) = &resources.gpu {
            overrides::parse_gpu_count(&gpu.to_string())?;
        }
    }
    if let Some(size) = spec
        .storage
        .as_ref()
        .and_then(|storage| storage.size.as_ref())
    {
        ensure_positive("storage", &size.to_string())?;
    }
    if let Some(timeout) = &spec.timeout {
        let text = timeout.to_string();
        text.parse::<Lifetime>()
            .with_context(|| format!("invalid lifetime {text:?}"))?;
    }
    if spec.state == Some(DesiredState::Stopped) {
        bail!("cannot create a stopped session: spec.state is \"stopped\"");
    }
    Ok(())
}

fn ensure_positive(name: &str, value: &str) -> Result<()> {
    let parsed: Quantity = value
        .parse()
        .with_context(|| format!("invalid {name} {value:?}"))?;
    if parsed.is_zero() || parsed.is_negative() {
        bail!("invalid {name} {value:?}: must be greater than 0");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_checked() {
        assert!(
            parse_data_policy("x")
                .unwrap_err()
                .to_string()
                .contains("Must be")
        );
    }
}
