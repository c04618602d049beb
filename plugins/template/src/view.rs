//! Text output of templates, parameters and findings. Pure.

use serde_json::{Map, Value, json};
use session_shared::api::{
    ConnectMethod, DataPolicy, Hooks, LifetimePolicy, OnExpiry, ParameterType, Presets,
    SessionTemplate,
};
use session_shared::encode::shell;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::ephemeral_volumes::{
    EphemeralVolume, ephemeral_volumes, user_data_volumes,
};
use session_shared::objects::pods::{pod_annotations, pod_spec};
use session_shared::report::{escape, table};
use session_shared::template::{Finding, Manifest, Parameters};

use crate::empty_cell::{NONE, or_none};
use crate::parameter_view::{ParameterView, parameter_views, parameters_table};

/// Formats the table of built-in templates.
pub(crate) fn builtin_table(objects: &[Value], no_headers: bool) -> String {
    let row = |object: &Value| {
        ["/metadata/name", "/spec/description"]
            .map(|at| Untyped(object).str_at(at).unwrap_or_default().to_owned())
            .to_vec()
    };
    let rows: Vec<Vec<String>> = objects.iter().map(row).collect();
    table::format_table(&["NAME", "DESCRIPTION"], &rows, no_headers)
}

/// Formats a template for `template show`. `read` is `None` if its manifest cannot be parsed; parameters, presets and objects
/// are then omitted.
pub(crate) fn template_text(
    template: &SessionTemplate,
    read: Option<&(Manifest, Parameters)>,
) -> String {
    let spec = &template.spec;
    let name = template.metadata.name.as_deref().unwrap_or_default();
    let primary = match &spec.primary {
        Some(primary) => match &primary.container {
            Some(container) => {
                format!("{}/{}, container {container}", primary.kind, primary.name)
            }
            None => format!("{}/{}", primary.kind, primary.name),
        },
        None => NONE.to_owned(),
    };
    let lines = [
        ("Name:", name.to_owned()),
        (
            "Description:",
            or_none(spec.description.as_deref().unwrap_or_default()),
        ),
        ("Lifetime:", lifetime(spec.lifetime.as_ref())),
    ];
    let data = data_lines(spec.data_policy.unwrap_or_default(), read);
    let labels = std::iter::once("Data:").chain(std::iter::repeat(""));
    let rest = [
        ("Primary:", primary),
        ("Hooks:", hooks(spec.hooks.as_ref())),
        (
            "Objects:",
            read.map_or_else(
                || "<unknown>".to_owned(),
                |(manifest, _)| kinds_text(manifest),
            ),
        ),
    ];
    let mut shown: String = lines
        .iter()
        .cloned()
        .chain(labels.zip(data))
        .chain(rest)
        .map(|(label, value)| format!("{label:<14}{}\n", escape::escape_line(&value)))
        .collect();
    shown.push_str(&section("Connect:", &connect(&spec.connect)));
    if let Some((manifest, found)) = read {
        let asked = parameter_views(manifest, found, &spec.parameters);
        shown.push_str(&section(
            "Parameters:",
            &parameters_table(&asked, false, false),
        ));
        shown.push_str(&section("Presets:", &presets(&spec.presets)));
        shown.push_str(&section("Create one:", &create_command(name, &asked)));
    }
    shown
}

/// Formats a heading with indented lines, or with `<none>` if there are no lines.
fn section(heading: &str, lines: &str) -> String {
    if lines.is_empty() {
        return format!("{heading:<14}{NONE}\n");
    }
    let indented: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("{heading}\n{indented}")
}

fn lifetime(lifetime: Option<&LifetimePolicy>) -> String {
    let own = lifetime.cloned().unwrap_or_default();
    // Without a default, sessions get the maximum.
    let Some(timeout) = own.timeout.as_ref().or(own.maximum.as_ref()) else {
        return "no expiry".to_owned();
    };
    let timeout = timeout.to_string();
    let most = match &own.maximum {
        Some(most) if most.to_string() != timeout => format!(" (at most {most})"),
        _ => String::new(),
    };
    if ["0", "never"].contains(&timeout.as_str()) {
        return format!("no expiry{most}");
    }
    let end = match own.on_expiry.unwrap_or_default() {
        OnExpiry::Stop => "stopped",
        OnExpiry::Delete => "deleted",
    };
    format!("{timeout}{most}, then {end}")
}

/// Describes what happens to the data of each volume of the Pods and to their container files, one line each.
fn data_lines(policy: DataPolicy, read: Option<&(Manifest, Parameters)>) -> Vec<String> {
    let claims = match policy {
        DataPolicy::Keep => "kept when a session is deleted",
        DataPolicy::Snapshot => "kept as a snapshot when a session is deleted",
        DataPolicy::Delete => "deleted with the session",
    };
    let lost = "lost at stop and delete";
    let objects = read.map(|(manifest, parameters)| parameters.render_defaults(manifest));
    let objects = objects.unwrap_or_default();
    let pods: Vec<_> = objects
        .iter()
        .filter_map(|object| Some((object, pod_spec(object)?)))
        .collect();
    if pods.is_empty() {
        return vec![format!("claims are {claims}")];
    }
    let kept: Vec<String> = pods
        .iter()
        .flat_map(|(object, spec)| claim_volumes(object, spec))
        .map(|volume| format!("{volume}: claim, {claims}"))
        .collect();
    let ephemeral = pods.iter().flat_map(|(object, spec)| {
        let annotations = pod_annotations(object);
        let volumes = match kept.is_empty() {
            true => ephemeral_volumes(spec),
            false => user_data_volumes(spec, annotations),
        };
        let swapped = annotations.and_then(|all| all.get(labels::DATA_VOLUME)?.as_str());
        volumes
            .into_iter()
            .map(move |EphemeralVolume { name, source }| {
                let claim = match swapped == Some(name.as_str()) {
                    true => "; a claim with --storage",
                    false => "",
                };
                format!("{name}: {source}, {lost}{claim}")
            })
    });
    let files = kept.is_empty().then(|| format!("container files: {lost}"));
    let mut lines: Vec<String> = ephemeral.chain(files).collect();
    lines.splice(0..0, kept);
    lines
}

