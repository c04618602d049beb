//! Tests of the checks of what one part of a manifest says of another.

use super::lint::{said, says};
use super::lint_fields::{DEPLOYMENT, errors};

/// A text of the Deployment, what replaces it, and the finding.
const REFERENCES: &[(&str, &str, &str)] = &[
    (
        "matchLabels: {app: web}",
        "matchLabels: {app: wbe}",
        "a.yaml:6:33: error: selector app=wbe of Deployment \"web\" does not match the labels of its Pod template",
    ),
    (
        "matchLabels: {app: web}",
        "matchLabels: {app: web, tier: \"${TIER}\"}",
        "error: selector tier=${TIER} of Deployment \"web\" does not match",
    ),
    (
        "        image: nginx\n",
        "        volumeMounts: [{name: data, mountPath: /data}]\n",
        "a.yaml:12:31: error: container \"web\" mounts volume \"data\", which is not defined",
    ),
    (
        "{port: http}",
        "{port: htpt}",
        "warning: readinessProbe of container \"web\" has port \"htpt\", which is none of its ports",
    ),
    (
        "cpu: 1, memory: 1Gi}}\n",
        "cpu: 1, memory: 1Gi}}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: web}]}\n",
        "a.yaml:21:61: warning: Service \"s\" has targetPort \"web\", which no container port has for its name",
    ),
];

#[test]
fn what_nothing_defines_is_told() {
    for (text, other, wanted) in REFERENCES {
        let changed = DEPLOYMENT.replacen(text, other, 1);
        assert_ne!(changed, DEPLOYMENT, "{text}");
        says(&changed, wanted);
    }
}

#[test]
fn what_is_defined_or_known_only_with_values_is_let_through() {
    let service = |port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: {port}}}]}}\n"
        )
    };
    let mount = "        volumeMounts: [{name: data, mountPath: /data}]\n";
    let with_mount = DEPLOYMENT.replace("        image: nginx\n", mount);
    let claims = "  volumeClaimTemplates: [{metadata: {name: data}}]\n  replicas: 2\n";
    for text in [
        with_mount.replace(
            "    spec:\n",
            "    spec:\n      volumes: [{name: data, emptyDir: {}}]\n",
        ),
        with_mount.replace(
            "    spec:\n",
            "    spec:\n      volumes: [{name: \"${V}\", emptyDir: {}}]\n",
        ),
        with_mount
            .replace("kind: Deployment", "kind: StatefulSet")
            .replace("  replicas: 2\n", claims),
        DEPLOYMENT.replace("{app: web}", "{app: \"${SESSION_ID}\"}"),
        DEPLOYMENT.replacen("{app: web}", "{app: \"${APP}\"}", 1),
        format!("{DEPLOYMENT}{}", service("http")),
        format!("{DEPLOYMENT}{}", service("80")),
        format!("{DEPLOYMENT}{}", service("\"${PORT}\"")),
    ] {
        assert_eq!(errors(&text), [""; 0], "{text}");
        let told = said(&text);
        let words = ["targetPort", "none of its ports"];
        assert!(
            !told
                .iter()
                .any(|line| words.iter().any(|word| line.contains(word))),
            "{told:?}"
        );
    }
}
