//! Tests of secret parameters: allowed positions, and that they are never printed.

use super::super::{Parameter, ParameterType, Parameters, ValueLayers};
use super::{fails, identity, manifest, map, values};

/// A Secret with two parameters.
const TWO: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: \"${P}\", q: \"${Q}\"}\n";

fn parameter(name: &str, kind: ParameterType) -> Parameter {
    Parameter::new(name, kind)
}

#[test]
fn a_secret_stays_in_secrets() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: \"${P}\"}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - env:\n    - {name: P, value: \"${P}\"}\n";
    let manifest = manifest(text);
    let error = fails(Parameters::merge(
        &[parameter("P", ParameterType::Secret)],
        &manifest,
    ));
    assert_eq!(
        error,
        "a.yaml:12:25: secret parameter P is used in /spec/containers/0/env/0/value of a Pod: secrets are allowed only in data and stringData of a Secret"
    );
    // Undeclared, P is a string parameter, which is allowed here.
    assert_eq!(
        Parameters::merge(&[], &manifest)
            .unwrap()
            .get("P")
            .unwrap()
            .kind,
        ParameterType::String
    );
    let named = super::manifest(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: \"a-${P}\"}\nstringData: {p: \"${P}\"}\n",
    );
    assert_eq!(
        Parameters::merge(&[], &named)
            .unwrap()
            .get("P")
            .unwrap()
            .kind,
        ParameterType::String
    );
}

#[test]
fn a_password_in_plain_sight_is_a_warning() {
    let manifest = manifest(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - env:\n    - {name: P, value: \"${DB_PASSWORD}\"}\n    - {name: Q, value: \"${DB_NAME}\"}\n",
    );
    let warnings = Parameters::merge(&[], &manifest)
        .unwrap()
        .find_visible_passwords();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].to_string(),
        "a.yaml:7:25: DB_PASSWORD is in plain text in /spec/containers/0/env/0/value of a Pod"
    );
}

#[test]
fn secrets_are_generated_given_or_kept_but_never_arguments() {
    let manifest = manifest(TWO);
    let required = Parameter {
        required: Some(true),
        ..parameter("Q", ParameterType::Secret)
    };
    let parameters = Parameters::merge(std::slice::from_ref(&required), &manifest).unwrap();
    let (hidden, stored) = (
        map(&[("Q", "hunter2")]),
        map(&[("P", "kept"), ("Q", "old")]),
    );
    assert_eq!(
        fails(parameters.resolve(identity("a"), &ValueLayers::default())),
        "parameter Q is required"
    );
    let (mut flags, mut session) = (ValueLayers::default(), ValueLayers::default());
    (flags.flags, session.session) = (&hidden, &hidden);
    for (given, place) in [(flags, "--set"), (session, "spec.parameters")] {
        let error = fails(parameters.resolve(identity("a"), &given));
        assert_eq!(
            error,
            format!("secret parameter Q must not be set in {place}")
        );
    }
    let given = ValueLayers {
        files: &hidden,
        stored: &stored,
        ..ValueLayers::default()
    };
    let values = parameters.resolve(identity("a"), &given).unwrap();
    assert_eq!(
        (
            values.get("P"),
            values.get("Q"),
            values.missing_secrets().count()
        ),
        (Some("kept"), Some("hunter2"), 0)
    );
}

#[test]
fn a_secret_that_nobody_gave_is_generated_and_shown_nowhere() {
    let manifest = manifest(TWO);
    let parameters = Parameters::merge(&[], &manifest).unwrap();
    let hidden = map(&[("Q", "hunter2")]);
    let given = ValueLayers {
        files: &hidden,
        ..ValueLayers::default()
    };
    let mut values = parameters.resolve(identity("a"), &given).unwrap();
    assert_eq!(values.missing_secrets().collect::<Vec<_>>(), ["P"]);
    assert_eq!(
        fails(manifest.render(&values)),
        "a.yaml:4:18: parameter P has no value"
    );
    let public = manifest.render_public(&values).unwrap();
    assert!(public.objects.is_empty());
    assert_eq!(
        (
            public.omitted_secrets[0].name.as_str(),
            &public.omitted_secrets[0].parameters
        ),
        ("a", &vec!["P".to_owned(), "Q".to_owned()])
    );
    values.generate_missing_secrets().unwrap();
    let first = values.get("P").unwrap();
    assert!(
        first.len() == 32
            && first
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        "{first}"
    );
    assert_eq!(values.secret_values().len(), 2);
    assert!(!format!("{values:?}").contains("hunter2"));
}

#[test]
fn a_secret_that_does_not_fit_is_not_repeated() {
    let manifest =
        manifest("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {p: \"${P}\"}\n");
    let error = fails(manifest.render(&values(&manifest, &[], &[], &[("P", "hunter2!")]).unwrap()));
    assert_eq!(
        error,
        "a.yaml:4:11: data of a Secret must be base64: use stringData for plain text"
    );
    let declared = Parameter {
        pattern: Some("[0-9]+".into()),
        options: vec![],
        ..parameter("P", ParameterType::Secret)
    };
    let error = fails(values(&manifest, &[declared], &[], &[("P", "hunter2!")]));
    assert_eq!(error, "parameter P: the value does not match [0-9]+");
}
