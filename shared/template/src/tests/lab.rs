//! Tests of the built-in template `lab`, beside the table of its fields.

use serde_json::Value;

use super::super::{Manifest, Parameters, ValueLayers};
use super::builtin::{ROOTFS, file, rendered};
use super::{identity, map};
use session_model::quantity::Quantity;

fn sum(pod: &Value, section: &str, name: &str) -> String {
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let amounts = containers.iter().map(|container| {
        let amount = &container["resources"][section][name];
        serde_json::from_value::<Quantity>(amount.clone()).unwrap()
    });
    amounts
        .fold(Quantity::ZERO, |sum, amount| sum.add(&amount))
        .to_string()
}

#[test]
fn the_labs_password_and_sums_are_dozlabs() {
    let objects = rendered("lab", &[ROOTFS]);
    let password = objects[0]["stringData"]["vscode-password"].as_str();
    assert_eq!(password.unwrap().len(), 32);
    let pod = &objects[1];
    assert_eq!(
        (sum(pod, "requests", "cpu"), sum(pod, "requests", "memory")),
        ("850m".into(), "1664Mi".into())
    );
    assert_eq!(
        (sum(pod, "limits", "cpu"), sum(pod, "limits", "memory")),
        ("2250m".into(), "3328Mi".into())
    );
}

#[test]
fn the_lab_needs_one_value() {
    let file = file("lab");
    let parameters =
        Parameters::merge(&file.parameters, &Manifest::parse(&file.manifest).unwrap()).unwrap();
    let required: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .filter(|name| parameters.is_required(name))
        .collect();
    assert_eq!(required, ["ROOTFS_IMAGE_URL"]);
}

#[test]
fn a_labs_name_leaves_room_for_its_service() {
    let file = file("lab");
    let manifest = Manifest::parse(&file.manifest).unwrap();
    let parameters = Parameters::merge(&file.parameters, &manifest).unwrap();
    let flags = map(&[ROOTFS]);
    let given = ValueLayers {
        flags: &flags,
        ..ValueLayers::default()
    };
    let mut values = parameters
        .resolve(identity(&"a".repeat(52)), &given)
        .unwrap();
    values.generate_missing_secrets().unwrap();
    assert_eq!(manifest.session_name_limit(&values), 51);
    let error = manifest.render(&values).unwrap_err().to_string();
    assert!(
        error.contains(
            "must have at most 63 characters, but has 64; the session's name must have at most 51 characters"
        ),
        "{error}"
    );
    assert!(error.starts_with("lab.yaml:"), "{error}");
}
