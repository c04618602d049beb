//! Tests of the conversion of sindri.yaml: every rule of requirements.md §8, and the objects in `fields/sindri-config.txt`.
//!
//! Long because each refusal and each warning of the format is a row.

use anyhow::Result;
use serde_json::Value;

use super::super::{
    Conversion, InputForm, Manifest, Parameters, SecretOrigin, Source, ValueLayers,
};
use super::fields::{check_table, read_table};
use session_model::failure::ErrorWithHint;

const BASIC: &str = include_str!("../../../../tests/fixtures/sindri-basic.yaml");
const ADVANCED: &str = include_str!("../../../../docs/examples/sindri.yaml");
const EVERYTHING: &str = include_str!("../../../../tests/fixtures/sindri-everything.yaml");

/// Converts a text. Every secret but ABSENT has a value.
fn convert(text: &str) -> Result<Conversion> {
    let source = Source::new("sindri.yaml", text)?;
    let mut read_secret =
        |name: &str, _: &SecretOrigin| Ok((name != "ABSENT").then(|| format!("value of {name}")));
    let converted = InputForm::recognize(&source)
        .unwrap()
        .convert(&source, &mut read_secret)?;
    Ok(converted.unwrap())
}

/// Returns the text of an error with its hint.
fn refused(text: &str) -> String {
    let error = convert(text).unwrap_err();
    let hint = error.downcast_ref::<ErrorWithHint>();
    let hint = hint.map(|hinted| format!("\nhint: {}", hinted.hint));
    format!("{error}{}", hint.unwrap_or_default())
}

/// Returns the warnings with their hints.
fn warnings(text: &str) -> Vec<String> {
    let converted = convert(text).unwrap();
    let texts = converted.warnings.iter().map(|warning| {
        let hint = warning.hint.as_ref().map(|hint| format!("; {hint}"));
        format!("{warning}{}", hint.unwrap_or_default())
    });
    texts.collect()
}

fn objects(text: &str) -> Vec<Value> {
    let converted = convert(text).unwrap();
    let texts = converted.objects.iter().map(Value::to_string);
    let manifest = texts.collect::<Vec<_>>().join("\n---\n");
    let manifest = Manifest::parse(&Source::new("m", manifest).unwrap()).unwrap();
    let given = ValueLayers {
        files: &converted.secrets,
        ..ValueLayers::default()
    };
    let mut identity = super::identity("a");
    identity.session = converted.name.unwrap().parse().unwrap();
    let values = Parameters::merge(&[], &manifest)
        .unwrap()
        .resolve(identity, &given);
    manifest.render(&values.unwrap()).unwrap().into_objects()
}

