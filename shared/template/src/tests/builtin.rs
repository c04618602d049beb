//! Tests that compare the built-in templates with the manifests of their first users.

use serde_json::{Value, json};

use super::super::lint::{Severity, lint_source};
use super::super::{Manifest, Parameters, Source, TemplateFile, ValueLayers, builtin_templates};
use super::{identity, map};
use crate::ParameterRules as _;
use session_model::quantity::Quantity;
use session_support::structure::HOSTILE_VALUES;

fn file(name: &str) -> TemplateFile {
    let (_, text) = builtin_templates()
        .iter()
        .find(|(builtin, _)| *builtin == name)
        .unwrap();
    TemplateFile::parse(&Source::new(format!("{name}.yaml"), *text).unwrap())
        .unwrap()
        .remove(0)
}

fn rendered(name: &str, flags: &[(&str, &str)]) -> Vec<Value> {
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

const ROOTFS: (&str, &str) = (
    "ROOTFS_IMAGE_URL",
    "https://storage.example.com/dozlab-k8s.ext4",
);

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
fn there_is_nothing_to_say_about_them() {
    for (name, text) in builtin_templates() {
        let findings = lint_source(&Source::new(*name, *text).unwrap());
        let mut told: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity < Severity::Info)
            .map(ToString::to_string)
            .collect();
        // A virtual machine with its own network needs more privileges than a container.
        let all = told.len();
        told.retain(|line| !line.contains(" requests a privilege: container "));
        assert_eq!(
            (told.len(), all),
            (0, if *name == "lab" { 4 } else { 0 }),
            "{name}: {told:?}"
        );
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

#[test]
fn the_lab_is_what_dozlab_describes() {
    let objects = rendered("lab", &[ROOTFS]);
    let names: Vec<String> = objects
        .iter()
        .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]))
        .collect();
    assert_eq!(
        names,
        [
            "\"Secret\" \"lab-session-alice-001-secrets\"",
            "\"Pod\" \"lab-session-alice-001\"",
            "\"Service\" \"lab-service-alice-001\""
        ]
    );
    let (secret, pod) = (&objects[0], &objects[1]);
    assert_eq!(
        secret["stringData"]["vscode-password"]
            .as_str()
            .unwrap()
            .len(),
        32
    );
    let labels = &pod["metadata"]["labels"];
    assert_eq!(
        (&labels["app"], &labels["session-id"]),
        (&json!("lab-environment"), &json!("alice-001"))
    );
    assert!(
        labels["user-id"]
            .as_str()
            .unwrap()
            .starts_with("alice-example.com-")
    );
}

