//! Tests of the checks of built-in kinds against their types.

use super::lint::{POD, said, says};

/// A Deployment with a template whose lines can be replaced.
pub(super) const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {tier: 1}}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: web\n        image: nginx\n        env: [{name: PORT, value: 80}]\n        ports: [{name: http, containerPort: 80}]\n        readinessProbe: {httpGet: {port: http}}\n        resources: {limits: {cpu: 1, memory: 1Gi}}\n";

pub(super) fn errors(text: &str) -> Vec<String> {
    let mut said = said(text);
    said.retain(|line| line.contains(": error: "));
    said
}

/// A line of the Deployment, what replaces it, and the error.
const FIELDS: &[(&str, &str, &str)] = &[
    (
        "  replicas: 2\n",
        "  replcas: 2\n",
        "a.yaml:5:3: error: unknown field \"replcas\" of DeploymentSpec: did you mean \"replicas\"?",
    ),
    (
        "        image: nginx\n",
        "        Image: nginx\n",
        "a.yaml:12:9: error: unknown field \"Image\" of Container: did you mean \"image\"?",
    ),
    (
        "    spec:\n",
        "    spec:\n      flavour: sweet\n",
        "a.yaml:10:7: error: unknown field \"flavour\" of PodSpec",
    ),
    (
        "metadata: {name: web,",
        "spce: {}\nmetadata: {name: web,",
        "a.yaml:3:1: error: unknown field \"spce\" of Deployment: did you mean \"spec\"?",
    ),
    (
        "  replicas: 2\n",
        "  replicas: two\n",
        "a.yaml:5:13: error: /spec/replicas must be a whole number, but is the string \"two\"",
    ),
    (
        "  replicas: 2\n",
        "  replicas: \"2\"\n",
        "a.yaml:5:13: error: /spec/replicas must be a whole number, but is the string \"2\"",
    ),
    (
        "  replicas: 2\n",
        "  replicas: 2.5\n",
        "a.yaml:5:13: error: /spec/replicas must be a whole number, but is the number 2.5",
    ),
    (
        "  replicas: 2\n",
        "  replicas: 3000000000\n",
        "a.yaml:5:13: error: /spec/replicas is not valid: invalid value: integer `3000000000`, expected i32",
    ),
    (
        "  replicas: 2\n",
        "  replicas: ${COUNT:-many}\n",
        "a.yaml:5:13: error: /spec/replicas must be a whole number, but is the string \"many\"",
    ),
    (
        "image: nginx\n",
        "image: 1\n        tty: \"yes\"\n",
        "a.yaml:12:16: error: /spec/template/spec/containers/0/image must be a string, but is the number 1",
    ),
    (
        "image: nginx\n",
        "image: 1\n        tty: \"yes\"\n",
        "a.yaml:13:14: error: /spec/template/spec/containers/0/tty must be true or false, but is the string \"yes\"",
    ),
    (
        "image: nginx\n",
        "command: run\n",
        "a.yaml:12:18: error: /spec/template/spec/containers/0/command must be a list, but is the string \"run\"",
    ),
    (
        "      containers:\n      - name: web\n",
        "      containers:\n      - web\n      - name: web\n",
        "a.yaml:11:9: error: /spec/template/spec/containers/0 must be an object, but is the string \"web\"",
    ),
    (
        "{port: http}",
        "{port: true}",
        "readinessProbe/httpGet/port must be a whole number or a string, but is boolean `true`",
    ),
];

#[test]
fn what_strict_decoding_refuses_is_an_error_with_its_place() {
    assert_eq!(errors(DEPLOYMENT), [""; 0]);
    for (line, other, wanted) in FIELDS {
        let text = DEPLOYMENT.replacen(line, other, 1);
        assert_ne!(text, DEPLOYMENT, "{line}");
        says(&text, wanted);
    }
}

/// One mistake does not hide the next.
#[test]
fn every_mistake_is_told() {
    let text = DEPLOYMENT
        .replace("replicas: 2", "replicas: two")
        .replace("image: nginx", "imagge: nginx")
        .replace("cpu: 1, ", "cpu: 1}, limit: {");
    assert_eq!(errors(&text).len(), 3, "{:?}", errors(&text));
}

