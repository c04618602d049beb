//! Credentials that the API server rejects: whose they are, and how they are renewed.

use anyhow::{Result, ensure};
use session_cluster::kubectl_program;

use super::says;
use crate::world::{World, run};
use crate::{Live, server};

pub(super) fn tests() -> Vec<Live> {
    vec![server(
        "diagnosis_of_rejected_credentials",
        rejected_credentials,
    )]
}

/// A JSON Web Token of nobody, whose time was over at the end of 2025.
const EXPIRED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc2NzIyNTYwMH0.c2ln";

fn rejected_credentials() -> Result<()> {
    let world = World::installed("diag-login")?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config");
    let credential = folder.path().join("credential");
    let json = "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"old\"}}";
    std::fs::write(&credential, json)?;
    let file = format!("--exec-arg={}", credential.display());
    for (flags, texts) in [
        (
            &["--token=revoked"][..],
            &[
                "the token of user \"eve\" in the kubeconfig is not accepted by the server: log in again with the program that wrote it there",
                "kubectl config set-credentials eve --token=TOKEN",
            ][..],
        ),
        (
            &[&format!("--token={EXPIRED}")],
            &[
                "the token of user \"eve\" in the kubeconfig expired at 2026-01-01T00:00:00Z: log in again",
                "kubectl config set-credentials eve --token=TOKEN",
            ],
        ),
        (
            &[
                "--exec-command=cat",
                &file,
                "--exec-api-version=client.authentication.k8s.io/v1",
                "--exec-interactive-mode=Never",
            ],
            &[
                "the credentials of plugin \"cat\" of user \"eve\" in the kubeconfig are not accepted by the server: log in again",
            ],
        ),
    ] {
        std::fs::copy(world.cluster.admin_kubeconfig(), &config)?;
        let configure = |words: &[&str]| -> Result<()> {
            let mut command = std::process::Command::new(kubectl_program()?);
            command.arg("--kubeconfig").arg(&config).args(["config"]);
            run(command.args(words))?.exits(0).map(drop)
        };
        configure(&[&["set-credentials", "eve"], flags].concat())?;
        configure(&["set-context", "--current", "--user=eve"])?;
        let denied = "error: You must be logged in to the server (Unauthorized)\nhint: ";
        let all = [&[denied], texts].concat();
        for words in [
            &["list"][..],
            &["status", "lab"],
            &["connect", "lab"],
            &["create", "lab", "--template", "shell"],
            &["stop", "lab"],
        ] {
            let refused = run(&mut world.command_as(&config, words));
            says(refused, &all)?;
        }
    }
    let sessions = world.namespace.kubectl(&["get", "sessions"], None)?;
    ensure!(sessions.is_empty(), "{sessions}");
    Ok(())
}
