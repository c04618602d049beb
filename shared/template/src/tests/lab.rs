//! Tests of the built-in template `lab`: it runs Dozlab's images.

use serde_json::{Value, json};

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

/// The variables of each container of the lab, in the order of the manifest.
const VARIABLES: [(&str, &str, &str); 5] = [
    (
        "initContainers",
        "init-rootfs",
        "IMAGE_DOWNLOAD_URL=https://storage.example.com/dozlab-k8s.ext4 IMAGE_SIZE=4G IMAGE_PATH=/srv/vm/kernels/rootfs.ext4",
    ),
    (
        "initContainers",
        "network-setup",
        "GATEWAY_IP=172.16.0.1 VM_IP=172.16.0.2 TAP_DEVICE=tap0 SHARED_CONFIG_PATH=/shared POD_IP=status.podIP",
    ),
    (
        "containers",
        "firecracker-vm",
        "SESSION_ID=alice-001 ROOTFS_PATH=/srv/vm/kernels/rootfs.ext4 KERNEL_PATH=/find/vmlinux.bin CPU_COUNT=1 MEMORY=1024 \
         GATEWAY_IP=172.16.0.1 VM_IP=172.16.0.2 TAP_DEVICE_NAME=tap0",
    ),
    (
        "containers",
        "terminal-sidecar",
        "SESSION_ID=alice-001 VM_IP=172.16.0.2 VM_SSH_PORT=22",
    ),
    (
        "containers",
        "code-server",
        "PASSWORD=vscode-password SESSION_ID=alice-001 DOCKER_HOST=tcp://172.16.0.2:2375",
    ),
];

#[test]
fn the_lab_gives_dozlabs_images_what_they_read() {
    let pod = &rendered("lab", &[ROOTFS])[1];
    for (section, name, expected) in VARIABLES {
        let containers = pod["spec"][section].as_array().unwrap();
        let container = containers.iter().find(|one| one["name"] == name).unwrap();
        let variables = container["env"].as_array().unwrap().iter().map(|one| {
            let source = &one["valueFrom"];
            let value = [
                &one["value"],
                &source["fieldRef"]["fieldPath"],
                &source["secretKeyRef"]["key"],
            ];
            let value = value.iter().find_map(|value| value.as_str()).unwrap();
            format!("{}={value}", one["name"].as_str().unwrap())
        });
        assert_eq!(variables.collect::<Vec<_>>().join(" "), expected, "{name}");
    }
    let spec = &pod["spec"];
    assert_eq!(
        spec["securityContext"],
        json!({"fsGroup": 1000, "runAsNonRoot": false, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    assert!(spec["initContainers"][1].get("securityContext").is_none());
    assert_eq!(
        spec["containers"][2]["securityContext"],
        json!({"runAsUser": 1000, "allowPrivilegeEscalation": false})
    );
    assert_eq!(
        spec["containers"][2]["command"],
        json!([
            "code-server",
            "--bind-addr",
            "0.0.0.0:8080",
            "--auth",
            "password",
            "/workspace"
        ])
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
    assert_eq!(
        containers[0]["livenessProbe"],
        json!({"tcpSocket": {"port": "vm-ssh"}, "initialDelaySeconds": 30, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3})
    );
    assert_eq!(
        containers[0]["readinessProbe"],
        json!({"tcpSocket": {"port": "vm-ssh"}, "initialDelaySeconds": 20, "periodSeconds": 5, "timeoutSeconds": 3})
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
