//! agent-sandbox on the cluster: its CustomResourceDefinition and its own controller, which makes a Pod for each Sandbox.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::cluster::Cluster;
use crate::{process, programs};

/// Converts nothing: the definition's own conversion to its older version needs a webhook with certificates.
const NO_CONVERSION: &str = r#"{"spec": {"conversion": {"strategy": "None", "webhook": null}}}"#;

/// The controller as a process of this machine, with the admin's rights. It ends when this is dropped; the definition stays.
#[derive(Debug)]
pub struct AgentSandbox {
    controller: Child,
    log: PathBuf,
}

impl AgentSandbox {
    /// Installs the definition and starts the controller, which is built first if need be.
    ///
    /// # Errors
    /// When it cannot be built, or the server refuses the definition.
    pub fn start(cluster: &Cluster) -> Result<Self> {
        let built = programs::sandbox()?;
        let path = built.join("sandbox-crd.yaml");
        let definition = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        // The definition is too large for the annotation of a client-side apply.
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        cluster.kubectl_ok(&apply, Some(&definition))?;
        let name = "crd/sandboxes.agents.x-k8s.io";
        cluster.kubectl_ok(&["patch", name, "--type=merge", "-p", NO_CONVERSION], None)?;
        // kubectl cannot wait for a condition before there are any.
        for state in [
            "--for=jsonpath={.status.acceptedNames.kind}=Sandbox",
            "--for=condition=Established",
        ] {
            cluster.kubectl_ok(&["wait", state, name, "--timeout=60s"], None)?;
        }
        let log = std::env::temp_dir().join(format!("agent-sandbox-{}.log", std::process::id()));
        let output = File::create(&log).context("cannot write the controller's log")?;
        let controller = Command::new(built.join("agent-sandbox-controller"))
            .args([
                "--enable-webhook=false",
                "--leader-elect=false",
                "--metrics-bind-address=0",
                "--health-probe-bind-address=0",
            ])
            .env("KUBECONFIG", cluster.admin_kubeconfig())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start agent-sandbox's controller")?;
        Ok(Self { controller, log })
    }

    /// The end of the controller's log, for a test that fails.
    #[must_use]
    pub fn log(&self) -> String {
        process::tail(&self.log, 30)
    }
}

impl Drop for AgentSandbox {
    fn drop(&mut self) {
        let _ = self.controller.kill();
        let _ = self.controller.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}
