//! The page `docs/configuration.md`: parameters, presets, connection methods, hooks and lifetime of every built-in template.

use session_shared::api::{ConnectMethod, Hook, OnExpiry, Parameter, SessionTemplateSpec};
use session_shared::template::{Source, builtin_templates, parse_plain_objects};

const HEAD: &str = "# Configuration of the built-in templates

<!-- Generated: UPDATE_GOLDEN=1 cargo test -p session-shared --test definitions -->

A parameter is set with `kubectl session create NAME --template TEMPLATE --set PARAMETER=VALUE`, a preset chosen with `--preset PRESET`; `--set` goes
before the preset. `kubectl session create NAME --template TEMPLATE --dry-run=client --rendered -o yaml` prints the objects that result.
SESSION_ID, USER_ID, NAMESPACE and APPLICATION are set in every template. A value must match the whole pattern. To allow images of your own registry,
apply a copy of the template under another name, with another pattern: see [templates.md](templates.md#parameters).
";

/// Returns the page.
pub(crate) fn page() -> String {
    let sections = builtin_templates()
        .iter()
        .map(|(name, text)| section(name, &spec(name, text)));
    std::iter::once(HEAD.to_owned()).chain(sections).collect()
}

fn spec(name: &str, text: &str) -> SessionTemplateSpec {
    let source = Source::new(name, text).expect("a built-in template is text");
    let objects = parse_plain_objects(&source).expect("a built-in template is YAML");
    let (_, object) = objects.into_iter().next().expect("it has an object");
    serde_json::from_value(object["spec"].clone()).expect("it is a SessionTemplate")
}

fn section(name: &str, spec: &SessionTemplateSpec) -> String {
    let description = spec.description.as_deref().unwrap_or_default();
    let mut text = format!("\n## {name}\n\n{description}.\n\n");
    text += "| parameter | type | default | allowed | description |\n|---|---|---|---|---|\n";
    for parameter in &spec.parameters {
        text += &format!(
            "| `{}` | {} | {} | {} | {} |\n",
            parameter.name,
            parameter.kind.as_str(),
            default_of(parameter),
            allowed_values(parameter),
            cell(parameter.description.as_deref().unwrap_or_default()),
        );
    }
    if !spec.presets.is_empty() {
        text += "\n| preset | sets |\n|---|---|\n";
    }
    for (preset, values) in &spec.presets {
        let values: Vec<String> = values
            .iter()
            .map(|(name, value)| quoted(&format!("{name}={value}")))
            .collect();
        text += &format!("| `{preset}` | {} |\n", values.join(" "));
    }
    text += "\n| connection method | connects to |\n|---|---|\n";
    for method in &spec.connect {
        let workload = in_workload(method.workload.as_deref(), method.container.as_deref());
        text += &format!("| `{}` | {}{workload} |\n", method.name, target(method));
    }
    text + &rules(spec)
}

/// Returns primary workload, hooks, lifetime and data policy as a list.
fn rules(spec: &SessionTemplateSpec) -> String {
    let mut text = "\n".to_owned();
    if let Some(primary) = &spec.primary {
        text += &format!("- Primary workload: {} `{}`", primary.kind, primary.name);
        let container = primary.container.as_ref();
        text += &container.map_or_else(String::new, |name| format!(", container `{name}`"));
        text += "\n";
    }
    let hooks = spec.hooks.clone().unwrap_or_default();
    for (moment, hook) in [
        ("before stop and delete", &hooks.sync),
        ("before a snapshot", &hooks.quiesce),
        ("after a snapshot", &hooks.resume),
    ] {
        text += &hook
            .as_ref()
            .map_or_else(String::new, |hook| hook_line(moment, hook));
    }
    let lifetime = spec.lifetime.clone().unwrap_or_default();
    let action = match lifetime.on_expiry.unwrap_or_default() {
        OnExpiry::Stop => "stop",
        OnExpiry::Delete => "delete",
    };
    text += &match &lifetime.timeout {
        Some(timeout) => format!("- Lifetime: {timeout}, then {action}"),
        None => "- Lifetime: no expiry".to_owned(),
    };
    let longest = lifetime
        .maximum
        .map(|longest| format!("; at most {longest}"));
    text += &longest.unwrap_or_default();
    let policy = spec.data_policy.unwrap_or_default();
    text + &format!("\n- Data on delete: {}\n", policy.as_str())
}

fn hook_line(moment: &str, hook: &Hook) -> String {
    let workload = in_workload(hook.workload.as_deref(), hook.container.as_deref());
    let timeout = hook
        .timeout
        .as_ref()
        .map(|limit| format!(", at most {limit}"));
    format!(
        "- Hook {moment}: {}{workload}{}\n",
        quoted(&hook.command.join(" ")),
        timeout.unwrap_or_default()
    )
}

fn in_workload(workload: Option<&str>, container: Option<&str>) -> String {
    let workload = workload.map(|name| format!(", workload `{name}`"));
    let container = container.map(|name| format!(", container `{name}`"));
    workload.unwrap_or_default() + &container.unwrap_or_default()
}

fn default_of(parameter: &Parameter) -> String {
    match (&parameter.default, &parameter.generate) {
        (Some(default), _) if default.is_empty() => "empty".to_owned(),
        (Some(default), _) => quoted(default),
        (None, Some(_)) => "generated".to_owned(),
        (None, None) if parameter.required == Some(false) => "empty".to_owned(),
        (None, None) => "required".to_owned(),
    }
}

fn allowed_values(parameter: &Parameter) -> String {
    if !parameter.options.is_empty() {
        let options: Vec<String> = parameter.options.iter().map(|one| quoted(one)).collect();
        return options.join(" ");
    }
    match (&parameter.pattern, parameter.minimum, parameter.maximum) {
        (Some(pattern), ..) => quoted(pattern),
        (None, Some(least), Some(most)) => format!("{least} to {most}"),
        (None, Some(least), None) => format!("{least} or more"),
        (None, None, Some(most)) => format!("{most} or less"),
        (None, None, None) => String::new(),
    }
}

fn target(method: &ConnectMethod) -> String {
    let port = |port: &Option<_>| port.as_ref().map_or_else(String::new, ToString::to_string);
    match (&method.http, &method.ssh) {
        (Some(http), _) => {
            let path = http.path.as_deref().unwrap_or("/");
            format!("HTTP, port `{}`, path `{path}`", port(&http.port))
        }
        (None, Some(ssh)) => {
            let user = ssh.user.as_ref().map(|user| format!(", user `{user}`"));
            format!(
                "SSH, port `{}`{}",
                port(&ssh.port),
                user.unwrap_or_default()
            )
        }
        (None, None) => quoted(&method.exec.join(" ")),
    }
}

/// Returns a text as code in a cell of a table.
fn quoted(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
