//! Tests of lint: one rule and one finding for a mistake, wherever it is made.

use super::super::sensitive_fields::IMAGE_PATTERN;
use super::super::{Parameter, ParameterType};
use super::lint::{POD, said, says, template};
use crate::ParameterRules as _;

#[test]
fn an_image_without_bounds_is_one_warning_in_every_kind_of_file() {
    let image = "    image: \"${IMAGE}\"\n";
    let wanted = "warning: parameter IMAGE sets an image at /spec/containers/0/image but has no options or pattern, so a controller refuses the template";
    for text in [format!("{POD}{image}"), template("", image)] {
        let said = said(&text);
        let found = said.iter().filter(|line| line.contains("IMAGE sets"));
        let found: Vec<&String> = found.collect();
        assert!(found.len() == 1 && found[0].ends_with(wanted), "{said:#?}");
    }
}

#[test]
fn the_pattern_of_the_hint_matches_images() {
    let pattern = IMAGE_PATTERN;
    let parameter = Parameter {
        pattern: Some(pattern.to_owned()),
        ..Parameter::new("IMAGE", ParameterType::String)
    };
    let digest = "0123456789abcdef".repeat(4);
    for image in [
        "registry.example.com/team/app".to_owned(),
        "registry.example.com/team/app:1.2-rc1".to_owned(),
        format!("registry.example.com/app@sha256:{digest}"),
    ] {
        assert_eq!(parameter.check_value(&image), Ok(()), "{image}");
    }
    assert!(parameter.check_value("evil.example.com/app").is_err());
    assert!(parameter.is_restricted());
}

#[test]
fn a_mistake_in_a_declaration_is_told_once() {
    for (spec, rest, wanted) in [
        (
            "  parameters: [{name: IMAGE, type: text}]\n",
            "    image: \"${IMAGE}\"\n",
            "parameter: \"text\" is not one of",
        ),
        (
            "  parameters: [{name: SIZE, type: quantity, default: 4GB}]\n",
            "  volumes: [{name: v, emptyDir: {sizeLimit: \"${SIZE}\"}}]\n",
            "default of parameter SIZE",
        ),
    ] {
        let said = said(&template(spec, rest));
        let serious = said.iter().filter(|line| !line.contains("info: "));
        let serious: Vec<&String> = serious.collect();
        assert!(
            serious.len() == 1 && serious[0].contains(wanted),
            "{said:#?}"
        );
    }
}

#[test]
fn placeholders_outside_the_manifest_are_checked() {
    for (spec, wanted) in [
        (
            "  hooks: {sync: {command: [sh, -c, 'echo ${TARGET}']}}\n",
            "error: unknown parameter TARGET in spec.hooks",
        ),
        (
            "  hooks: {sync: {command: [sh, -c, 'echo ${a-b}']}}\n",
            "error: invalid placeholder \"${a-b}\"",
        ),
        (
            "  parameters: [{name: KEY, type: secret}]\n  hooks: {quiesce: {command: ['${KEY}']}}\n",
            "error: secret parameter KEY is used in spec.hooks",
        ),
    ] {
        says(&template(spec, ""), wanted);
    }
    let good = "  parameters: [{name: TARGET, default: a}]\n  hooks: {sync: {command: [sh, -c, 'echo ${TARGET} ${SESSION_ID} ${X:-y} ${X#z} $${HOME}']}}\n";
    let said = said(&template(good, ""));
    assert!(said.iter().all(|line| !line.contains("error")), "{said:#?}");
}

#[test]
fn annotations_that_stand_for_a_templates_fields_are_checked() {
    for (key, text, wanted) in [
        (
            "sync",
            "{command: sync}",
            "must be a list, but is string \"sync\"",
        ),
        (
            "lifetime",
            "soon",
            "must be an object, but is string \"soon\"",
        ),
        (
            "lifetime",
            "{onExpiry: explode}",
            "\"explode\" is not one of stop, delete",
        ),
    ] {
        let annotations =
            format!("metadata: {{name: a, annotations: {{streaming.platform/{key}: '{text}'}}}}");
        let pod = POD.replace("metadata: {name: a}", &annotations);
        says(
            &pod,
            &format!("error: invalid annotation streaming.platform/{key}: {wanted}"),
        );
    }
    for text in [
        "2h",
        "{timeout: 1h, onExpiry: stop}",
        "${TIME}",
        "${TIME:-3h}",
    ] {
        let annotations = format!(
            "metadata: {{name: a, annotations: {{streaming.platform/lifetime: '{text}'}}}}"
        );
        let said = said(&POD.replace("metadata: {name: a}", &annotations));
        assert!(said.iter().all(|line| !line.contains("error")), "{said:#?}");
    }
}
