//! Tests of parameter declarations and values.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::{Parameter, ParameterType, Parameters, Presets, ValueLayers};
use super::{fails, identity, manifest, map, values};
use crate::ParameterRules as _;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";

fn config(data: &str) -> super::Manifest {
    manifest(&format!("{CONFIG}{data}"))
}

fn parameter(name: &str, kind: ParameterType) -> Parameter {
    Parameter::new(name, kind)
}

#[test]
fn flags_beat_files_beat_the_session_beat_the_preset_beat_the_default() {
    let manifest = config("  a: ${A:-text}\n");
    let declared = Parameter {
        default: Some("default".into()),
        ..parameter("A", ParameterType::String)
    };
    let parameters = Parameters::merge(&[declared], &manifest).unwrap();
    let layers: Vec<BTreeMap<String, String>> = ["flag", "file", "session", "preset"]
        .iter()
        .map(|value| map(&[("A", value)]))
        .collect();
    let presets = Presets::from([("p".into(), layers[3].clone())]);
    let none = BTreeMap::new();
    for (from, wanted) in [
        (0, "flag"),
        (1, "file"),
        (2, "session"),
        (3, "preset"),
        (4, "default"),
    ] {
        let layer = |at: usize| if from <= at { &layers[at] } else { &none };
        let given = ValueLayers {
            flags: layer(0),
            files: layer(1),
            session: layer(2),
            preset: (from <= 3).then_some("p"),
            presets: &presets,
            ..ValueLayers::default()
        };
        let values = parameters.resolve(identity("a"), &given).unwrap();
        assert_eq!(
            manifest.render(&values).unwrap().into_objects()[0]["data"]["a"],
            wanted
        );
    }
    let undeclared = values(&manifest, &[], &[], &[]).unwrap();
    assert_eq!(
        manifest.render(&undeclared).unwrap().into_objects()[0]["data"]["a"],
        "text"
    );
}