#[test]
fn a_configuration_renders_the_fields_of_its_table() {
    let table = read_table("sindri-config").unwrap();
    let wrong = check_table("sindri-config", &table, &|flags| {
        objects(match flags {
            "basic" => BASIC,
            "everything" => EVERYTHING,
            _ => ADVANCED,
        })
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn name_namespace_context_and_quota_are_the_files() {
    let converted = convert(EVERYTHING).unwrap();
    assert_eq!(converted.name.as_deref(), Some("sindri-all"));
    assert_eq!(converted.namespace.as_deref(), Some("dev-all"));
    assert_eq!(converted.context.as_deref(), Some("kind-dev"));
    let quota: Vec<String> = converted
        .quota
        .iter()
        .map(|(key, amount)| format!("{key}={amount}"))
        .collect();
    assert_eq!(
        quota.join(","),
        "limits.cpu=8,limits.memory=16Gi,persistentvolumeclaims=5,requests.cpu=4,requests.memory=8Gi,requests.storage=100Gi"
    );
    let defaults = converted.container_defaults.iter();
    let defaults: Vec<String> = defaults
        .map(|(key, amount)| format!("{key}={amount}"))
        .collect();
    assert_eq!(
        defaults.join(","),
        "default.cpu=2,default.memory=4Gi,defaultRequest.cpu=1,defaultRequest.memory=2Gi"
    );
    assert_eq!(
        converted.secrets.keys().collect::<Vec<_>>(),
        ["GITHUB_TOKEN", "SECRET_IMAGE", "TLS_KEY"]
    );
}

#[test]
fn a_file_is_recognized_by_its_keys() {
    for (text, form) in [
        (ADVANCED, Some(InputForm::Sindri)),
        (
            "name: a\nproviders: {kubernetes: {}}\n",
            Some(InputForm::Sindri),
        ),
        (
            "apiVersion: v1\nkind: Pod\nproviders: {}\n",
            Some(InputForm::Objects),
        ),
        ("name: a\n", Some(InputForm::Objects)),
        ("- a\n", None),
        ("", None),
        ("{{ x }}", None),
        ("a = 1\n", Some(InputForm::Toml)),
        ("title = \"a: b\"\n[x]\n", Some(InputForm::Toml)),
        (
            "[kubernetes]\nenabled = true\n",
            Some(InputForm::NvimConfig),
        ),
        ("a = \n", None),
    ] {
        assert_eq!(
            InputForm::recognize(&Source::new("a", text).unwrap()),
            form,
            "{text}"
        );
    }
}

/// A file without warnings, whose parts a test replaces.
const PLAIN: &str = "version: \"1.0\"
name: dev
deployment:
  provider: kubernetes
extensions:
  profile: minimal
providers:
  kubernetes:
    namespace: q
";

#[test]
fn every_refusal_has_a_place_and_a_way_out() {
    assert_eq!(warnings(PLAIN), Vec::<String>::new());
    let provider = |name: &str| PLAIN.replace("provider: kubernetes", &format!("provider: {name}"));
    let kubernetes = |keys: &str| PLAIN.replace("namespace: q", keys);
    let deployment = |keys: &str| {
        PLAIN.replace(
            "provider: kubernetes",
            &format!("provider: kubernetes\n  {keys}"),
        )
    };
    let root = |keys: &str| format!("{PLAIN}{keys}\n");
    for (text, error) in [
        (
            provider("fly"),
            "sindri.yaml:4:13: provider \"fly\" does not run on Kubernetes\nhint: set deployment.provider: kubernetes",
        ),
        (
            provider("docker"),
            "sindri.yaml:4:13: provider \"docker\" does not run on Kubernetes\nhint: set deployment.provider: kubernetes",
        ),
        (
            provider("northflank"),
            "sindri.yaml:4:13: provider \"northflank\" does not run on Kubernetes\nhint: set deployment.provider: kubernetes",
        ),
        (
            provider("devpod"),
            "sindri.yaml:4:13: provider \"devpod\" does not run on Kubernetes\nhint: set deployment.provider: kubernetes, and move providers.devpod.kubernetes to providers.kubernetes",
        ),
        (
            provider("kind"),
            "sindri.yaml:4:13: provider \"kind\" does not run on Kubernetes\nhint: set deployment.provider: kubernetes, and choose the cluster with --context kind-NAME",
        ),
        (
            PLAIN.replace("name: dev\n", ""),
            "sindri.yaml:1:1: no name\nhint: add name: sindri-dev",
        ),
        (
            PLAIN.replace("name: dev", "name: Dev"),
            "sindri.yaml:2:7: invalid name \"Dev\": only lower-case letters, digits and \"-\" are allowed",
        ),
        (
            PLAIN.replace("name: dev", "name: 1dev"),
            "sindri.yaml:2:7: invalid name \"1dev\": must begin with a letter",
        ),
        (
            PLAIN.replace("name: dev", &format!("name: {}", "a".repeat(53))),
            "must have at most 52 characters, as it is the name of a StatefulSet",
        ),
        (
            PLAIN.replace("\"1.0\"", "v1"),
            "sindri.yaml:1:10: invalid version \"v1\": must be two numbers\nhint: use version: \"1.0\"",
        ),
        (
            PLAIN
                .replace("  provider: kubernetes\n", "  image: a\n")
                .replace("providers:\n  kubernetes:\n    namespace: q\n", ""),
            "sindri.yaml:4:3: no deployment.provider\nhint: add provider: kubernetes under deployment",
        ),
        (
            deployment("resources: {memory: 4}"),
            "sindri.yaml:5:23: invalid memory \"4\": must be a number with a unit: 4GB, 512MB or 4Gi",
        ),
        (
            deployment("resources: {cpus: 0}"),
            "invalid cpus \"0\": must be a number of CPUs, at least 1, or a quantity such as 1500m",
        ),
        (
            deployment("resources: {gpu: {enabled: true, count: 0.5}}"),
            "invalid count \"0.5\": must be a whole number from 1 to 8",
        ),
        (
            deployment("resources: {gpu: {enabled: true, type: intel}}"),
            "invalid type \"intel\": must be one of nvidia, amd",
        ),
        (
            deployment("resources: []"),
            "sindri.yaml:5:14: resources must be a mapping",
        ),
        (
            deployment("volumes: {workspace: {path: work}}"),
            "invalid path \"work\": must be an absolute path",
        ),
        (
            deployment("image: \"a b}\""),
            "invalid image \"a b}\": must be the name of an image",
        ),
        (
            kubernetes("serviceType: ExternalName"),
            "sindri.yaml:9:18: invalid serviceType \"ExternalName\": must be one of ClusterIP, NodePort, LoadBalancer",
        ),
        (kubernetes("namespace: Q"), "invalid namespace \"Q\""),
        (
            kubernetes("ingressEnabled: true"),
            "the Ingress has no host\nhint: add ingressHost: HOST",
        ),
        (
            kubernetes("ingressHost: a\n    ingress: {enabled: true, hostname: b}"),
            "sindri.yaml:10:40: ingressHost and ingress.hostname differ\nhint: remove one of them",
        ),
        (
            kubernetes("ingressEnabled: \"maybe\""),
            "ingressEnabled must be true or false",
        ),
        (
            kubernetes("metricsPort: 70000"),
            "invalid metricsPort \"70000\": must be a whole number from 1 to 65535",
        ),
        (
            kubernetes("tolerations: {key: a}"),
            "tolerations must be a list",
        ),
        (
            kubernetes("resourceQuota: {cpu: much}"),
            "invalid cpu \"much\"",
        ),
        (
            kubernetes("secretName: dev-secrets\nsecrets: [{name: A, source: env}]"),
            "secretName \"dev-secrets\" is the name of the Secret that secrets makes",
        ),
        (
            PLAIN.replace("profile: minimal", "profile: minimal\n  active: [a]"),
            "extensions.profile and extensions.active cannot be used together",
        ),
        (
            root("secrets: [{name: ABSENT, source: env, required: true}]"),
            "sindri.yaml:10:11: secret ABSENT is required, but the environment variable is not set\nhint: pass the value in a file: --set-file ABSENT=FILENAME",
        ),
        (
            root("secrets: [{name: ABSENT, source: file, path: key.pem, required: true}]"),
            "secret ABSENT is required, but there is no file \"key.pem\", or it is empty",
        ),
        (
            root("secrets: [{name: a-b, source: env}]"),
            "invalid name \"a-b\": must be upper-case letters, digits and \"_\", a letter first",
        ),
        (
            root("secrets: [{name: A, source: s3}]"),
            "invalid source \"s3\": must be env, file or vault",
        ),
        (
            root("secrets: [{name: A, source: file}]"),
            "secret without path",
        ),
        (
            root("secrets: [{name: A, source: vault, vaultPath: a}]"),
            "secret without vaultKey",
        ),
        (
            root("secrets: [{name: A, source: env, permissions: \"9\"}]"),
            "invalid permissions \"9\": must be an octal mode such as 0644",
        ),
        (
            root("secrets: [{name: A, source: env}, {name: A, source: env}]"),
            "duplicate secret A",
        ),
        (root("name: dev"), "duplicate key \"name\""),
        (
            root("---\na: b"),
            "a Sindri configuration must be the only document of its file",
        ),
    ] {
        let found = refused(&text);
        assert!(found.contains(error), "{error}\n{found}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = PLAIN
        .replace("dev", "Dev")
        .replace("kubernetes\ne", "fly\ne");
    assert!(
        refused(&text).starts_with("2 problems\n  sindri.yaml:2:7: "),
        "{}",
        refused(&text)
    );
}

#[test]
fn what_is_ignored_or_differs_is_warned_of() {
    for (from, to, warning) in [
        (
            "\"1.0\"",
            "1.0",
            "sindri.yaml:1:10: version 1.0 is a floating-point number; quote it: version: \"1.0\"",
        ),
        (
            "version: \"1.0\"\n",
            "",
            "sindri.yaml:1:1: no version: read as 1.0; add version: \"1.0\"",
        ),
        (
            "deployment:\n  provider: kubernetes\n",
            "",
            "no deployment: Sindri's defaults of 2GB, 1 CPU and 10GB apply",
        ),
        (
            "  provider: kubernetes\n",
            "  image: a\n",
            "no deployment.provider: read as kubernetes, as providers.kubernetes is there",
        ),
        (
            "extensions:\n  profile: minimal\n",
            "",
            "no extensions: none is installed",
        ),
        (
            "namespace: q",
            "storageclass: fast",
            "sindri.yaml:9:5: unknown key \"storageclass\" of kubernetes is ignored; did you mean \"storageClass\"?",
        ),
        (
            "name: dev",
            "name: dev\nzzz: 1",
            "sindri.yaml:3:1: unknown key \"zzz\" is ignored",
        ),
        (
            "namespace: q",
            "metricsPort: 9090",
            "metricsPort has no effect without prometheusEnabled: true",
        ),
        (
            "namespace: q",
            "ingressHost: a",
            "ingressHost has no effect without ingressEnabled: true",
        ),
        (
            "namespace: q",
            "ingressEnabled: true\n    ingressHost: a",
            "the Ingress leads to port 2222, which speaks SSH: an Ingress carries HTTP only; reach SSH with",
        ),
        (
            "name: dev",
            "name: dev\nsecrets: [{name: ABSENT, source: env}]",
            "secret ABSENT is left out: the environment variable is not set",
        ),
        (
            "name: dev",
            "name: dev\nsecrets: [{name: A, source: vault, vaultPath: p, vaultKey: k, vaultMount: m}]",
            "vaultMount is ignored: the secret store names the mount",
        ),
    ] {
        assert!(PLAIN.contains(from), "{from}");
        let found = warnings(&PLAIN.replacen(from, to, 1));
        assert!(
            found.iter().any(|one| one.contains(warning)),
            "{warning}\n{found:?}"
        );
    }
}

#[test]
fn flat_and_nested_ingress_may_both_stand() {
    let keys = "ingressEnabled: true\n    ingressHost: a.b\n    ingress: {enabled: true, hostname: a.b, port: 80}";
    let text = PLAIN.replace("namespace: q", keys);
    assert_eq!(warnings(&text), Vec::<String>::new());
    let ingress = objects(&text)
        .into_iter()
        .find(|object| object["kind"] == "Ingress");
    assert_eq!(ingress.unwrap()["spec"]["rules"][0]["host"], "a.b");
}

#[test]
fn a_tenants_file_needs_no_deployment() {
    let text = include_str!("../../../../tests/fixtures/sindri-tenant.yaml");
    let converted = convert(text).unwrap();
    assert_eq!(converted.namespace.as_deref(), Some("dev-alice"));
    assert_eq!(converted.quota["limits.cpu"], "8");
    let limits =
        &objects(text)[1]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["memory"], "2Gi");
}

#[test]
fn a_file_without_any_value_is_an_error_not_a_panic() {
    for text in [
        "deployment:\n",
        "providers: 1\n",
        "deployment: {resources: {gpu: 1}}\n",
        "extensions: {active: a}\n",
    ] {
        assert!(refused(text).contains("problem"), "{text}");
    }
}
