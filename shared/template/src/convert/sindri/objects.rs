//! The objects of a sindri.yaml: those of the built-in template `sindri`, with what the file adds.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use session_model::labels;

use super::super::super::builtin_templates::builtin_templates;
use super::super::super::manifest::Manifest;
use super::super::super::node::Scalar;
use super::super::super::parameter::{Parameter, RESERVED_PARAMETERS};
use super::super::super::placeholder::TextSegment;
use super::super::super::source::Source;
use super::super::super::template_file::TemplateFile;
use super::super::conversion::escape_placeholders;
use super::config::{SindriConfig, to_object};
use super::secrets::{Secret, SecretSource};

/// Name of the session in the manifest.
const NAME: &str = "${SESSION_ID}";

/// Returns the objects, and the values of their secret parameters.
///
/// # Errors
/// The built-in template cannot be read: a programming error.
pub(super) fn build(
    config: &SindriConfig,
    values: &BTreeMap<String, String>,
) -> Result<(Vec<Value>, BTreeMap<String, String>)> {
    let (_, text) = builtin_templates()
        .iter()
        .find(|(name, _)| *name == "sindri")
        .context("no built-in template sindri")?;
    let file = TemplateFile::parse(&Source::new("sindri", *text)?)?.pop();
    let file = file.context("the built-in template sindri is empty")?;
    let mut objects = template_objects(&file, config)?;
    let secrets = SessionSecrets::new(config, values, &file.parameters);
    for object in &mut objects {
        match object["kind"].as_str() {
            Some("StatefulSet") => fill_workload(object, config, &secrets, &file),
            Some("Service") => fill_service(object, config),
            _ => {}
        }
    }
    objects.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("{NAME}-config") },
        "data": escaped(json!(config.extensions)),
    }));
    objects.extend(secrets.objects());
    objects.extend(ingress(config));
    Ok((objects, secrets.parameters))
}

/// Returns the template's objects with `${NAME:-value}` for each of its parameters, so that a flag still overrides a value.
fn template_objects(file: &TemplateFile, config: &SindriConfig) -> Result<Vec<Value>> {
    let with_value = |segment: &TextSegment| match segment {
        TextSegment::Text(text) => text.clone(),
        TextSegment::Placeholder(placeholder) => {
            let name = placeholder.name.as_str();
            let declared = file.parameters.iter().find(|one| one.name == name);
            let default = declared.and_then(|parameter| parameter.default.clone());
            match config.parameters.get(name).cloned().or(default) {
                Some(value) => format!("${{{name}:-{value}}}"),
                None => format!("${{{name}}}"),
            }
        }
    };
    let text = |scalar: &Scalar| scalar.segments.iter().map(with_value).collect();
    let manifest = Manifest::parse(&file.manifest)?;
    let documents = manifest.documents.iter();
    Ok(documents
        .map(|document| document.root.to_value_with(&text))
        .collect())
}

