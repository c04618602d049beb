//! Tests of lint findings. Long because the tables have one row for each finding.

use super::super::lint::lint_source;
use super::super::{Severity, Source};

pub(super) fn said(text: &str) -> Vec<String> {
    lint_source(&Source::new("a.yaml", text).unwrap())
        .iter()
        .map(ToString::to_string)
        .collect()
}

pub(super) fn says(text: &str, wanted: &str) {
    let said = said(text);
    assert!(
        said.iter().any(|line| line.contains(wanted)),
        "{wanted}\nis not in\n{}",
        said.join("\n")
    );
}

pub(super) const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    resources: {limits: {cpu: 1, memory: 1Gi}}\n";

/// Returns a template whose manifest is a Pod followed by `manifest`.
pub(super) fn template(spec: &str, manifest: &str) -> String {
    let indented = indented(&format!("{POD}{manifest}"));
    format!(
        "apiVersion: streaming.platform/v1\nkind: SessionTemplate\nmetadata: {{name: t}}\nspec:\n  description: x\n  connect: [{{name: s, exec: [sh]}}]\n  lifetime: {{timeout: 1h}}\n  dataPolicy: keep\n{spec}  manifest: |\n{indented}"
    )
}

pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn a_good_template_gets_no_word() {
    let hardened = POD.replace(
        "  containers:",
        "  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n  containers:",
    );
    let context =
        "    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n";
    let text = template("", context).replace(&indented(POD), &indented(&hardened));
    assert_eq!(said(&text), [""; 0]);
}

