//! Settings that a manifest has itself, for a session without a template and for a template that does not set them: annotations
//! of the primary workload, and defaults without them.

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use session_model::api::{
    ConnectMethod, Hook, Hooks, HttpConnect, IntOrString, LifetimePolicy, PrimaryRef,
    SessionTemplateSpec, WorkloadControl,
};
use session_model::foreign_error::decode_error_text;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::custom_workload::validate_primary;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::pods::pod_labels;
use session_template::Source;

/// Command of the default shell: bash where the image has it, else sh.
const DEFAULT_SHELL_COMMAND: &str =
    "if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi";

/// Returns the settings of a manifest, in the form of a template's spec. They are read from the annotations
/// `streaming.platform/connect`, `sync` and `lifetime` of the primary workload. Without the first, the connection methods are a shell
/// and one http method for each Service port named `http*` or `web`.
///
/// # Errors
/// An annotation that does not parse.
pub fn read_manifest_settings(
    objects: &[Value],
    primary: &PrimaryRef,
) -> Result<SessionTemplateSpec> {
    let workload = objects
        .iter()
        .find(|object| has_kind_and_name(object, &primary.kind, &primary.name));
    let annotation = |key: &str| Untyped(workload?).annotation(key);
    let connect = match annotation(labels::CONNECT) {
        Some(yaml) => parse_annotation(labels::CONNECT, yaml)?,
        None => default_connect_methods(objects, workload),
    };
    let mut said = SessionTemplateSpec {
        connect,
        ..SessionTemplateSpec::default()
    };
    if let Some(yaml) = annotation(labels::SYNC) {
        let sync: Hook = parse_annotation(labels::SYNC, yaml)?;
        said.hooks = Some(Hooks {
            sync: Some(sync),
            ..Hooks::default()
        });
    }
    if let Some(yaml) = annotation(labels::LIFETIME) {
        said.lifetime = Some(
            match yaml.trim().parse::<session_model::duration::Lifetime>() {
                Ok(_) => LifetimePolicy {
                    timeout: Some(IntOrString::from(yaml.trim())),
                    ..LifetimePolicy::default()
                },
                Err(_) => parse_annotation(labels::LIFETIME, yaml)?,
            },
        );
    }
    Ok(said)
}

/// Returns the primary workload with what the annotation `streaming.platform/workload` says of its stop, start and readiness, where the
/// template says nothing.
///
/// # Errors
/// An annotation that does not parse, or that the kind does not have.
pub(super) fn read_workload_control(objects: &[Value], primary: PrimaryRef) -> Result<PrimaryRef> {
    let workload = objects
        .iter()
        .find(|object| has_kind_and_name(object, &primary.kind, &primary.name));
    let Some(yaml) = workload.and_then(|workload| Untyped(workload).annotation(labels::WORKLOAD))
    else {
        return Ok(primary);
    };
    let control: WorkloadControl = parse_annotation(labels::WORKLOAD, yaml)?;
    let primary = primary.or_controlled_by(control);
    validate_primary(&primary)
        .with_context(|| format!("invalid annotation {}", labels::WORKLOAD))?;
    Ok(primary)
}

/// Reads an annotation as YAML or JSON.
fn parse_annotation<T: DeserializeOwned>(key: &str, yaml: &str) -> Result<T> {
    let place = || format!("invalid annotation {key}");
    let value = session_template::parse_plain_value(&Source::new(key, yaml).with_context(place)?)
        .with_context(place)?;
    serde_json::from_value(value)
        .map_err(|error| anyhow!(decode_error_text(&error)))
        .with_context(place)
}

