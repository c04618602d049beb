use super::super::super::problem::Problem;
use super::*;
use session_model::failure::ErrorWithHint;

/// The document's configuration.
const DOCUMENT: &str = r#"[kubernetes]
enabled = true
namespace = "nvim-web"
image = "ghcr.io/your-org/nvim-web-session:latest"
storage_size = "1Gi"
session_timeout_secs = 3600  # 1 hour
max_sessions = 100

[kubernetes.resources]
cpu_request = "100m"
cpu_limit = "1"
memory_request = "128Mi"
memory_limit = "512Mi"
"#;

fn converted(text: &str) -> Conversion {
    convert(&Source::new("config.toml", text).unwrap()).unwrap()
}

/// The problems of a file and the hint of the first.
fn refused(text: &str) -> (String, String) {
    let error = convert(&Source::new("config.toml", text).unwrap()).unwrap_err();
    let hint = error.downcast_ref::<ErrorWithHint>();
    let hint = hint.map_or_else(String::new, |error| error.hint.clone());
    (error.to_string(), hint)
}

fn warnings(text: &str) -> Vec<String> {
    let found = converted(text).warnings;
    found
        .iter()
        .map(|warning: &Problem| {
            format!(
                "{warning} ({})",
                warning.hint.as_deref().unwrap_or("no hint")
            )
        })
        .collect()
}

#[test]
fn the_documents_configuration_is_a_session_of_the_template_nvim() {
    let session = converted(DOCUMENT);
    assert_eq!(session.namespace.as_deref(), Some("nvim-web"));
    assert_eq!(session.spec.template.as_deref(), Some("nvim"));
    assert!(session.objects.is_empty() && session.warnings.is_empty());
    assert_eq!(session.spec.timeout, Some(IntOrString::Int(3600)));
    assert_eq!(session.spec.storage, None);
    let values: Vec<(&str, &str)> = session
        .spec
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        values,
        [
            ("CPU_LIMIT", "1"),
            ("CPU_REQUEST", "100m"),
            ("IMAGE", "ghcr.io/your-org/nvim-web-session:latest"),
            ("MEMORY_LIMIT", "512Mi"),
            ("MEMORY_REQUEST", "128Mi"),
            ("STORAGE_SIZE", "1Gi"),
        ]
    );
    let quota: Vec<_> = session.quota.into_iter().collect();
    assert_eq!(
        quota,
        [(
            "count/sessions.streaming.platform".to_owned(),
            "100".to_owned()
        )]
    );
}

#[test]
fn what_the_file_leaves_out_is_the_templates() {
    let session = converted("[kubernetes]\nenabled = true\n");
    assert!(session.spec.parameters.is_empty() && session.quota.is_empty());
    assert_eq!((session.namespace, session.spec.timeout), (None, None));
}

#[test]
fn a_storage_class_makes_the_workspace_a_claim() {
    let session = converted("[kubernetes]\nenabled = true\nstorage_class = 'fast'\n");
    let storage = session.spec.storage.unwrap();
    assert_eq!(storage.size.unwrap().to_string(), "1Gi");
    assert_eq!(storage.class.as_deref(), Some("fast"));
    let text = "[kubernetes]\nenabled = true\nstorage_class = 'fast'\nstorage_size = '5Gi'\n";
    let session = converted(text);
    assert_eq!(
        session.spec.storage.unwrap().size.unwrap().to_string(),
        "5Gi"
    );
    assert!(session.spec.parameters.is_empty());
}