/// A manifest is one session, a template is many.
#[test]
fn a_host_that_every_session_would_have_is_told_in_a_template() {
    let ingress = |host: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: web}}\nspec: {{rules: [{{host: \"{host}\"}}]}}\n"
        )
    };
    let wanted = "warning: host \"web.example.com\" is the same in every session: only one session at a time can have it";
    says(&template("", &ingress("web.example.com")), wanted);
    for text in [
        template("", &ingress("web-${SESSION_ID}.example.com")),
        format!("{POD}{}", ingress("web.example.com")),
    ] {
        let found = said(&text);
        assert!(
            !found.iter().any(|line| line.contains("every session")),
            "{found:?}"
        );
    }
}

/// Text that follows the Pod, and the expected finding.
const OBJECTS: &[(&str, &str)] = &[
    (
        "    image: ${IMAGE}\n",
        "a.yaml:8:12: warning: image must be a string, but unquoted values such as 1 or true are not",
    ),
    (
        "    image: ${IMAGE}\n",
        "a.yaml:8:12: info: undeclared parameter IMAGE: a required string",
    ),
    (
        "    env: [{name: A, value: CHANGE_ME_IN_PRODUCTION}]\n",
        "a.yaml:8:28: warning: /spec/containers/0/env/0/value must be changed",
    ),
    (
        "    env: [{name: A, value: \"{{ x }}\"}]\n",
        "warning: placeholder of another tool in free text",
    ),
    (
        "  - name: d\n    resources: {limits: {cpu: 1}}\n",
        "a.yaml:8:5: warning: container \"d\" has no limit for memory",
    ),
    (
        "    env: [{name: A, value: \"${DB_PASSWORD}\"}]\n",
        "warning: DB_PASSWORD is in plain text",
    ),
    (
        "    env: [{name: A, value: \"${X:-a}${X:-b}\"}]\n",
        "warning: parameter X has different defaults: a, b",
    ),
    (
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n",
        "error: Node is cluster-scoped",
    ),
    (
        "---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\n",
        "a.yaml:9:13: error: Ingress \"i\": Kubernetes 1.22 removed API version extensions/v1beta1: use networking.k8s.io/v1",
    ),
    (
        "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: j}}\n",
        "a.yaml:12:16: error: CronJob \"j\": Kubernetes 1.25 removed API version batch/v1beta1: use batch/v1",
    ),
    (
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: n}\n",
        "warning: Role (rbac.authorization.k8s.io/v1) is created only by the command line",
    ),
    (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: \"${P:-x}\"}\n",
        "warning: secret P has a default",
    ),
    (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: \"${P}\"}\n",
        "info: undeclared parameter P: a secret, generated",
    ),
    (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {p: \"${P}\"}\n",
        "warning: a placeholder in data of a Secret must have a base64 value",
    ),
    (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {p: secret!}\n",
        "error: data of a Secret must be base64",
    ),
    (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: \"s_${SESSION_ID}\"}\n",
        "error: invalid Service name",
    ),
    (
        "    resources2: {limits: {cpu: 4GB}}\n    resources3: 1\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: s}\nspec: {resources: {requests: {storage: \"${S:-4GB}\"}}}\n",
        "error: invalid quantity \"4GB\": use 4G or 4Gi",
    ),
    (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec: {ingress: [{from: [{namespaceSelector: {matchLabels: {name: x}}}]}]}\n",
        "warning: namespaces do not have the label \"name\" by default",
    ),
    (
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
        "info: several workloads (Pod/a, Pod/b), but no primary workload is set",
    ),
    ("---\nkind: Pod\n", "error: object has no apiVersion"),
    (
        "",
        "a.yaml:1:1: info: Pod \"a\" violates Pod Security \"restricted\" of Kubernetes 1.36: container \"c\": securityContext.allowPrivilegeEscalation is not set, ",
    ),
    (
        "    securityContext:\n      capabilities: {add: [CHOWN, SYS_ADMIN]}\n",
        "a.yaml:9:35: warning: Pod \"a\" requests a privilege: container \"c\": securityContext.capabilities.add has \"SYS_ADMIN\"",
    ),
    (
        "  hostNetwork: ${HOST:-true}\n",
        "a.yaml:8:16: warning: Pod \"a\" requests a privilege: hostNetwork is true",
    ),
    (
        "  serviceAccountName: \"${ACCOUNT}\"\n",
        "warning: Pod \"a\" requests a privilege: serviceAccountName is \"${ACCOUNT}\"",
    ),
    (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/service-account-token\n",
        "a.yaml:9:1: warning: Secret \"s\" requests a privilege: type is kubernetes.io/service-account-token",
    ),
    (
        "    env: [{name: DB_PASSWORD, value: hunter2}]\n",
        "a.yaml:8:38: warning: DB_PASSWORD is in plain text in /spec/containers/0/env/0/value of a Pod",
    ),
    (
        "    env: [{name: DB, value: \"postgres://u:hunter2@db/x\"}]\n",
        "a.yaml:8:29: warning: a URL with a password is in plain text in /spec/containers/0/env/0/value of a Pod",
    ),
    (
        "    args: [--user, me, --password, hunter2]\n",
        "a.yaml:8:36: warning: --password is in plain text in /spec/containers/0/args/3 of a Pod",
    ),
    (
        "    command: [sh, -c, \"exec tool --token=hunter2\"]\n",
        "a.yaml:8:23: warning: --token is in plain text in /spec/containers/0/command/2 of a Pod",
    ),
    (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  app.ini: |\n    [db]\n    password = hunter2\n",
        "warning: password is in plain text in /data/app.ini of a ConfigMap",
    ),
    (
        "# admin password: hunter2\n",
        "a.yaml:8:1: warning: password is in plain text in a comment",
    ),
];

/// Text that follows the Pod and contains no password in plain text.
const NO_PASSWORDS: &[&str] = &[
    "    env: [{name: TOKEN_FILE, value: /run/token}, {name: ALLOW_EMPTY_PASSWORD, value: \"yes\"}]\n",
    "    env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: password}}}]\n",
    "    env: [{name: DB, value: \"postgres://u:$(PASSWORD)@db/x\"}]\n",
    "    args: [--password-file, /run/x, --token, $(TOKEN)]\n",
    "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n",
];

#[test]
fn what_only_speaks_of_a_password_is_none() {
    for text in NO_PASSWORDS {
        let said = said(&format!("{POD}{text}"));
        assert!(
            !said.iter().any(|line| line.contains("plain text")),
            "{text}: {said:?}"
        );
    }
}

#[test]
fn a_password_of_all_sessions_is_told() {
    let secret = |key: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{{key}: admin}}\n"
        )
    };
    let wanted = "warning: password of a Secret is literal text, so it is the same in all sessions";
    says(&template("", &secret("password")), wanted);
    for text in [
        template("", &secret("username")),
        format!("{POD}{}", secret("password")),
    ] {
        assert!(
            !said(&text).iter().any(|line| line.contains(wanted)),
            "{text}"
        );
    }
}

#[test]
fn objects_are_looked_at() {
    for (text, wanted) in OBJECTS {
        says(&format!("{POD}{text}"), wanted);
    }
}

