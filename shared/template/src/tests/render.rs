//! Tests of rendering.

use serde_json::json;
use session_model::failure::ErrorWithHint;

use super::super::{Manifest, RenderBudget};
use super::{fails, identity, manifest, render, spec, values};

#[test]
fn a_lone_plain_placeholder_is_typed_elsewhere_it_is_text() {
    let text =
        "  a: ${V}\n  b: \"${V}\"\n  c: x${V}\n  d: !!str ${V}\n  e: |\n    ${V}\n  f: ['${V}']\n";
    for (value, typed) in [
        ("1", json!(1)),
        ("true", json!(true)),
        ("1e3", json!(1000)),
        ("0644", json!(420)),
        ("null", json!(null)),
        ("x", json!("x")),
        ("1.5", json!(1.5)),
    ] {
        assert_eq!(
            spec(text, &[("V", value)]),
            json!({"a": typed, "b": value, "c": format!("x{value}"), "d": value, "e": format!("{value}\n"), "f": [value]})
        );
    }
}

#[test]
fn strings_only_places_keep_text_quoted_or_not() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {a: 001, b: true, c: }\n  annotations: {a: 1e3}\nspec:\n  nodeSelector: {a: 010}\n  containers:\n  - name: c\n    args: [1, -x, 0x1F]\n    env:\n    - {name: A, value: 1_000}\n    - name: B\n      value: ${V}\n    ports:\n    - containerPort: 0x50\n";
    let pod = render(text, &[("V", "no")])
        .unwrap()
        .into_objects()
        .remove(0);
    assert_eq!(
        pod["metadata"]["labels"],
        json!({"a": "001", "b": "true", "c": null})
    );
    assert_eq!(pod["metadata"]["annotations"]["a"], "1e3");
    assert_eq!(pod["spec"]["nodeSelector"]["a"], "010");
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["1", "-x", "0x1F"]));
    assert_eq!(
        container["env"],
        json!([{"name": "A", "value": "1_000"}, {"name": "B", "value": "no"}])
    );
    assert_eq!(container["ports"][0]["containerPort"], 80);
}

#[test]
fn the_owner_is_made_legal_where_that_is_needed() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c-${USER_ID}\n  labels: {user: \"${USER_ID}\"}\n  annotations: {user: \"${USER_ID}\"}\ndata: {user: \"${USER_ID}\"}\n";
    let object = render(text, &[]).unwrap().into_objects().remove(0);
    let name = object["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("c-alice-example-com-") && name.len() == 28,
        "{name}"
    );
    assert!(
        object["metadata"]["labels"]["user"]
            .as_str()
            .unwrap()
            .starts_with("alice-example.com-")
    );
    assert_eq!(
        object["metadata"]["annotations"]["user"],
        "alice@example.com"
    );
    assert_eq!(object["data"]["user"], "alice@example.com");
}

#[test]
fn escapes_and_other_dollars_stay() {
    let text = "  a: $${V}\n  b: $POD_IP $(hostname -i) $$ ${X#p}\n  c: \"$${V:-x} ${V}\"\n";
    assert_eq!(
        spec(text, &[("V", "${OTHER}")]),
        json!({"a": "${V}", "b": "$POD_IP $(hostname -i) $$ ${X#p}", "c": "${V:-x} ${OTHER}"})
    );
}

