//! `-f sindri.yaml`: Sindri's configuration becomes a session.

use kubectl_session_create::Create;
use serde_json::{Value, json};
use session_shared::template::{Source, parse_plain_objects};
use session_support::{FakeApi, golden};

use crate::play::{Play, Played};
use crate::tool::{made, posts};

const ADVANCED: &str = include_str!("../../../docs/examples/sindri.yaml");
const TENANT: &str = include_str!("../../fixtures/sindri-tenant.yaml");
/// The manifests that Sindri's document shows for ADVANCED.
const GENERATED: &str = include_str!("../../fixtures/sindri-generated.yaml");

fn from(api: &FakeApi, input: &str, words: &str) -> Played {
    let words = format!("-f - --wait=false {words}");
    Play::on(api).piped(input).run::<Create>(&words)
}

/// Lists the fields of `expected` that `found` does not have. Numbers and their texts are equal, as in quantities.
fn missing(path: &str, expected: &Value, found: &Value) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match (expected, found) {
        (Value::Object(fields), _) => {
            let inner = fields.iter();
            inner
                .flat_map(|(key, value)| missing(&format!("{path}.{key}"), value, &found[key]))
                .collect()
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let inner = items.iter().zip(others).enumerate();
            inner
                .flat_map(|(at, (item, other))| missing(&format!("{path}[{at}]"), item, other))
                .collect()
        }
        _ if text(expected) == text(found) => Vec::new(),
        _ => vec![format!("{path}: {expected} expected, {found} found")],
    }
}