/// Text in the spec and after the Pod, and the expected finding.
const TEMPLATES: &[(&str, &str, &str)] = &[
    (
        "  parameters: [{name: A, type: string}]\n",
        "",
        "a.yaml:9:16: warning: parameter A is not used",
    ),
    (
        "  parameters: [{name: A, typ: string}]\n",
        "",
        "a.yaml:9:26: error: unknown field \"typ\": did you mean \"type\"?",
    ),
    (
        "  datapolicy: keep\n",
        "",
        "a.yaml:9:3: error: unknown field \"datapolicy\": did you mean \"dataPolicy\"?",
    ),
    (
        "  primary: {kind: Pod, name: b}\n",
        "",
        "a.yaml:9:12: error: primary workload Pod/b is not among the objects",
    ),
    (
        "  primary: {kind: Pod, name: a, container: x}\n",
        "",
        "a.yaml:9:12: error: container \"x\" is not in Pod/a",
    ),
    (
        "",
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n",
        "error: spec.primary is required: several workloads (Pod/a, Deployment/b), but no primary workload is set",
    ),
    (
        "  primary: {kind: Sandbox, name: s}\n",
        "---\napiVersion: agents.x-k8s.io/v1\nkind: Sandbox\nmetadata: {name: s}\n",
        "a.yaml:9:12: warning: spec.primary has no stop and start: a stop needs the scale subresource of kind Sandbox",
    ),
    (
        "",
        "---\napiVersion: agents.x-k8s.io/v1\nkind: Sandbox\nmetadata: {name: s}\nspec: {containers: [{name: c}]}\n",
        "warning: Sandbox/s stays running when the session is stopped: only the primary workload's kind has a stop",
    ),
    (
        "  primary: {kind: Sandbox, name: s, stop: {spec: {mode: x}}}\n",
        "---\napiVersion: agents.x-k8s.io/v1\nkind: Sandbox\nmetadata: {name: s}\n",
        "a.yaml:9:12: error: primary.start is required with primary.stop",
    ),
    (
        "  primary: {kind: DaemonSet, name: d}\n",
        "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\n",
        "a.yaml:9:12: error: DaemonSet/d cannot be the primary workload: it runs a Pod on every node",
    ),
    (
        "  presets: {p: {X: \"1\"}}\n",
        "",
        "a.yaml:9:20: error: preset \"p\" sets unknown parameter X",
    ),
    (
        "  parameters: [{name: X, type: integer}]\n  presets: {p: {X: one}}\n",
        "    x: ${X}\n",
        "error: preset \"p\": X: \"one\" is not a whole number",
    ),
    (
        "  parameters: [{name: X, required: true, default: x}]\n",
        "    x: ${X}\n",
        "warning: parameter X is required, so its default is never used",
    ),
    (
        "  parameters: [{name: X, minimum: 1}]\n",
        "    x: ${X}\n",
        "error: parameter X: minimum and maximum are allowed only for type integer",
    ),
    (
        "  hooks: {sync: {command: [sh]}}\n",
        "    image: \"${IMAGE}\"\n",
        "warning: parameter IMAGE sets an image at /spec/containers/0/image but has no options or pattern",
    ),
    (
        "  parameters: [{name: I, pattern: '.*'}]\n",
        "    image: \"${I}\"\n",
        "warning: parameter I sets an image",
    ),
    (
        "",
        "  volumes: [{hostPath: {path: \"/home/${USER_ID}\"}}]\n",
        "warning: parameter USER_ID sets a host path",
    ),
    (
        "",
        "  volumes: [{persistentVolumeClaim: {claimName: \"${C}\"}}]\n",
        "warning: parameter C sets the name of a claim",
    ),
    (
        "",
        "  serviceAccountName: ${S}\n",
        "warning: parameter S sets a service account",
    ),
    (
        "",
        "    securityContext: {runAsUser: \"${U}\"}\n",
        "warning: parameter U sets a security context",
    ),
    (
        "",
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {rules: [{host: \"${H}\"}]}\n",
        "warning: parameter H sets an Ingress host",
    ),
    (
        "",
        "    x: ${a-b}\n",
        "a.yaml:17:12: error: invalid placeholder",
    ),
];

#[test]
fn templates_are_looked_at() {
    for (spec, manifest, wanted) in TEMPLATES {
        says(&template(spec, manifest), wanted);
    }
}

#[test]
fn bounded_parameters_are_let_through() {
    let spec = "  parameters:\n  - {name: I, pattern: '^[a-z]+$'}\n  - {name: O, options: [a, b]}\n  - {name: UID, type: integer}\n";
    let manifest = "    image: \"${I}\"\n    securityContext: {runAsUser: \"${UID}\"}\n  serviceAccountName: \"${O}-${SESSION_ID}\"\n";
    let findings = lint_source(&Source::new("a.yaml", template(spec, manifest)).unwrap());
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn what_has_a_default_is_told() {
    let text = template("", "")
        .replace("  description: x\n", "")
        .replace("  lifetime: {timeout: 1h}\n", "")
        .replace("  dataPolicy: keep\n", "");
    let mut said = said(&text);
    said.retain(|line| !line.contains("violates Pod Security"));
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said.iter().all(|line| line.contains(": info: no ")),
        "{said:?}"
    );
    for (from, to, wanted) in [
        (
            "timeout: 1h",
            "timeout: 1y",
            "error: invalid duration \"1y\"",
        ),
        (
            "timeout: 1h",
            "timeout: 2h, maximum: 1h",
            "error: timeout 2h is longer than maximum 1h",
        ),
        (
            "timeout: 1h",
            "timeout: 1h, onExpiry: pause",
            "error: lifetime.onExpiry \"pause\" is not one of stop, delete",
        ),
        (
            "dataPolicy: keep",
            "dataPolicy: lose",
            "error: dataPolicy \"lose\" is not one of keep, snapshot, delete",
        ),
        (
            "{name: s, exec: [sh]}",
            "{name: s, exec: [sh], http: {port: 1}}",
            "must have exactly one of exec, http and ssh",
        ),
        (
            "{name: s, exec: [sh]}",
            "{exec: [sh]}",
            "connection method has no name",
        ),
    ] {
        says(&template("", "").replace(from, to), wanted);
    }
}