#[test]
fn what_the_server_would_refuse_is_said_with_its_place() {
    let head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: ";
    for (text, reason) in [
        (
            format!("{head}${{V}}\n"),
            "a.yaml:4:9: invalid Pod name \"A b\": only lower-case",
        ),
        (
            format!("{head}a\n  labels: {{a: \"${{V}}\"}}\n"),
            "a.yaml:5:15: invalid label value \"A b\": only letters, digits",
        ),
        (
            format!("{head}a\n  labels: {{a/b/c: x}}\n"),
            "a.yaml:5:12: invalid label key \"a/b/c\": before \"/\"",
        ),
        (
            format!("{head}a\n  annotations: {{a b: x}}\n"),
            "a.yaml:5:17: invalid annotation key \"a b\"",
        ),
        (
            format!(
                "{head}a\n  annotations: {{b: \"${{V}}\"}}\nspec: {{volumes: [{{emptyDir: {{sizeLimit: 4GB}}}}]}}\n"
            ),
            "a.yaml:6:41: invalid quantity \"4GB\": use 4G or 4Gi",
        ),
        (
            format!("{head}a\nspec: {{containers: [{{name: X, image: \"${{V}}\"}}]}}\n"),
            "a.yaml:5:28: invalid container name \"X\"",
        ),
        (
            format!(
                "{head}a\nspec: {{containers: [{{resources: {{limits: {{cpu: -1}}}}, image: \"${{V}}\"}}]}}\n"
            ),
            "invalid quantity \"-1\": must not be negative",
        ),
        (
            format!(
                "{head}a\nspec: {{containers: [{{resources: {{limits: {{nvidia.com/gpu: \"0.5\"}}}}, image: \"${{V}}\"}}]}}\n"
            ),
            "invalid quantity \"0.5\": must be a whole number, as extended resources cannot be divided",
        ),
        (
            format!(
                "{head}a\nspec: {{containers: [{{resources: {{requests: {{example.com/foo: 1.5}}}}, image: \"${{V}}\"}}]}}\n"
            ),
            "invalid quantity \"1.5\": must be a whole number",
        ),
        (
            format!("{head}a\nspec: {{x: {{claimName: \"${{V}}\"}}}}\n"),
            "invalid claimName \"A b\"",
        ),
    ] {
        let given: &[(&str, &str)] = if text.contains("${V}") {
            &[("V", "A b")]
        } else {
            &[]
        };
        let error = fails(render(&text, given));
        assert!(error.contains(reason), "{reason}\n{error}");
    }
}

#[test]
fn names_have_the_limits_of_their_kind() {
    for (api_version, kind, limit) in [
        ("v1", "Service", 63),
        ("v1", "Pod", 253),
        ("apps/v1", "StatefulSet", 52),
        ("batch/v1", "CronJob", 52),
        ("batch/v1", "Job", 63),
        ("v1", "Secret", 253),
    ] {
        let text = |length: usize| {
            format!(
                "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {}}}\n",
                "a".repeat(length)
            )
        };
        assert!(render(&text(limit), &[]).is_ok(), "{kind}");
        let error = fails(render(&text(limit + 1), &[]));
        assert!(
            error.contains(&format!(
                "must have at most {limit} characters, but has {}",
                limit + 1
            )),
            "{error}"
        );
    }
    assert!(
        fails(render(
            "apiVersion: v1\nkind: Service\nmetadata: {name: 1a}\n",
            &[]
        ))
        .contains("must start with a letter")
    );
    assert!(
        render(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: \"a:B\"}\n",
            &[]
        )
        .is_ok()
    );
}

#[test]
fn lists_are_taken_apart_and_twins_refused() {
    let item = "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n";
    let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    assert_eq!(render(&list(item), &[]).unwrap().objects.len(), 1);
    let error = fails(render(&list(&format!("{item}{item}")), &[]));
    assert_eq!(
        error,
        "a.yaml:5:3: duplicate ConfigMap \"a\", first defined at 4:3"
    );
}

#[test]
fn objects_of_other_places_are_refused() {
    let manifest: Manifest = manifest(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: \"${NAMESPACE}\"}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: other}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: c}\n",
    );
    let rendered = manifest
        .render(&values(&manifest, &[], &[], &[]).unwrap())
        .unwrap();
    let error = fails(manifest.check_namespace(&rendered, "labs"));
    assert_eq!(
        error,
        "2 problems\n  a.yaml:5:1: Pod \"b\" has namespace \"other\", but the session is in namespace \"labs\"\n  a.yaml:9:1: ClusterRole is cluster-scoped: a session can contain only objects of its namespace"
    );
}