fn fill_workload(
    object: &mut Value,
    config: &SindriConfig,
    secrets: &SessionSecrets<'_>,
    file: &TemplateFile,
) {
    let connect = &file.object["spec"]["connect"];
    object["metadata"]["annotations"] = json!({ labels::CONNECT: connect.to_string() });
    if let Some(class) = &config.storage_class {
        object["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] =
            escape_placeholders(class).into();
    }
    let template = &mut object["spec"]["template"];
    if let Some(port) = config.metrics_port {
        template["metadata"]["annotations"] = json!({
            "prometheus.io/scrape": "true",
            "prometheus.io/port": port.to_string(),
            "prometheus.io/path": "/metrics",
        });
    }
    let spec = &mut template["spec"];
    // The file chooses nodes by nodeSelector.
    if let Some(spec) = spec.as_object_mut() {
        spec.shift_remove("affinity");
    }
    let mut tolerations = config.tolerations.clone();
    tolerations.extend(
        config.gpu.as_ref().map(
            |gpu| json!({ "key": gpu.resource, "operator": "Exists", "effect": "NoSchedule" }),
        ),
    );
    let selector = escaped(to_object(&config.node_selector).into());
    set_unless_empty(spec, "nodeSelector", selector);
    set_unless_empty(spec, "tolerations", escaped(tolerations.into()));
    set_unless_empty(spec, "volumes", secrets.volumes().into());
    fill_container(&mut spec["containers"][0], config, secrets);
}

fn fill_container(container: &mut Value, config: &SindriConfig, secrets: &SessionSecrets<'_>) {
    for (name, port) in extra_ports(config) {
        push(
            &mut container["ports"],
            json!({ "name": name, "containerPort": port }),
        );
    }
    if let Some(policy) = &config.image_pull_policy {
        container["imagePullPolicy"] = policy.as_str().into();
    }
    if let Some(gpu) = &config.gpu {
        for part in ["limits", "requests"] {
            container["resources"][part][gpu.resource] = gpu.count.to_string().into();
        }
    }
    let config_map = json!({ "configMapRef": { "name": format!("{NAME}-config") } });
    let mut sources = vec![config_map];
    sources.extend(
        config
            .secret_name
            .as_ref()
            .map(|name| json!({ "secretRef": { "name": name } })),
    );
    container["envFrom"] = sources.into();
    let variables = config.environment.iter();
    let variables = variables.map(|(name, value)| escaped(json!({ "name": name, "value": value })));
    let variables: Vec<Value> = variables.chain(secrets.variables()).collect();
    set_unless_empty(container, "env", variables.into());
    for mount in secrets.mounts() {
        push(&mut container["volumeMounts"], mount);
    }
}

fn fill_service(object: &mut Value, config: &SindriConfig) {
    if let Some(port) = config.ingress.as_ref().and_then(|ingress| ingress.port) {
        let port = json!({ "name": "http", "port": port, "targetPort": port });
        push(&mut object["spec"]["ports"], port);
    }
}

/// Returns the ports of the container beside SSH.
fn extra_ports(config: &SindriConfig) -> Vec<(&'static str, u64)> {
    let http = config.ingress.as_ref().and_then(|ingress| ingress.port);
    let http = http.map(|port| ("http", port));
    let metrics = config
        .metrics_port
        .filter(|port| http.is_none_or(|(_, http)| http != *port));
    http.into_iter()
        .chain(metrics.map(|port| ("metrics", port)))
        .collect()
}

fn ingress(config: &SindriConfig) -> Option<Value> {
    let ingress = config.ingress.as_ref()?;
    let port = ingress.port.unwrap_or(2222);
    let backend = json!({ "service": { "name": NAME, "port": { "number": port } } });
    let mut spec = json!({
        "rules": [{
            "host": escape_placeholders(&ingress.host),
            "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] },
        }],
    });
    if let Some(class) = &ingress.class {
        spec["ingressClassName"] = escape_placeholders(class).into();
    }
    Some(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": NAME }, "spec": spec,
    }))
}

/// The secrets that have a value or are in Vault, and what the objects say about them.
struct SessionSecrets<'c> {
    secrets: Vec<&'c Secret>,
    /// Values by the name of their parameter.
    parameters: BTreeMap<String, String>,
    /// Data of the Secret.
    data: Map<String, Value>,
}

impl<'c> SessionSecrets<'c> {
    fn new(
        config: &'c SindriConfig,
        values: &BTreeMap<String, String>,
        declared: &[Parameter],
    ) -> Self {
        let mut found = Self {
            secrets: Vec::new(),
            parameters: BTreeMap::new(),
            data: Map::new(),
        };
        for secret in &config.secrets {
            if let Some(value) = values.get(&secret.name) {
                // A parameter of the template with this name is another value.
                let is_taken = RESERVED_PARAMETERS.contains(&secret.name.as_str())
                    || declared.iter().any(|one| one.name == secret.name);
                let parameter = match is_taken {
                    true => format!("SECRET_{}", secret.name),
                    false => secret.name.clone(),
                };
                found
                    .data
                    .insert(secret.name.clone(), format!("${{{parameter}}}").into());
                found.parameters.insert(parameter, value.clone());
            } else if matches!(secret.source, SecretSource::Local(_)) {
                continue;
            }
            found.secrets.push(secret);
        }
        found
    }