fn default_connect_methods(objects: &[Value], workload: Option<&Value>) -> Vec<ConnectMethod> {
    let exec = ["sh", "-c", DEFAULT_SHELL_COMMAND]
        .map(str::to_owned)
        .to_vec();
    let mut methods = vec![ConnectMethod {
        name: "shell".into(),
        exec,
        ..ConnectMethod::default()
    }];
    let nothing = Map::new();
    let pod = workload.and_then(pod_labels).unwrap_or(&nothing);
    for service in objects
        .iter()
        .filter(|object| Untyped(object).kind() == "Service")
    {
        let selector = service.pointer("/spec/selector").and_then(Value::as_object);
        if selector.is_none_or(|selector| {
            selector.is_empty() || selector.iter().any(|(k, v)| pod.get(k) != Some(v))
        }) {
            continue;
        }
        for port in Untyped(service).items_at("/spec/ports") {
            let Some(name) = port.str_at("/name") else {
                continue;
            };
            if name.starts_with("http") || name == "web" {
                // Ports are forwarded to the Pod, not to the Service, so the target port counts.
                let target = port.at("/targetPort").or_else(|| port.at("/port"));
                let target = target.and_then(|value| serde_json::from_value(value.clone()).ok());
                let http = HttpConnect {
                    port: target,
                    path: None,
                };
                methods.push(ConnectMethod {
                    name: name.to_owned(),
                    http: Some(http),
                    ..ConnectMethod::default()
                });
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn primary() -> PrimaryRef {
        PrimaryRef {
            kind: "Pod".into(),
            name: "p".into(),
            container: None,
            ..PrimaryRef::default()
        }
    }

    fn pod(annotations: Value) -> Value {
        json!({ "kind": "Pod", "metadata": { "name": "p", "labels": { "app": "x" }, "annotations": annotations }, "spec": {} })
    }

    #[test]
    fn an_annotation_says_how_a_custom_workload_is_stopped() {
        let sandbox = |annotation: &str| {
            json!({ "apiVersion": "agents.x-k8s.io/v1", "kind": "Sandbox", "metadata": { "name": "s",
                "annotations": { labels::WORKLOAD: annotation } } })
        };
        let declared = || PrimaryRef {
            kind: "Sandbox".into(),
            name: "s".into(),
            ..PrimaryRef::default()
        };
        let read = |annotation: &str| read_workload_control(&[sandbox(annotation)], declared());
        let whole = "{stop: {spec: {mode: Suspended}}, start: {spec: {mode: Running}}, ready: {condition: Ready}}";
        let primary = read(whole).unwrap();
        assert_eq!(
            primary.stop,
            Some(json!({ "spec": { "mode": "Suspended" } }))
        );
        assert_eq!(primary.ready.unwrap().condition.as_deref(), Some("Ready"));
        let text = |annotation: &str| format!("{:#}", read(annotation).unwrap_err());
        assert_eq!(
            text("{stop: {spec: {}}}"),
            "invalid annotation streaming.platform/workload: primary.start is required with primary.stop"
        );
        assert!(
            text("{halt: {}}").contains("unknown field \"halt\""),
            "{}",
            text("{halt: {}}")
        );
    }

    #[test]
    fn a_bare_manifest_has_a_shell_and_its_web_ports() {
        let service = json!({ "kind": "Service", "spec": { "selector": { "app": "x" }, "ports": [
            { "name": "http-api", "port": 80, "targetPort": "web" }, { "name": "ssh", "port": 22 }, { "name": "web", "port": 8080 }] } });
        let other = json!({ "kind": "Service", "spec": { "selector": { "app": "y" }, "ports": [{ "name": "http", "port": 80 }] } });
        let said = read_manifest_settings(&[pod(json!({})), service, other], &primary()).unwrap();
        let names: Vec<&str> = said
            .connect
            .iter()
            .map(|method| method.name.as_str())
            .collect();
        assert_eq!(names, ["shell", "http-api", "web"]);
        assert_eq!(
            said.connect[1].http.as_ref().unwrap().port,
            Some("web".into())
        );
    }

    #[test]
    fn annotations_set_the_rest() {
        let said = read_manifest_settings(
            &[pod(json!({
                labels::CONNECT: "- name: ssh\n  ssh: {port: 22, user: lab}\n",
                labels::SYNC: "{\"command\": [\"sync-home\"], \"timeout\": \"2m\"}",
                labels::LIFETIME: "2h",
            }))],
            &primary(),
        )
        .unwrap();
        assert_eq!(
            said.connect[0].ssh.as_ref().unwrap().user.as_deref(),
            Some("lab")
        );
        assert_eq!(said.hooks.unwrap().sync.unwrap().command, ["sync-home"]);
        assert_eq!(said.lifetime.unwrap().timeout, Some("2h".into()));
    }

    #[test]
    fn a_bad_annotation_is_named() {
        let error =
            read_manifest_settings(&[pod(json!({ labels::SYNC: "command: {" }))], &primary())
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid annotation streaming.platform/sync"
        );
    }
}