/// Returns the names of the volumes that are PersistentVolumeClaims.
fn claim_volumes<'a>(object: &'a Value, spec: &'a Map<String, Value>) -> Vec<&'a str> {
    let volumes = spec.get("volumes").and_then(Value::as_array);
    let volumes = volumes.into_iter().flatten();
    let claims = volumes.filter(|volume| volume.get("persistentVolumeClaim").is_some());
    let templates = object.pointer("/spec/volumeClaimTemplates");
    let templates = templates.and_then(Value::as_array).into_iter().flatten();
    claims
        .filter_map(|volume| Untyped(volume).str_at("/name"))
        .chain(templates.map(|claim| Untyped(claim).name()))
        .collect()
}

fn hooks(hooks: Option<&Hooks>) -> String {
    let Some(hooks) = hooks else {
        return NONE.to_owned();
    };
    let all = [
        ("sync", &hooks.sync),
        ("quiesce", &hooks.quiesce),
        ("resume", &hooks.resume),
    ];
    let named = all.iter().filter_map(|(name, hook)| {
        let command = shell::quote_command(&hook.as_ref()?.command);
        Some(format!("{name} ({command})"))
    });
    or_none(&named.collect::<Vec<_>>().join(", "))
}

/// Lists the kinds of objects in the order of the manifest, with their number if it is not 1.
fn kinds_text(manifest: &Manifest) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for (_, kind) in manifest.kinds() {
        match counted.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, number)) => *number += 1,
            None => counted.push((kind, 1)),
        }
    }
    let shown = counted.iter().map(|(kind, number)| match number {
        1 => (*kind).to_owned(),
        number => format!("{kind} ({number})"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn connect(methods: &[ConnectMethod]) -> String {
    let row = |(at, method): (usize, &ConnectMethod)| {
        let way = match (&method.http, &method.ssh) {
            (Some(http), _) => format!(
                "http, port {}, path {}",
                port(http.port.as_ref()),
                http.path.as_deref().unwrap_or("/")
            ),
            (_, Some(ssh)) => {
                let user = ssh.user.as_deref();
                let user = user
                    .map(|user| format!(", user {user}"))
                    .unwrap_or_default();
                format!("ssh, port {}{user}", port(ssh.port.as_ref()))
            }
            _ => shell::quote_command(&method.exec),
        };
        let container = method.container.as_deref();
        let container = container
            .map(|container| format!(", container {container}"))
            .unwrap_or_default();
        let default = if at == 0 { " (default)" } else { "" };
        vec![method.name.clone(), format!("{way}{container}{default}")]
    };
    let rows: Vec<Vec<String>> = methods.iter().enumerate().map(row).collect();
    table::format_table(&["", ""], &rows, true)
}

fn port(port: Option<&session_shared::api::IntOrString>) -> String {
    port.map_or_else(|| "<unknown>".to_owned(), ToString::to_string)
}

fn presets(presets: &Presets) -> String {
    let row = |(name, values): (&String, &std::collections::BTreeMap<String, String>)| {
        let values: Vec<String> = values
            .iter()
            .map(|(name, value)| format!("{name}={}", shell::quote_word(value)))
            .collect();
        vec![name.clone(), values.join(" ")]
    };
    let rows: Vec<Vec<String>> = presets.iter().map(row).collect();
    table::format_table(&["", ""], &rows, true)
}

/// Returns the command that creates a session, with all required parameters.
fn create_command(name: &str, asked: &[ParameterView<'_>]) -> String {
    let required = asked.iter().filter(|one| one.required).map(|one| {
        let name = &one.parameter.name;
        match one.parameter.kind {
            ParameterType::Secret => format!(" --set-file {name}=FILENAME"),
            _ => format!(" --set {name}=VALUE"),
        }
    });
    let required: String = required.collect();
    format!(
        "kubectl session create NAME --template {}{required}\n",
        shell::quote_word(name)
    )
}

/// Formats a lint finding and its hint.
pub(crate) fn finding_text(finding: &Finding) -> String {
    match &finding.problem.hint {
        Some(hint) => format!("{finding}\n  hint: {hint}\n"),
        None => format!("{finding}\n"),
    }
}

/// Returns the findings as a JSON object.
pub(crate) fn findings_json(found: &[Finding]) -> Value {
    json!({ "findings": found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_sentence() {
        let of = |timeout: Option<&str>, maximum: Option<&str>, on_expiry| {
            lifetime(Some(&LifetimePolicy {
                timeout: timeout.map(Into::into),
                maximum: maximum.map(Into::into),
                on_expiry,
            }))
        };
        assert_eq!(lifetime(None), "no expiry");
        assert_eq!(of(Some("never"), None, None), "no expiry");
        assert_eq!(of(Some("2h"), None, None), "2h, then stopped");
        let delete = Some(OnExpiry::Delete);
        let text = "2h (at most 1d), then deleted";
        assert_eq!(of(Some("2h"), Some("1d"), delete), text);
        assert_eq!(of(None, Some("1d"), delete), "1d, then deleted");
    }
}
