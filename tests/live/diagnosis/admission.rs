//! Pods that the server refuses: Pod Security, and webhooks that say no or nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use session_cluster::Cluster;
use tempfile::NamedTempFile;

use super::{BUSYBOX, create, create_file, file, says, says_at_the_end_of_file};
use crate::world::World;
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("diagnosis_of_pod_security", pod_security),
        server(
            "diagnosis_of_a_webhook_that_refuses",
            a_webhook_that_refuses,
        ),
        server("diagnosis_of_an_admission_policy", an_admission_policy),
        server(
            "diagnosis_of_a_webhook_that_is_away",
            a_webhook_that_is_away,
        ),
    ]
}

/// A Deployment of one session, with more fields for its container.
pub(crate) fn deployment(more: &str) -> Result<NamedTempFile> {
    file(&format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: \"${{SESSION_ID}}\"}}\nspec:\n  selector: {{matchLabels: {{app: x}}}}\n  template:\n    metadata: {{labels: {{app: x}}}}\n    spec: {{containers: [{{name: main, {BUSYBOX}, {more}}}]}}\n"
    ))
}

fn pod_security() -> Result<()> {
    let world = World::installed("diag-pss")?;
    let name = world.namespace.name();
    world.cluster.kubectl_ok(
        &[
            "label",
            "namespace",
            name,
            "pod-security.kubernetes.io/enforce=restricted",
        ],
        None,
    )?;
    says(
        create(
            &world,
            "alone",
            "60s",
            &format!("containers: [{{name: main, {BUSYBOX}}}]"),
        ),
        &[
            "Error from server (Forbidden): pods \"alone\" is forbidden: violates PodSecurity \"restricted:latest\"",
            "hint: set the securityContext fields that the message names",
        ],
    )?;
    says(
        create_file(
            &world,
            "set",
            "60s",
            &deployment("command: [sleep, \"600\"]")?,
        ),
        &[
            "session \"set\" did not become ready: Deployment \"set\" cannot create its Pod: the Pod violates Pod Security level \"restricted\", which the namespace enforces\n",
            ": FailedCreate: ",
            "hint: set the securityContext fields",
        ],
    )
}

/// A webhook that is asked about the Pods of one namespace; taken away at the end.
struct Webhook<'a>(&'a Cluster, String);

impl<'a> Webhook<'a> {
    fn configured(world: &'a World, url: &str, authority: &str) -> Result<Self> {
        let namespace = world.namespace.name();
        let config = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": namespace },
            "webhooks": [{
                "name": "pods.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 5,
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
                "clientConfig": { "url": url, "caBundle": authority },
            }],
        });
        world
            .cluster
            .kubectl_ok(&["create", "-f", "-"], Some(&config.to_string()))?;
        Ok(Self(&world.cluster, namespace.to_owned()))
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let _ = self
            .0
            .kubectl_ok(&["delete", "validatingwebhookconfiguration", &self.1], None);
    }
}

fn a_webhook_that_refuses() -> Result<()> {
    let world = World::installed("diag-hook")?;
    let (url, authority) = refuse_everything()?;
    let _hook = Webhook::configured(&world, &url, &authority)?;
    let plain = format!("containers: [{{name: main, {BUSYBOX}}}]");
    until_asked(&world, "denied the request")?;
    says(
        create(&world, "alone", "60s", &plain),
        &[
            "admission webhook \"pods.example.com\" denied the request: no Pods on Sundays\n",
            "hint: change the fields that the message names, or ask the owner of webhook \"pods.example.com\"",
        ],
    )?;
    says(
        create_file(
            &world,
            "set",
            "60s",
            &deployment("command: [sleep, \"600\"]")?,
        ),
        &[
            "Deployment \"set\" cannot create its Pod: admission webhook \"pods.example.com\" denied the request: no Pods on Sundays\n",
            ": FailedCreate: ",
        ],
    )
}

/// A policy of one namespace and its binding; taken away at the end.
struct Policy<'a>(&'a World);