#[test]
fn a_rendering_has_every_field_that_sindri_generates() {
    let played = from(
        &FakeApi::stateful(),
        ADVANCED,
        "--dry-run=client --rendered -o json",
    );
    golden("create-sindri.err", &played.err);
    let printed: Value = serde_json::from_str(played.done()).unwrap();
    let printed = printed["items"].as_array().unwrap();
    let generated = parse_plain_objects(&Source::new("generated", GENERATED).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (_, mut expected) in generated {
        if expected["kind"] == "Ingress" {
            // Decision 16: no controller knows this protocol.
            expected["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("annotations");
        }
        let kind = expected["kind"].as_str().unwrap().to_owned();
        let found = printed
            .iter()
            .find(|object| object["kind"] == kind.as_str())
            .unwrap();
        wrong.extend(missing(&kind, &expected, found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(printed.len(), 4, "and the ConfigMap");
}

#[test]
fn a_configuration_creates_its_session_in_its_namespace() {
    let api = FakeApi::stateful();
    let played = from(&api, ADVANCED, "--skip-checks");
    assert_eq!(
        played.done(),
        "session.streaming.platform/sindri-k8s created\n"
    );
    assert_eq!(
        made(&api),
        [
            "sessions.streaming.platform/sindri-k8s",
            "configmaps/sindri-k8s-config",
            "services/sindri-k8s",
            "ingresses.networking.k8s.io/sindri-k8s",
            "statefulsets.apps/sindri-k8s",
        ]
    );
    assert!(
        posts(&api)
            .iter()
            .all(|post| post.path.contains("/namespaces/dev-environments/"))
    );
    let session = posts(&api)[0].json();
    let manifest = session["spec"]["manifest"].as_str().unwrap();
    assert!(manifest.contains("${MEMORY_LIMIT:-4Gi}"), "{manifest}");
}

#[test]
fn flags_go_before_what_the_configuration_says() {
    let api = FakeApi::stateful();
    let words = "--skip-checks -n default --context prod --set MEMORY_LIMIT=8Gi --storage 50Gi";
    let with_context = ADVANCED.replace(
        "  kubernetes:\n    namespace",
        "  kubernetes:\n    context: kind-dev\n    namespace",
    );
    let played = from(&api, &with_context, words);
    played.done();
    for note in [
        "note: namespace \"default\" of the command line is used, not \"dev-environments\" of standard input\n",
        "note: context \"prod\" of the command line is used, not \"kind-dev\" of standard input\n",
    ] {
        assert!(played.err.contains(note), "{}", played.err);
    }
    let set = api
        .object("statefulsets.apps", "default", "sindri-k8s")
        .unwrap();
    let spec = &set["spec"];
    assert_eq!(
        spec["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"],
        "8Gi"
    );
    assert_eq!(
        spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"],
        "50Gi"
    );
    let other = from(&FakeApi::stateful(), ADVANCED, "bob");
    assert!(
        other.failed().contains("does not match the name \"bob\""),
        "{other:?}"
    );
}

/// PATH is a variable that every test has.
const SECRETS: &str = "secrets:\n- {name: PATH, source: env, required: true}\n- {name: TOKEN_OF_NOBODY, source: env}\n";

#[test]
fn secrets_reach_the_container_and_nothing_else() {
    let api = FakeApi::stateful();
    let input = format!("{ADVANCED}{SECRETS}");
    let played = from(&api, &input, "--skip-checks");
    played.done();
    let value = std::env::var("PATH").unwrap();
    let (session, secret) = (posts(&api)[0].json(), posts(&api)[1].json());
    assert_eq!(secret["metadata"]["name"], "session-sindri-k8s-parameters");
    assert!(secret.to_string().contains("PATH"), "{secret}");
    assert!(!session.to_string().contains(&value), "{session}");
    assert!(!played.text().contains(&value), "{played:?}");
    assert!(
        played.err.contains(", with your values of PATH\n"),
        "{}",
        played.err
    );
    let left_out = "secret TOKEN_OF_NOBODY is left out: the environment variable is not set";
    assert!(played.err.contains(left_out), "{}", played.err);
    assert!(
        api.object("secrets", "dev-environments", "sindri-k8s-secrets")
            .is_some()
    );
    let required = input.replace(
        "TOKEN_OF_NOBODY, source: env",
        "TOKEN_OF_NOBODY, source: env, required: true",
    );
    let refused = from(&FakeApi::stateful(), &required, "");
    assert!(
        refused
            .failed()
            .contains("secret TOKEN_OF_NOBODY is required"),
        "{refused:?}"
    );
}

#[test]
fn secrets_are_printed_only_if_asked_for() {
    let input = format!("{ADVANCED}{SECRETS}");
    let words = "--dry-run=client --rendered -o yaml";
    let value = std::env::var("PATH").unwrap();
    let without = from(&FakeApi::stateful(), &input, words);
    assert!(!without.done().contains(&value), "{}", without.out);
    assert!(
        without
            .err
            .contains("omitted: secret \"sindri-k8s-secrets\""),
        "{}",
        without.err
    );
    let with = from(
        &FakeApi::stateful(),
        &input,
        &format!("{words} --with-secrets"),
    );
    assert!(with.done().contains(&value), "{}", with.out);
    assert!(!with.err.contains("omitted"), "{}", with.err);
    let alone = from(&FakeApi::stateful(), &input, "--with-secrets");
    assert!(
        alone
            .failed()
            .contains("--with-secrets requires --rendered"),
        "{alone:?}"
    );
}

#[test]
fn a_quota_that_the_namespace_lacks_is_named() {
    let hint = "kubectl session quota set --hard \
        limits.cpu=8,limits.memory=16Gi,persistentvolumeclaims=5,requests.cpu=4,requests.memory=8Gi,requests.storage=100Gi -n dev-alice";
    let played = from(&FakeApi::stateful(), TENANT, "");
    played.done();
    assert!(
        played
            .err
            .contains("namespace \"dev-alice\" has no ResourceQuota"),
        "{}",
        played.err
    );
    assert!(played.err.contains(hint), "{}", played.err);
    let api = FakeApi::stateful();
    let hard = json!({"limits.cpu": "8", "limits.memory": "16Gi", "persistentvolumeclaims": "5",
        "requests.cpu": "4", "requests.memory": "8Gi", "requests.storage": "100Gi"});
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "dev-alice"},
        "spec": {"hard": hard}, "status": {"hard": hard}}));
    let played = from(&api, TENANT, "");
    played.done();
    assert!(!played.err.contains("ResourceQuota"), "{}", played.err);
}

#[test]
fn a_provider_without_kubernetes_is_refused_with_the_change() {
    let api = FakeApi::stateful();
    let played = from(
        &api,
        &ADVANCED.replace("provider: kubernetes", "provider: fly"),
        "",
    );
    golden("create-sindri-provider.txt", &played.text());
    assert!(api.requests().is_empty());
}
