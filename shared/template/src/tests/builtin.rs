//! Tests that every built-in template passes, beside the tables of their fields.

use serde_json::Value;

use super::super::lint::{Severity, lint_source};
use super::super::{Manifest, Parameters, Source, TemplateFile, ValueLayers, builtin_templates};
use super::{identity, map};
use crate::ParameterRules as _;
use session_support::structure::HOSTILE_VALUES;

pub(super) fn file(name: &str) -> TemplateFile {
    let (_, text) = builtin_templates()
        .iter()
        .find(|(builtin, _)| *builtin == name)
        .unwrap();
    TemplateFile::parse(&Source::new(format!("{name}.yaml"), *text).unwrap())
        .unwrap()
        .remove(0)
}

pub(super) fn rendered(name: &str, flags: &[(&str, &str)]) -> Vec<Value> {
    let file = file(name);
    let manifest = Manifest::parse(&file.manifest).unwrap();
    let flags = map(flags);
    let given = ValueLayers {
        flags: &flags,
        ..ValueLayers::default()
    };
    let mut values = Parameters::merge(&file.parameters, &manifest)
        .unwrap()
        .resolve(identity("alice-001"), &given)
        .unwrap();
    values.generate_missing_secrets().unwrap();
    let rendered = manifest.render(&values).unwrap();
    manifest.check_namespace(&rendered, "labs").unwrap();
    rendered.into_objects()
}

pub(super) const ROOTFS: (&str, &str) = (
    "ROOTFS_IMAGE_URL",
    "https://storage.example.com/dozlab-k8s.ext4",
);

#[test]
fn there_is_nothing_to_say_about_them() {
    for (name, text) in builtin_templates() {
        let findings = lint_source(&Source::new(*name, *text).unwrap());
        let mut told: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity < Severity::Info)
            .map(ToString::to_string)
            .collect();
        // A virtual machine with its own network, and a mount that other containers see, need privileges.
        let all = told.len();
        told.retain(|line| !line.contains(" requests a privilege: container "));
        // The template makes the ServiceAccounts itself and grants them nothing; ServiceMonitors are for a command line only.
        let is_preview = *name == "preview";
        let accepted = [
            ": serviceAccountName is ",
            "ServiceMonitor (monitoring.coreos.com/v1) is",
        ];
        told.retain(|line| !is_preview || !accepted.iter().any(|text| line.contains(text)));
        let known = match *name {
            "lab" => 3,
            "gimp-cloud" => 1,
            "preview" => 6,
            _ => 0,
        };
        assert_eq!((told.len(), all), (0, known), "{name}: {told:?}");
        let file = file(name);
        assert_eq!(&file.name, name);
        let parameters =
            Parameters::merge(&file.parameters, &Manifest::parse(&file.manifest).unwrap()).unwrap();
        assert!(
            parameters.entries.iter().all(|known| known.declared),
            "{name} has undeclared parameters"
        );
    }
}