#[test]
fn placeholders_stand_for_values_of_any_type() {
    let text = DEPLOYMENT
        .replace(
            "replicas: 2",
            "replicas: ${COUNT}\n  paused: ${PAUSED:-false}\n  minReadySeconds: \"${SECONDS:-5}\"",
        )
        .replace("containerPort: 80", "containerPort: \"${PORT}\"")
        .replace("port: http", "port: \"${PORT}\"")
        .replace("cpu: 1", "cpu: \"${CPU:-2}\"")
        .replace(
            "image: nginx",
            "image: ${IMAGE}\n        securityContext: {runAsUser: \"${USER_ID}\"}",
        );
    assert_eq!(errors(&text), [""; 0]);
}

#[test]
fn other_kinds_are_checked_and_unknown_ones_let_through() {
    for (kind, body, wanted) in [
        (
            "v1\nkind: Service",
            "spec: {ports: [{port: 80, targetport: 1}]}",
            "unknown field \"targetport\" of ServicePort: did you mean \"targetPort\"?",
        ),
        (
            "v1\nkind: ConfigMap",
            "dat: {}",
            "unknown field \"dat\" of ConfigMap: did you mean \"data\"?",
        ),
        (
            "v1\nkind: Secret",
            "stringdata: {}",
            "unknown field \"stringdata\" of Secret: did you mean \"stringData\"?",
        ),
        (
            "v1\nkind: PersistentVolumeClaim",
            "spec: {accessMode: [ReadWriteOnce]}",
            "did you mean \"accessModes\"?",
        ),
        (
            "networking.k8s.io/v1\nkind: Ingress",
            "spec: {rules: [{http: {paths: [{backend: {serviceName: a}}]}}]}",
            "unknown field \"serviceName\" of IngressBackend",
        ),
        (
            "batch/v1\nkind: CronJob",
            "spec: {schedul: \"* * * * *\"}",
            "did you mean \"schedule\"?",
        ),
        (
            "rbac.authorization.k8s.io/v1\nkind: Role",
            "rules: [{verb: [get]}]",
            "did you mean \"verbs\"?",
        ),
    ] {
        says(
            &format!("{POD}---\napiVersion: {kind}\nmetadata: {{name: b}}\n{body}\n"),
            wanted,
        );
    }
    let custom = format!(
        "{POD}---\napiVersion: example.com/v1\nkind: Pod\nmetadata: {{name: b}}\nspce: {{}}\n"
    );
    assert_eq!(errors(&custom), [""; 0]);
}

/// Text of the Deployment, what replaces it, and the only error.
const MISSING: &[(&str, &str, &str)] = &[
    (
        "- name: web\n        image",
        "- image",
        "a.yaml:11:9: error: missing required field \"spec.template.spec.containers[0].name\"",
    ),
    (
        "- name: web\n        image",
        "- name:\n        image",
        "a.yaml:11:9: error: missing required field \"spec.template.spec.containers[0].name\"",
    ),
    (
        "  selector: {matchLabels: {app: web}}\n",
        "",
        "a.yaml:5:3: error: missing required field \"spec.selector\"",
    ),
    (
        "{name: PORT, value: 80}",
        "{value: 80}",
        "a.yaml:13:15: error: missing required field \"spec.template.spec.containers[0].env[0].name\"",
    ),
    (
        "value: 80",
        "valueFrom: {configMapKeyRef: {name: a}}",
        "a.yaml:13:57: error: missing required field \"spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef.key\"",
    ),
    (
        ", containerPort: 80",
        "",
        "a.yaml:14:17: error: missing required field \"spec.template.spec.containers[0].ports[0].containerPort\"",
    ),
    (
        "{port: http}",
        "{path: /}",
        "a.yaml:15:35: error: missing required field \"spec.template.spec.containers[0].readinessProbe.httpGet.port\"",
    ),
    (
        "        env:",
        "        volumeMounts: [{name: \"${V}\"}]\n        env:",
        "a.yaml:13:24: error: missing required field \"spec.template.spec.containers[0].volumeMounts[0].mountPath\"",
    ),
];