    /// Returns the Secret, and the ExternalSecret that has another made from Vault.
    fn objects(&self) -> Vec<Value> {
        let mut objects = Vec::new();
        if !self.data.is_empty() {
            objects.push(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("{NAME}-secrets") },
                "type": "Opaque", "stringData": self.data,
            }));
        }
        let in_vault = self
            .secrets
            .iter()
            .filter_map(|secret| match &secret.source {
                SecretSource::Vault { path, key } => Some(escaped(json!({
                    "secretKey": secret.name, "remoteRef": { "key": path, "property": key },
                }))),
                SecretSource::Local(_) => None,
            });
        let in_vault: Vec<Value> = in_vault.collect();
        if !in_vault.is_empty() {
            let name = format!("{NAME}-vault");
            objects.push(json!({
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": { "name": name },
                "spec": {
                    "refreshInterval": "1h",
                    "secretStoreRef": { "kind": "ClusterSecretStore", "name": "vault-backend" },
                    "target": { "name": name },
                    "data": in_vault,
                },
            }));
        }
        objects
    }

    fn variables(&self) -> impl Iterator<Item = Value> {
        let secrets = self
            .secrets
            .iter()
            .filter(|secret| secret.mount_path.is_none());
        secrets.map(|secret| {
            let mut key = json!({ "name": secret_object(secret), "key": secret.name });
            if matches!(secret.source, SecretSource::Vault { .. }) && !secret.required {
                key["optional"] = true.into();
            }
            json!({ "name": secret.name, "valueFrom": { "secretKeyRef": key } })
        })
    }

    fn mounted(&self) -> impl Iterator<Item = (&'c Secret, &'c str, String)> {
        self.secrets.iter().filter_map(|secret| {
            let path = secret.mount_path.as_deref()?;
            let volume = format!("secret-{}", secret.name.to_lowercase().replace('_', "-"));
            Some((*secret, path, volume.chars().take(63).collect()))
        })
    }

    fn volumes(&self) -> Vec<Value> {
        let volume = |(secret, _, volume): (&Secret, &str, String)| {
            let items = json!([{ "key": secret.name, "path": secret.name, "mode": secret.mode }]);
            let mut source = json!({ "secretName": secret_object(secret), "items": items });
            if !secret.required && matches!(secret.source, SecretSource::Vault { .. }) {
                source["optional"] = true.into();
            }
            json!({ "name": volume.trim_end_matches('-'), "secret": source })
        };
        self.mounted().map(volume).collect()
    }

    fn mounts(&self) -> Vec<Value> {
        let mount = |(secret, path, volume): (&Secret, &str, String)| {
            json!({
                "name": volume.trim_end_matches('-'), "mountPath": escape_placeholders(path),
                "subPath": secret.name, "readOnly": true,
            })
        };
        self.mounted().map(mount).collect()
    }
}

/// Returns the name of the Secret that holds a secret.
fn secret_object(secret: &Secret) -> String {
    match secret.source {
        SecretSource::Local(_) => format!("{NAME}-secrets"),
        SecretSource::Vault { .. } => format!("{NAME}-vault"),
    }
}

fn push(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    }
}

fn set_unless_empty(parent: &mut Value, key: &str, value: Value) {
    let is_empty =
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    if !is_empty {
        parent[key] = value;
    }
}

/// Returns a value of the file in whose texts nothing is a placeholder.
fn escaped(value: Value) -> Value {
    match value {
        Value::String(text) => escape_placeholders(&text).into(),
        Value::Array(items) => items.into_iter().map(escaped).collect(),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(k, v)| (k, escaped(v))).collect())
        }
        other => other,
    }
}