#[test]
fn texts_beside_the_manifest_are_expanded_too() {
    let manifest =
        manifest("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: \"${P}\"}\n");
    let values = values(&manifest, &[], &[], &[]).unwrap();
    assert_eq!(
        values
            .expand_text("lab-${SESSION_ID}", true, &mut RenderBudget::default())
            .unwrap(),
        "lab-alice-001"
    );
    assert!(
        values
            .expand_text("lab-${USER_ID}", true, &mut RenderBudget::default())
            .unwrap()
            .starts_with("lab-alice-example-com-")
    );
    assert_eq!(
        values
            .expand_text("/${USER_ID}/${X:-y}", false, &mut RenderBudget::default())
            .unwrap(),
        "/alice@example.com/y"
    );
    assert_eq!(
        fails(values.expand_text("${X}", false, &mut RenderBudget::default())),
        "parameter X has no value"
    );
    assert_eq!(
        fails(values.expand_text("${P}", false, &mut RenderBudget::default())),
        "secret parameter P is used in \"${P}\""
    );
    assert!(
        fails(values.expand_text("${P", false, &mut RenderBudget::default()))
            .contains("unterminated")
    );
}

#[test]
fn the_application_is_empty_when_there_is_none() {
    let manifest = manifest(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"${APPLICATION:-gimp}\", b: \"x${APPLICATION}\"}\n",
    );
    let mut who = identity("a");
    let parameters = super::Parameters::merge(&[], &manifest).unwrap();
    let data = |who| {
        manifest
            .render(
                &parameters
                    .resolve(who, &super::ValueLayers::default())
                    .unwrap(),
            )
            .unwrap()
            .into_objects()[0]["data"]
            .clone()
    };
    assert_eq!(data(who.clone()), json!({"a": "gimp", "b": "x"}));
    who.application = Some("blender".parse().unwrap());
    assert_eq!(data(who), json!({"a": "blender", "b": "xblender"}));
}

#[test]
fn a_lone_quoted_placeholder_is_a_number_where_a_number_belongs() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: \"${HOST}\"\n  containers: [{name: c, ports: [{containerPort: \"${PORT}\", hostPort: '8080'}], args: [\"${PORT}\"], livenessProbe: {httpGet: {port: '${PROBE}'}}}]\n";
    let flags = [("PORT", "8080"), ("PROBE", "http"), ("HOST", "true")];
    let pod = render(text, &flags).unwrap().into_objects().remove(0);
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["ports"][0],
        json!({"containerPort": 8080, "hostPort": "8080"})
    );
    assert_eq!(container["args"], json!(["8080"]));
    assert_eq!(container["livenessProbe"]["httpGet"]["port"], "http");
    assert_eq!(pod["spec"]["hostNetwork"], true);
    // Only values that are written as numbers, and only where the field is known.
    for (text, value, expected) in [
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {priority: 1, port: \"${V}\"}\n",
            "0x50",
            json!("0x50"),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {port: \"${V}\"}\n",
            "yes",
            json!("yes"),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {port: \"x${V}\"}\n",
            "1",
            json!("x1"),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {port: !!str \"${V}\"}\n",
            "1",
            json!("1"),
        ),
        (
            "apiVersion: example.com/v1\nkind: Pod\nmetadata: {name: a}\nspec: {port: \"${V}\"}\n",
            "1",
            json!("1"),
        ),
    ] {
        let object = render(text, &[("V", value)])
            .unwrap()
            .into_objects()
            .remove(0);
        assert_eq!(object["spec"]["port"], expected, "{text}");
    }
}

#[test]
fn a_share_of_a_gpu_has_a_hint() {
    let hint_of = |resource: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec: {{containers: [{{resources: {{limits: {{{resource}: 500m}}}}}}]}}\n"
        );
        let error = render(&text, &[]).unwrap_err();
        let hinted = error.downcast_ref::<ErrorWithHint>();
        hinted.map(|hinted| hinted.hint.clone())
    };
    let hint = "request 1 of a GPU that the node shares by time-slicing, or a MIG resource";
    assert_eq!(hint_of("nvidia.com/gpu").as_deref(), Some(hint));
    assert_eq!(hint_of("example.com/foo"), None);
}