#[test]
fn labels_are_on_the_pod_and_nothing_else_changes() {
    let text = format!(
        "{DOCUMENT}[kubernetes.labels]\nteam = \"editors\"\n\"example.com/cost\" = \"a-1\"\n"
    );
    let session = converted(&text);
    assert_eq!(session.spec.template, None);
    let pod = &session.objects[0];
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["team"], "editors");
    assert_eq!(labels["example.com/cost"], "a-1");
    assert_eq!(labels["app"], "nvim-web-session");
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(
        annotations["streaming.platform/lifetime"],
        r#"{"timeout":"1h","onExpiry":"delete"}"#
    );
    assert!(
        annotations["streaming.platform/connect"]
            .as_str()
            .unwrap()
            .starts_with(r#"[{"name":"web""#)
    );
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["image"],
        "${IMAGE:-ghcr.io/your-org/nvim-web-session:latest}"
    );
    assert_eq!(
        container["resources"]["limits"]["memory"],
        "${MEMORY_LIMIT:-512Mi}"
    );
}

#[test]
fn each_refusal_has_its_line_and_the_way_out() {
    for (text, line, way) in [
        (
            "[kubernetes]\nenabled = false\n",
            "config.toml:2:11: kubernetes.enabled is false: the file switches Kubernetes off",
            "set enabled = true",
        ),
        (
            "[kubernetes]\nimage = 'a'\n",
            "config.toml:1:1: kubernetes.enabled is absent, which means false: the file switches Kubernetes off",
            "set enabled = true",
        ),
        (
            "[session]\nmax_sessions = 10\n",
            "config.toml:1:1: no table [kubernetes]: not nvim-web's configuration for Kubernetes",
            "add [kubernetes] with enabled = true and image",
        ),
        (
            "[kubernetes]\nenabled = true\nmax_sessions = \"many\"\n",
            "config.toml:3:16: invalid max_sessions \"many\": must be a whole number from 0 to 4294967295",
            "",
        ),
        (
            "[kubernetes]\nenabled = true\nsession_timeout_secs = 0\n",
            "config.toml:3:24: invalid session_timeout_secs \"0\": must be a whole number from 1 to 3153600000",
            "",
        ),
        (
            "[kubernetes]\nenabled = true\nnamespace = 'Nvim'\n",
            "config.toml:3:13: invalid namespace \"Nvim\"",
            "",
        ),
        (
            "[kubernetes]\nenabled = true\nstorage_size = '4GB'\n",
            "config.toml:3:16: invalid storage_size \"4GB\"",
            "",
        ),
        (
            "[kubernetes]\nenabled = true\nimage = '${IMAGE}'\n",
            "config.toml:3:9: invalid image \"${IMAGE}\": must be the name of an image",
            "",
        ),
        (
            "[kubernetes]\nenabled = true\nlabels = {app = 'x'}\n",
            "config.toml:3:17: label \"app\" is set by kubectl session",
            "change or remove the label",
        ),
        (
            "[kubernetes]\nenabled = true\nlabels = {'a b' = 'x'}\n",
            "config.toml:3:19: invalid label key \"a b\": only letters",
            "change or remove the label",
        ),
        (
            "[kubernetes]\nenabled = true\nlabels = {team = 'a b'}\n",
            "config.toml:3:18: invalid label value \"a b\": only letters",
            "change or remove the label",
        ),
        (
            "[kubernetes]\nenabled = yes\n",
            "config.toml:2:11: invalid TOML: ",
            "",
        ),
    ] {
        let (error, hint) = refused(text);
        assert!(error.contains(line), "{text}: {error}");
        assert!(hint.contains(way), "{text}: {hint}");
    }
}

#[test]
fn unknown_keys_are_told_with_the_near_name_and_other_tables_are_not_read() {
    assert_eq!(
        warnings(
            "[kubernetes]\nenabled = true\nimag = 'a'\n[kubernetes.resources]\ncpu_limits = '1'\n[session]\nmax_sessions = 10\ntimeout = 300\n"
        ),
        [
            "config.toml:3:1: unknown key \"imag\" of kubernetes is ignored (did you mean \"image\"?)",
            "config.toml:5:1: unknown key \"cpu_limits\" of resources is ignored (did you mean \"cpu_limit\"?)"
        ]
    );
}