#[test]
fn an_empty_value_takes_the_default_of_the_place() {
    let manifest = config("  a: ${A:-x}\n  b: ${B:-}\n");
    let values = values(&manifest, &[], &[("A", ""), ("B", "")], &[]).unwrap();
    assert_eq!(
        manifest.render(&values).unwrap().into_objects()[0]["data"],
        json!({"a": "x", "b": ""})
    );
    let required = config("  a: ${A}\n");
    assert_eq!(
        fails(super::values(&required, &[], &[("A", "")], &[])),
        "parameter A must not be empty"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let manifest = config("  a: ${A} ${B} ${SIZE} ${COUNT} ${FLAG} ${COLOUR} ${CODE} ${WAIT}\n");
    let declared = [
        parameter("SIZE", ParameterType::Quantity),
        Parameter {
            minimum: Some(1),
            maximum: Some(8),
            ..parameter("COUNT", ParameterType::Integer)
        },
        parameter("FLAG", ParameterType::Boolean),
        Parameter {
            options: vec!["red".into(), "blue".into()],
            ..parameter("COLOUR", ParameterType::String)
        },
        Parameter {
            pattern: Some("[a-z]+".into()),
            ..parameter("CODE", ParameterType::String)
        },
        parameter("WAIT", ParameterType::Duration),
    ];
    let flags = [
        ("SIZE", "4GB"),
        ("COUNT", "9"),
        ("FLAG", "yes"),
        ("COLOUR", "green"),
        ("CODE", "abc1"),
        ("WAIT", "1mo"),
        ("COLOR", "red"),
        ("SESSION_ID", "x"),
        ("UNLIKE", "x"),
    ];
    let error = fails(values(&manifest, &declared, &flags, &[]));
    for line in [
        "10 problems",
        "parameters A and B are required",
        "parameter SIZE: invalid quantity \"4GB\": use 4G or 4Gi",
        "parameter COUNT: 9 is greater than the maximum 8",
        "parameter FLAG: \"yes\" is not true or false",
        "parameter COLOUR: \"green\" is not one of red, blue",
        "parameter CODE: \"abc1\" does not match [a-z]+",
        "parameter WAIT: invalid duration \"1mo\": months and years have no fixed length; use days",
        "unknown parameter COLOR: did you mean COLOUR?",
        "parameter SESSION_ID cannot be set: the name is reserved",
        "unknown parameter UNLIKE (available: SIZE, COUNT, FLAG, COLOUR, CODE, WAIT, A and B)",
    ] {
        assert!(error.contains(line), "{line}\nis not in\n{error}");
    }
}

#[test]
fn an_integer_is_written_as_one() {
    let count = parameter("COUNT", ParameterType::Integer);
    for good in ["0", "7", "-7", "9223372036854775807"] {
        assert_eq!(count.check_value(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "07",
        "+7",
        "1.0",
        "1e3",
        "0x1",
        "-",
        "--1",
        " 1",
        "9223372036854775808",
        "-0",
    ] {
        assert!(count.check_value(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_pattern_cannot_be_slipped_through() {
    let with = |pattern: &str| Parameter {
        pattern: Some(pattern.into()),
        ..parameter("A", ParameterType::String)
    };
    for pattern in ["^[a-z]+$", "[a-z]+", "(?m)^[a-z]+$", "a|b"] {
        assert!(with(pattern).check_value("a").is_ok(), "{pattern}");
        for bad in ["a\n", "a b", "\na", "a\nevil", "a;b", "A"] {
            assert!(
                with(pattern).check_value(bad).is_err(),
                "{pattern} takes {bad:?}"
            );
        }
    }
    assert!(
        !with("a)|(.*").validate_declaration().is_empty()
            && !with("(").validate_declaration().is_empty()
            && !with(".{1,100}{1,100}{1,100}")
                .validate_declaration()
                .is_empty()
    );
    assert!(
        with("^[a-z]+$").is_restricted()
            && !with(".*").is_restricted()
            && !parameter("A", ParameterType::String).is_restricted()
    );
}

#[test]
fn declarations_are_checked() {
    for (declared, reason) in [
        (json!({"name": "A-B"}), "invalid parameter name \"A-B\""),
        (
            json!({"name": "USER_ID"}),
            "parameter USER_ID must not be declared: the name is reserved and always set",
        ),
        (
            json!({"name": "A", "type": "secret", "default": "x"}),
            "must not have a default, because everybody who can read the template could read it",
        ),
        (
            json!({"name": "A", "generate": {}}),
            "generate is allowed only for type secret",
        ),
        (
            json!({"name": "A", "type": "secret", "generate": {"length": 4}}),
            "generate.length must be between 8 and 256",
        ),
        (
            json!({"name": "A", "minimum": 1}),
            "allowed only for type integer",
        ),
        (
            json!({"name": "A", "type": "integer", "minimum": 2, "maximum": 1}),
            "minimum 2 is greater than maximum 1",
        ),
        (
            json!({"name": "A", "type": "quantity", "default": "4GB"}),
            "default of parameter A: invalid quantity",
        ),
    ] {
        let declared: Parameter = serde_json::from_value(declared).unwrap();
        let faults = declared.validate_declaration().join("\n");
        assert!(faults.contains(reason), "{reason}: {faults}");
    }
}

#[test]
fn declarations_are_held_against_the_manifest() {
    let base = || parameter("A", ParameterType::String);
    let manifest = config("  a: ${A}\n");
    assert!(
        fails(Parameters::merge(&[base(), base()], &manifest))
            .contains("parameter A is declared twice")
    );
    let error = fails(Parameters::merge(
        &[parameter("A", ParameterType::Integer)],
        &config("  a: ${A:-x}\n"),
    ));
    assert_eq!(
        error,
        "a.yaml:5:6: default of parameter A: \"x\" is not a whole number"
    );
}

#[test]
fn an_optional_parameter_may_be_absent() {
    let manifest = config("  a: x${A}\n");
    let optional = Parameter {
        required: Some(false),
        ..parameter("A", ParameterType::Integer)
    };
    let values = values(&manifest, &[optional], &[], &[]).unwrap();
    assert_eq!(
        manifest.render(&values).unwrap().into_objects()[0]["data"]["a"],
        "x"
    );
}

#[test]
fn an_unknown_preset_names_those_that_exist() {
    let parameters = Parameters::merge(&[], &config("  a: ${A:-x}\n")).unwrap();
    let presets = Presets::from([
        ("large".into(), BTreeMap::new()),
        ("small".into(), BTreeMap::new()),
    ]);
    let given = ValueLayers {
        preset: Some("huge"),
        presets: &presets,
        ..ValueLayers::default()
    };
    assert_eq!(
        fails(parameters.resolve(identity("a"), &given)),
        "unknown preset \"huge\" (available: large and small)"
    );
    let given = ValueLayers {
        preset: Some("huge"),
        ..ValueLayers::default()
    };
    assert_eq!(
        fails(parameters.resolve(identity("a"), &given)),
        "unknown preset \"huge\": the template has no presets"
    );
}

#[test]
fn the_api_form_is_what_the_template_has() {
    let written =
        json!({"name": "P", "type": "secret", "generate": {"length": 24}, "description": "x"});
    let read: Parameter = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), written);
    let least: Parameter = serde_json::from_value(json!({"name": "P"})).unwrap();
    assert_eq!(least, parameter("P", ParameterType::String));
    assert!(
        serde_json::to_value(schemars::schema_for!(Parameter)).unwrap()["properties"]["type"]
            .is_object()
    );
}