#[test]
fn the_labs_pod_has_dozlabs_parts_and_figures() {
    let pod = &rendered("lab", &[ROOTFS])[1];
    assert_eq!(pod["spec"]["restartPolicy"], "Never");
    let names = |key: &str| {
        pod["spec"][key]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("initContainers"), ["init-rootfs", "network-setup"]);
    assert_eq!(
        names("containers"),
        ["firecracker-vm", "terminal-sidecar", "code-server"]
    );
    assert_eq!(
        names("volumes"),
        ["vm-kernels", "vm-data", "vscode-data", "shared-config"]
    );
    let limits: Vec<&Value> = pod["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| &volume["emptyDir"]["sizeLimit"])
        .collect();
    assert_eq!(limits, ["2Gi", "5Gi", "1Gi", "10Mi"]);
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
fn the_labs_ports_and_probes_are_dozlabs() {
    let objects = rendered("lab", &[ROOTFS]);
    let (pod, service) = (&objects[1], &objects[2]);
    let containers = &pod["spec"]["containers"];
    assert_eq!(
        containers[0]["securityContext"]["capabilities"]["add"],
        json!(["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"])
    );
    assert_eq!(
        containers[1]["livenessProbe"]["httpGet"],
        json!({"path": "/health", "port": "terminal"})
    );
    assert_eq!(
        containers[1]["readinessProbe"]["httpGet"],
        json!({"path": "/ready", "port": "terminal"})
    );
    assert_eq!(
        containers[2]["livenessProbe"]["httpGet"],
        json!({"path": "/healthz", "port": "vscode"})
    );
    assert!(
        containers[2]["env"]
            .to_string()
            .contains("tcp://172.16.0.2:2375")
    );
    let ports: Vec<(&Value, &Value)> = service["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| (&port["name"], &port["port"]))
        .collect();
    assert_eq!(
        ports,
        [
            (&json!("vscode"), &json!(8080)),
            (&json!("terminal"), &json!(8081)),
            (&json!("vm-ssh"), &json!(22))
        ]
    );
}

#[test]
fn the_lab_has_dozlabs_defaults_and_needs_one_value() {
    let file = file("lab");
    let parameters =
        Parameters::merge(&file.parameters, &Manifest::parse(&file.manifest).unwrap()).unwrap();
    for (name, default) in [
        ("DISK_SIZE", "4G"),
        ("VM_CPU", "1"),
        ("VM_MEMORY", "1024"),
        ("TERMINAL_IMAGE", "dozman99/dozlab-terminal:latest"),
        ("VM_MEMORY_LIMIT", "2Gi"),
        ("VM_CPU_LIMIT", "1500m"),
        ("VM_MEMORY_REQUEST", "1Gi"),
        ("VM_CPU_REQUEST", "500m"),
        ("KERNEL_SIZE_LIMIT", "2Gi"),
        ("VM_DATA_SIZE_LIMIT", "5Gi"),
        ("VSCODE_DATA_SIZE_LIMIT", "1Gi"),
    ] {
        assert_eq!(parameters.default(name), Some(default), "{name}");
    }
    let required: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .filter(|name| parameters.is_required(name))
        .collect();
    assert_eq!(required, ["ROOTFS_IMAGE_URL"]);
    let lifetime = &file.object["spec"]["lifetime"];
    assert_eq!(
        (&lifetime["timeout"], &lifetime["onExpiry"]),
        (&json!("2h"), &json!("delete"))
    );
    assert_eq!(
        file.object["spec"]["primary"]["container"],
        "firecracker-vm"
    );
    let connect: Vec<&Value> = file.object["spec"]["connect"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| &method["name"])
        .collect();
    assert_eq!(connect, ["editor", "terminal", "ssh", "shell"]);
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

#[test]
fn nvim_is_what_its_project_describes() {
    let objects = rendered("nvim", &[]);
    assert_eq!(objects.len(), 1);
    let pod = &objects[0];
    assert_eq!(pod["metadata"]["name"], "nvim-web-session-alice-001");
    assert_eq!(pod["metadata"]["labels"]["app"], "nvim-web-session");
    assert_eq!(
        pod["metadata"]["annotations"]["nvim-web/session-id"],
        "alice-001"
    );
    assert_eq!(
        (
            &pod["spec"]["restartPolicy"],
            &pod["spec"]["terminationGracePeriodSeconds"]
        ),
        (&json!("Never"), &json!(30))
    );
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        (&container["name"], &container["image"]),
        (
            &json!("nvim-web"),
            &json!("ghcr.io/nvim-web/session:latest")
        )
    );
    assert_eq!(
        container["ports"][1],
        json!({"name": "ws", "containerPort": 9001})
    );
    assert_eq!(
        container["resources"],
        json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": 1, "memory": "512Mi"}})
    );
    assert_eq!(
        container["livenessProbe"],
        json!({"tcpSocket": {"port": "ws"}, "initialDelaySeconds": 5, "periodSeconds": 10})
    );
    assert_eq!(
        container["readinessProbe"],
        json!({"tcpSocket": {"port": "ws"}, "initialDelaySeconds": 2, "periodSeconds": 5})
    );
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{"name": "workspace", "emptyDir": {"sizeLimit": "1Gi"}}])
    );
    assert_eq!(
        file("nvim").object["spec"]["lifetime"],
        json!({"timeout": "1h", "onExpiry": "delete"})
    );
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
