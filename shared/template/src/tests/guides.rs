//! Tests with unchanged manifests of real users.

use serde_json::json;

use super::super::{Manifest, Parameters, Source, parse_plain_objects};
use super::{fails, identity, values};

fn fixture(name: &str, text: &str) -> Manifest {
    Manifest::parse(&Source::new(name, text).unwrap()).unwrap()
}

fn dozlab() -> Manifest {
    fixture(
        "lab-pod-with-sidecar.yaml",
        include_str!("../../../../tests/fixtures/dozlab-lab-pod.yaml"),
    )
}

#[test]
fn dozlabs_manifest_is_read_as_it_is() {
    let manifest = dozlab();
    let kinds: Vec<&str> = manifest.kinds().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["Pod", "Service", "Secret"]);
    let placeholders = manifest.placeholders();
    let names: Vec<&str> = placeholders
        .iter()
        .map(|placeholder| placeholder.name.as_str())
        .collect();
    assert!(
        !names.contains(&"VARIABLES") && !names.contains(&"NAME"),
        "comments are no places: {names:?}"
    );
    assert_eq!(names.len(), 15);
    let password = placeholders
        .iter()
        .find(|placeholder| placeholder.name == "VSCODE_PASSWORD")
        .unwrap();
    assert!(password.is_only_in_secrets());
    assert_eq!(
        (password.uses[0].pointer.as_str(), password.uses[0].document),
        ("/stringData/vscode-password", 2)
    );
    assert_eq!(password.uses[0].location.to_string(), "122:20");
    let image = placeholders
        .iter()
        .find(|placeholder| placeholder.name == "TERMINAL_IMAGE")
        .unwrap();
    assert_eq!(image.default(), Some("dozman99/dozlab-terminal:latest"));
}

#[test]
fn dozlabs_values_arrive_where_they_belong() {
    let manifest = dozlab();
    let values = values(
        &manifest,
        &[],
        &[("ROOTFS_IMAGE_URL", "https://a.b/c.ext4"), ("VM_CPU", "2")],
        &[],
    )
    .unwrap();
    let objects = manifest.render(&values).unwrap().into_objects();
    let (pod, secret) = (&objects[0], &objects[2]);
    assert_eq!(pod["metadata"]["name"], "lab-session-alice-001");
    assert!(
        pod["metadata"]["labels"]["user-id"]
            .as_str()
            .unwrap()
            .starts_with("alice-example.com-")
    );
    let vm = &pod["spec"]["containers"][0];
    assert_eq!(
        vm["env"],
        json!([{"name": "VM_CPU", "value": "2"}, {"name": "VM_MEMORY", "value": "1024"}])
    );
    assert_eq!(
        vm["resources"]["limits"],
        json!({"memory": "2Gi", "cpu": "1500m"})
    );
    assert_eq!(
        pod["spec"]["initContainers"][1]["command"][2],
        "echo \"POD_IP=$POD_IP on $(hostname -i), pid $$\" > /shared/network"
    );
    let password = secret["stringData"]["vscode-password"].as_str().unwrap();
    assert_eq!(password.len(), 32);
    assert!(!format!("{values:?}").contains(password));
}

#[test]
fn what_is_missing_is_said_at_once() {
    let manifest = dozlab();
    let error = fails(values(&manifest, &[], &[("DISK_SZE", "5G")], &[]));
    assert!(
        error.contains("parameter ROOTFS_IMAGE_URL is required"),
        "{error}"
    );
    assert!(
        error.contains("unknown parameter DISK_SZE: did you mean DISK_SIZE?"),
        "{error}"
    );
}

#[test]
fn nvims_manifest_with_a_claim_is_read() {
    let manifest = fixture(
        "nvim.yaml",
        include_str!("../../../../tests/fixtures/nvim-web-pod.yaml"),
    );
    let objects = manifest
        .render(&values(&manifest, &[], &[("GRACE", "45")], &[]).unwrap())
        .unwrap()
        .into_objects();
    assert_eq!(objects[0]["metadata"]["name"], "session-alice-001-pvc");
    assert_eq!(
        objects[0]["spec"]["resources"]["requests"]["storage"],
        "1Gi"
    );
    assert_eq!(objects[1]["spec"]["terminationGracePeriodSeconds"], 45);
    assert_eq!(
        objects[1]["spec"]["containers"][0]["ports"][0]["containerPort"],
        9001
    );
    assert_eq!(
        objects[1]["metadata"]["annotations"]["nvim-web/session-id"],
        "alice-001"
    );
}

#[test]
fn session_objects_are_no_templates() {
    let source = Source::new(
        "s.yaml",
        include_str!("../../../../tests/fixtures/gimp-sessions.yaml"),
    )
    .unwrap();
    let objects = parse_plain_objects(&source).unwrap();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0].1["spec"]["timeout"], 3600);
    assert_eq!(objects[1].1["spec"]["resources"]["gpu"], "0.25");
    assert_eq!(objects[1].0.to_string(), "18:1");
}

#[test]
fn a_name_that_looks_like_a_number_stays_a_name() {
    let manifest = dozlab();
    let given = super::map(&[("ROOTFS_IMAGE_URL", "https://a.b/c")]);
    let given = super::ValueLayers {
        flags: &given,
        ..super::ValueLayers::default()
    };
    for name in ["001", "1e3", "true", "null"] {
        let mut values = Parameters::merge(&[], &manifest)
            .unwrap()
            .resolve(identity(name), &given)
            .unwrap();
        values.generate_missing_secrets().unwrap();
        let objects = manifest.render(&values).unwrap().into_objects();
        assert_eq!(objects[0]["metadata"]["labels"]["session-id"], name);
        assert_eq!(objects[1]["spec"]["selector"]["session-id"], name);
    }
}
