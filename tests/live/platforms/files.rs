//! nvim-web from its TOML, and a lab from a LabSession object.

use std::io::Write as _;
use std::sync::{MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use session_cluster::EXPANDABLE_CLASS;

use super::{Life, answers, runs};
use crate::lifecycle::{leaves_no_trace, traces};
use crate::world::{LAB_TEMPLATE, World};
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "platforms_nvim_from_its_configuration",
            nvim_from_its_configuration,
        ),
        kubelet("platforms_lab_from_a_lab_session", lab_from_a_lab_session),
    ]
}

fn file_with(text: &str) -> Result<(tempfile::NamedTempFile, String)> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    Ok((file, path))
}

fn nvim_from_its_configuration() -> Result<()> {
    let world = World::installed("nvim-file")?;
    world.cluster.wait_for_storage()?;
    let text = format!(
        "[kubernetes]\nenabled = true\nimage = \"localhost/http-page:1\"\nstorage_size = \"64Mi\"\n\
         storage_class = \"{EXPANDABLE_CLASS}\"\nsession_timeout_secs = 3600\nmax_sessions = 100\n\n\
         [kubernetes.resources]\ncpu_request = \"50m\"\ncpu_limit = \"1\"\nmemory_request = \"32Mi\"\nmemory_limit = \"64Mi\"\n\n\
         [kubernetes.labels]\nteam = \"editors\"\n"
    );
    let (_file, path) = file_with(&text)?;
    let create = [
        "--config",
        &path,
        "--set",
        "WS_PORT=8080",
        "--set",
        "HTTP_PORT=8081",
    ];
    let connect = || {
        runs(&world, "dev", "shell")?;
        answers(&world, "dev", "ws")?;
        let label = [
            "get",
            "pod",
            "nvim-web-session-dev",
            "-o",
            "jsonpath={.metadata.labels.team}",
        ];
        let label = world.namespace.kubectl(&label, None)?;
        ensure!(label == "editors", "{label}");
        Ok(())
    };
    let life = Life {
        world: &world,
        name: "dev",
        create: &create,
        pod: "nvim-web-session-dev",
        file: Some("/workspace/file"),
        connect: &connect,
    };
    life.run()
}

/// The template `lab` without CAP_SYS_RESOURCE, which sandboxed machines cannot give; at the end it is the program's again.
pub(super) struct LabWorld {
    pub(super) world: World,
    _changed: MutexGuard<'static, ()>,
}

impl LabWorld {
    pub(super) fn new(prefix: &str) -> Result<Self> {
        let world = World::installed(prefix)?;
        // A test that failed has put the template back all the same.
        let changed = LAB_TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Self {
            world,
            _changed: changed,
        };
        let namespace = &lab.world.namespace;
        let get = ["get", "sessiontemplate", "lab", "-o", "json"];
        let shipped = namespace.kubectl(&get, None)?;
        let changed = shipped.replace("NET_ADMIN, SYS_ADMIN, SYS_RESOURCE", "NET_ADMIN, SYS_ADMIN");
        ensure!(changed != shipped, "the lab asks for what D25 says");
        namespace.kubectl(&["replace", "-f", "-"], Some(&changed))?;
        Ok(lab)
    }
}

impl Drop for LabWorld {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let delete = ["delete", "sessiontemplate", "lab"];
        let _ = self.world.namespace.kubectl(&delete, None);
        let _ = self.world.session(&["setup", "templates"]);
    }
}

fn lab_from_a_lab_session() -> Result<()> {
    let world = LabWorld::new("lab-file")?;
    let world = &world.world;
    let before = traces(world)?;
    let text = "apiVersion: dozlab.io/v1\nkind: LabSession\nmetadata: {name: a-lab}\nspec:\n  userId: alice@example.com\n  \
        sessionId: 001\n  resources: {cpu: \"1\", memory: 256Mi, storage: 1Gi}\n  timeout: 2h\n  \
        config: {vsCodePassword: hunter2, enableTerminal: false, enableSSH: false}\n";
    let (_file, path) = file_with(text)?;
    let mut create = vec!["create", "-f", &path];
    for value in [
        "ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4",
        "VM_IMAGE=localhost/lab-vm:1",
        "INIT_IMAGE=localhost/lab-init:1",
        "NETWORK_IMAGE=localhost/busybox:1",
        "EDITOR_IMAGE=localhost/lab-editor:1",
        "TERMINAL_IMAGE=localhost/lab-terminal:1",
        "VM_CPU_REQUEST=50m",
    ] {
        create.extend(["--set", value]);
    }
    let created = world.session(&create)?.exits(0)?;
    ensure!(
        created
            .stderr
            .contains("is a LabSession, converted to a session"),
        "{created:?}"
    );
    let password = [
        "get",
        "secret",
        "lab-session-001-secrets",
        "-o",
        "jsonpath={.data.vscode-password}",
    ];
    let password = world.namespace.kubectl(&password, None)?;
    ensure!(password == "aHVudGVyMg==", "{password}");
    runs(world, "001", "shell")?;
    answers(world, "001", "8080")?;
    for hidden in ["terminal", "ssh"] {
        let refused = world
            .session(&["connect", "001", "--method", hidden])?
            .exits(1)?;
        ensure!(
            refused
                .stderr
                .contains("available methods are editor, shell"),
            "{refused:?}"
        );
    }
    world.session(&["stop", "001", "-y"])?.exits(0)?;
    world.session(&["start", "001"])?.exits(0)?;
    runs(world, "001", "shell")?;
    world.session(&["delete", "001", "-y"])?.exits(0)?;
    leaves_no_trace(world, &before)
}