#[test]
fn a_required_field_that_is_missing_is_one_error() {
    for (part, other, wanted) in MISSING {
        let text = DEPLOYMENT.replacen(part, other, 1);
        assert_ne!(text, DEPLOYMENT, "{part}");
        assert_eq!(errors(&text), [*wanted]);
    }
    let head = DEPLOYMENT.split("spec:").next().unwrap();
    for (spec, wanted) in [
        ("", "a.yaml:1:1: error: missing required field \"spec\""),
        (
            "spec:\n",
            "a.yaml:1:1: error: missing required field \"spec\"",
        ),
        (
            "spec: {selector: {matchLabels: {app: web}}}\n",
            "a.yaml:4:7: error: missing required field \"spec.template\"",
        ),
        (
            "spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}\n",
            "a.yaml:4:55: error: missing required field \"spec.template.spec\"",
        ),
    ] {
        assert_eq!(errors(&format!("{head}{spec}")), [wanted], "{spec}");
    }
}

#[test]
fn other_kinds_have_their_required_fields() {
    for (kind, body, wanted) in [
        (
            "v1\nkind: Service",
            "spec: {ports: [{name: a}]}",
            "spec.ports[0].port",
        ),
        (
            "autoscaling/v2\nkind: HorizontalPodAutoscaler",
            "spec: {scaleTargetRef: {kind: Deployment, name: a}}",
            "spec.maxReplicas",
        ),
        (
            "rbac.authorization.k8s.io/v1\nkind: RoleBinding",
            "subjects: []",
            "roleRef",
        ),
        (
            "networking.k8s.io/v1\nkind: Ingress",
            "spec: {rules: [{http: {paths: [{backend: {}}]}}]}",
            "spec.rules[0].http.paths[0].pathType",
        ),
        (
            "batch/v1\nkind: CronJob",
            "spec: {schedule: \"* * * * *\", jobTemplate: {}}",
            "spec.jobTemplate.spec",
        ),
        (
            "v1\nkind: LimitRange",
            "spec: {limits: [{}]}",
            "spec.limits[0].type",
        ),
        (
            "apps/v1\nkind: ReplicaSet",
            "spec: {selector: {matchLabels: {a: b}}}",
            "spec.template",
        ),
        (
            "v1\nkind: Service",
            "spec: {selector: {a: \"\"}, ports: [{name: \"\"}]}",
            "spec.ports[0].port",
        ),
    ] {
        let text = format!("{POD}---\napiVersion: {kind}\nmetadata: {{name: b}}\n{body}\n");
        let wanted = format!("error: missing required field {wanted:?}");
        let errors = errors(&text);
        assert!(
            errors.len() == 1 && errors[0].ends_with(&wanted),
            "{errors:?}"
        );
    }
    for (kind, body) in [
        ("v1\nkind: LimitRange", ""),
        (
            "rbac.authorization.k8s.io/v1\nkind: RoleBinding",
            "roleRef: {kind: Role, name: a}",
        ),
        ("v1\nkind: ConfigMap", ""),
        ("v1\nkind: Service", "spec:"),
        ("v1\nkind: PersistentVolumeClaim", ""),
        (
            "networking.k8s.io/v1\nkind: Ingress",
            "status: {loadBalancer: {ingress: [{ports: [{}]}]}}",
        ),
        (
            "apps/v1\nkind: StatefulSet",
            "spec: {serviceName: a, selector: {}, template: {spec: {containers: [{name: a}]}}, volumeClaimTemplates: [{metadata: {name: a}, spec: {}}]}",
        ),
    ] {
        let text = format!("{POD}---\napiVersion: {kind}\nmetadata: {{name: b}}\n{body}\n");
        assert_eq!(errors(&text), [""; 0], "{kind}");
    }
}
