//! Kinds of other projects on the cluster: CustomResourceDefinitions of the Prometheus Operator, Istio and the External Secrets
//! Operator, without their controllers. The server validates objects of them.

use anyhow::{Context as _, Result};

use crate::cluster::Cluster;
use crate::say::say;
use crate::{programs, third_party_crds};

/// The definitions on the cluster. They go when this is dropped.
#[derive(Debug)]
pub struct ThirdPartyApis<'c> {
    cluster: &'c Cluster,
}

impl<'c> ThirdPartyApis<'c> {
    /// Installs the definitions and waits until the server serves them. For a test that has the cluster to itself: others rely on
    /// a server without these kinds.
    ///
    /// # Errors
    /// When a module cannot be fetched, or the server refuses a definition.
    pub fn install(cluster: &'c Cluster) -> Result<Self> {
        let folder = programs::third_party()?;
        let installed = Self { cluster };
        for name in third_party_crds::names() {
            let path = folder.join(format!("{name}.yaml"));
            let definition = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            // Too large for the annotation of a client-side apply.
            let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
            cluster.kubectl_ok(&apply, Some(&definition))?;
        }
        for name in third_party_crds::names() {
            let definition = format!("crd/{name}");
            // kubectl cannot wait for a condition before there are any.
            for state in [
                "--for=jsonpath={.status.acceptedNames.kind}",
                "--for=condition=Established",
            ] {
                cluster.kubectl_ok(&["wait", state, &definition, "--timeout=60s"], None)?;
            }
        }
        Ok(installed)
    }
}

impl Drop for ThirdPartyApis<'_> {
    fn drop(&mut self) {
        let mut delete = vec!["delete", "crd", "--ignore-not-found", "--timeout=60s"];
        delete.extend(third_party_crds::names());
        if let Err(error) = self.cluster.kubectl_ok(&delete, None) {
            say(&format!(
                "definitions of other projects could not be deleted: {error:#}"
            ));
        }
    }
}
