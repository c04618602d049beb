//! CustomResourceDefinitions of other projects, which `setup PART` writes objects of, in files of their Go modules.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::go_build::module_folder;

/// The definitions: the module, a file of it, and the names of those that are taken from the file.
const DEFINITIONS: [(&str, &str, &[&str]); 6] = [
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        &["servicemonitors.monitoring.coreos.com"],
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        &["podmonitors.monitoring.coreos.com"],
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        &["prometheusrules.monitoring.coreos.com"],
    ),
    (
        "istio.io/api",
        "kubernetes/customresourcedefinitions.gen.yaml",
        &[
            "gateways.networking.istio.io",
            "virtualservices.networking.istio.io",
        ],
    ),
    (
        "github.com/external-secrets/external-secrets",
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        &["externalsecrets.external-secrets.io"],
    ),
    (
        "github.com/external-secrets/external-secrets",
        "config/crds/bases/external-secrets.io_clustersecretstores.yaml",
        &["clustersecretstores.external-secrets.io"],
    ),
];

/// Writes each definition of other projects into a folder, in a file of its name.
///
/// # Errors
/// As [`module_folder`], or when a file has no such definition.
pub(crate) fn write(into: &Path) -> Result<()> {
    for (module, file, names) in DEFINITIONS {
        let path = module_folder("apis", module)?.join(file);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        for name in names {
            let line = format!("  name: {name}");
            let is_it = |document: &&str| document.lines().any(|one| one == line);
            let mut documents = text.split("\n---\n");
            let document = documents
                .find(is_it)
                .with_context(|| format!("{} has no {name}", path.display()))?;
            let path = into.join(format!("{name}.yaml"));
            std::fs::write(&path, document)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// The names of the definitions of other projects.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let all = DEFINITIONS.iter();
    all.flat_map(|(_, _, names)| names.iter().copied())
}
