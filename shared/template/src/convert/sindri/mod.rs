//! Sindri's configuration, sindri.yaml: the StatefulSet, Service, ConfigMap, Ingress and Secret that it describes, made of the
//! built-in template `sindri`.
//!
//! `config` reads and checks the file: `header` its version, name and provider, `ingress` its Ingress, `sizes` its units, `secrets` its
//! list of secrets. `objects` makes the objects.

mod config;
mod header;
mod ingress;
mod objects;
mod secrets;
mod sizes;

use anyhow::Result;

use super::super::loader::{PlaceholderMode, load_documents};
use super::super::node::Node;
use super::super::problem::Problems;
use super::super::source::Source;
use super::conversion::{Conversion, SecretReader};
use super::fields::FieldReader;
use config::SindriConfig;

/// Returns true for the root of a sindri.yaml: no Kubernetes object, with a key that only Sindri has.
pub(super) fn is_config(root: &Node) -> bool {
    root.get("apiVersion").is_none()
        && root.get("kind").is_none()
        && ["deployment", "providers", "extensions"]
            .iter()
            .any(|key| root.get(key).is_some())
}

/// Converts a sindri.yaml.
///
/// # Errors
/// All problems of the file; a secret that is required and missing.
pub(super) fn convert(source: &Source, read_secret: &mut SecretReader<'_>) -> Result<Conversion> {
    let (roots, problems) = load_documents(source, PlaceholderMode::Plain);
    let mut reader = FieldReader::new(source, problems);
    let root = roots.first();
    if let Some(second) = roots.get(1) {
        let message = "a Sindri configuration must be the only document of its file".to_owned();
        reader.reject(second.location(), message, "put each in a file of its own");
    }
    let config = SindriConfig::read(&mut reader, root);
    let values = secrets::read_values(&mut reader, &config.secrets, read_secret)?;
    let (objects, secrets) = objects::build(&config, &values)?;
    let conversion = Conversion {
        name: config.name,
        namespace: config.namespace,
        context: config.context,
        objects,
        secrets,
        quota: config.quota,
        container_defaults: config.container_defaults,
        warnings: reader.warnings,
        ..Conversion::default()
    };
    reader
        .problems
        .into_result(conversion)
        .map_err(Problems::into_error)
}