/// Images that the patterns must allow.
const LOCAL: &[(&str, &[(&str, &str)])] = &[
    ("shell", &[("IMAGE", "localhost/busybox:1")]),
    ("shell", &[("IMAGE", "debian:12")]),
    ("shell", &[("IMAGE", "docker.io/library/alpine")]),
    (
        "nvim",
        &[
            ("IMAGE", "localhost/http-page:1"),
            ("WS_PORT", "8080"),
            ("HTTP_PORT", "8081"),
        ],
    ),
    (
        "nvim",
        &[("IMAGE", "ghcr.io/your-org/nvim-web-session:latest")],
    ),
    (
        "nvim",
        &[(
            "IMAGE",
            "ghcr.io/nvim-web/session@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        )],
    ),
    ("gimp", &[("IMAGE", "localhost/desktop:1")]),
    (
        "blender",
        &[("IMAGE", "gimp-streaming-platform/blender:4.5")],
    ),
    (
        "gimp-cloud",
        &[
            ("IMAGE", "localhost/desktop:1"),
            ("RCLONE_IMAGE", "localhost/rclone:1"),
            ("CREDENTIALS_SECRET", "user-cloud-credentials-alice"),
        ],
    ),
    ("sindri", &[("IMAGE", "localhost/dropbear:1")]),
    ("sindri", &[("IMAGE", "ghcr.io/your-org/sindri:2.0")]),
    (
        "lab",
        &[
            ROOTFS,
            ("VM_IMAGE", "localhost/dropbear:1"),
            ("INIT_IMAGE", "localhost/busybox:1"),
            ("NETWORK_IMAGE", "docker.io/library/busybox:1.36"),
            ("EDITOR_IMAGE", "localhost/http-page:1"),
            ("TERMINAL_IMAGE", "docker.io/dozman99/dozlab-terminal"),
        ],
    ),
];

#[test]
fn local_images_can_be_used_and_strange_ones_not() {
    for (name, flags) in LOCAL {
        rendered(name, flags);
    }
    for (name, image) in [
        ("shell", "IMAGE"),
        ("nvim", "IMAGE"),
        ("gimp", "IMAGE"),
        ("gimp-cloud", "RCLONE_IMAGE"),
        ("gimp-cloud", "CREDENTIALS_SECRET"),
        ("sindri", "IMAGE"),
        ("lab", "VM_IMAGE"),
        ("lab", "NETWORK_IMAGE"),
        ("lab", "EDITOR_IMAGE"),
    ] {
        let file = file(name);
        let parameter = file
            .parameters
            .iter()
            .find(|parameter| parameter.name == image)
            .unwrap();
        for strange in HOSTILE_VALUES.iter().chain(&[
            "evil.example.com/miner:latest",
            "evil.example.com/dozman99/dozlab-terminal",
            "evil.example.com/library/busybox",
            "evil.example.com/nvim-web/session",
            "",
            "localhost/",
            "a b",
            "LOCALHOST/x",
            "docker.io/evil/library/x:",
        ]) {
            let error = parameter.check_value(strange).unwrap_err();
            let reason = match strange.contains('\0') {
                true => "NUL character",
                false => parameter.pattern.as_deref().unwrap(),
            };
            assert!(error.ends_with(reason), "{name}: {error}");
        }
    }
}

#[test]
fn a_refused_image_is_told_with_the_registries_that_are_allowed() {
    for (name, parameter, allowed) in [
        (
            "lab",
            "VM_IMAGE",
            "docker.io/dozman99/..., dozman99/..., localhost/...",
        ),
        (
            "shell",
            "IMAGE",
            "names without a registry, docker.io/library/..., localhost/...",
        ),
        ("nvim", "IMAGE", "ghcr.io/..., localhost/..."),
        ("sindri", "IMAGE", "ghcr.io/..., localhost/..."),
    ] {
        let file = file(name);
        let text = Source::new(format!("sessiontemplate/{name}"), file.manifest.text()).unwrap();
        let manifest = Manifest::parse(&text).unwrap();
        let parameters = Parameters::merge(&file.parameters, &manifest).unwrap();
        let refuse = |image: &str| {
            let mut flags = map(&[(parameter, image)]);
            if name == "lab" {
                flags.extend(map(&[ROOTFS]));
            }
            let given = ValueLayers {
                flags: &flags,
                ..ValueLayers::default()
            };
            parameters
                .resolve(identity("alice-001"), &given)
                .unwrap_err()
        };
        let error = refuse("registry.site.example/team/app:1");
        assert_eq!(
            error.to_string(),
            format!(
                "parameter {parameter}: image \"registry.site.example/team/app:1\" is not allowed (allowed: {allowed})"
            )
        );
        let hint = error.downcast_ref::<session_model::failure::ErrorWithHint>();
        assert_eq!(
            hint.unwrap().hint,
            format!(
                "ask an admin to extend the pattern of {parameter}: kubectl edit sessiontemplate {name}"
            )
        );
        // The registry is allowed, the rest does not match.
        let error = refuse("localhost/app:1:2").to_string();
        assert!(error.contains(" does not match "), "{error}");
    }
}