impl<'a> Policy<'a> {
    fn bound(world: &'a World) -> Result<Self> {
        let name = world.namespace.name();
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name },
            "spec": {
                "matchConstraints": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }] },
                "validations": [{ "expression": "false", "message": "no Pods on Sundays" }],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name },
            "spec": {
                "policyName": name, "validationActions": ["Deny"],
                "matchResources": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } },
            },
        });
        let both = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] });
        world
            .cluster
            .kubectl_ok(&["create", "-f", "-"], Some(&both.to_string()))?;
        Ok(Self(world))
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        let name = self.0.namespace.name();
        let kinds = [
            "validatingadmissionpolicy",
            "validatingadmissionpolicybinding",
        ];
        for kind in kinds {
            // What fails here has failed before: the test says why.
            let _ = self.0.cluster.kubectl_ok(&["delete", kind, name], None);
        }
    }
}

fn an_admission_policy() -> Result<()> {
    let world = World::installed("diag-policy")?;
    let name = world.namespace.name();
    let _policy = Policy::bound(&world)?;
    until_asked(&world, "denied request")?;
    let denied = format!("admission policy \"{name}\" denied the request: no Pods on Sundays\n");
    says(
        create_file(
            &world,
            "set",
            "60s",
            &deployment("command: [sleep, \"600\"]")?,
        ),
        &[
            &format!("Deployment \"set\" cannot create its Pod: {denied}"),
            ": FailedCreate: ",
            "hint: change the fields that the message names",
        ],
    )
}

fn a_webhook_that_is_away() -> Result<()> {
    let world = World::installed("diag-away")?;
    let (_, authority) = refuse_everything()?;
    let _hook = Webhook::configured(&world, "https://127.0.0.1:1/", &authority)?;
    until_asked(&world, "failed calling webhook")?;
    says(
        create(
            &world,
            "alone",
            "60s",
            &format!("containers: [{{name: main, {BUSYBOX}}}]"),
        ),
        &[
            "failed calling webhook \"pods.example.com\"",
            "connection refused",
            "hint: repair the service behind webhook \"pods.example.com\"",
        ],
    )?;
    // It may come back: it is waited for, and told at the end.
    says_at_the_end_of_file(
        &world,
        "set",
        3,
        &deployment("command: [sleep, \"600\"]")?,
        &[
            "error: timed out",
            "  Deployment \"set\" cannot create its Pod: admission webhook \"pods.example.com\" does not answer the API server\n",
            ": FailedCreate: ",
        ],
    )
    .map(drop)
}

/// The server takes a new configuration in a moment later: it is asked until it does.
fn until_asked(world: &World, word: &str) -> Result<()> {
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: probe}}, spec: {{containers: [{{name: main, {BUSYBOX}}}]}}}}"
    );
    for _ in 0..200 {
        let args = [
            "--namespace",
            world.namespace.name(),
            "create",
            "--dry-run=server",
            "-f",
            "-",
        ];
        if world
            .cluster
            .kubectl(&args, Some(&pod))?
            .stderr
            .contains(word)
        {
            return Ok(());
        }
    }
    anyhow::bail!("the webhook is never asked")
}

/// A TLS server that refuses every Pod: its URL, and the certificate to trust, in base64.
fn refuse_everything() -> Result<(String, String)> {
    use base64::Engine;
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let authority = base64::engine::general_purpose::STANDARD.encode(made.cert.pem());
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("https://{}/", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            // The API server keeps connections: each has its thread until it hangs up.
            std::thread::spawn(move || while_connected(config, stream));
        }
    });
    Ok((url, authority))
}

fn while_connected(config: Arc<ServerConfig>, stream: TcpStream) {
    let Ok(connection) = ServerConnection::new(config) else {
        return;
    };
    let mut stream = StreamOwned::new(connection, stream);
    while refuse_one(&mut stream).is_ok() {}
}

fn refuse_one(stream: &mut (impl Read + Write)) -> Result<()> {
    let review: Value = serde_json::from_slice(&body(stream)?)?;
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": { "uid": review["request"]["uid"], "allowed": false, "status": { "message": "no Pods on Sundays" } },
    })
    .to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    )?;
    Ok(stream.flush()?)
}

/// The body of the next request.
fn body(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0_u8];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .context("a request without a length")?;
    let mut body = vec![0; length.trim().parse()?];
    stream.read_exact(&mut body)?;
    Ok(body)
}
