//! GIMP's platform: from its template, from its Session objects, and with cloud storage.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use session_cluster::EXPANDABLE_CLASS;

use super::{Life, answers, runs};
use crate::lifecycle::{leaves_no_trace, traces};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
        kubelet("platforms_gimp_from_its_template", from_its_template),
        kubelet(
            "platforms_blender_from_a_session_object",
            from_a_session_object,
        ),
        kubelet(
            "platforms_gimp_cloud_waits_for_its_uploads",
            cloud_waits_for_its_uploads,
        ),
    ]
}

const POD: &str = "gimp-session-alice";

/// Values for a small machine without registries.
fn small(image: &str) -> Vec<String> {
    let image = format!("IMAGE={image}");
    let class = format!("STORAGE_CLASS={EXPANDABLE_CLASS}");
    let values = [
        image.as_str(),
        "CPU_REQUEST=50m",
        "MEMORY_REQUEST=32Mi",
        "STORAGE_SIZE=64Mi",
        &class,
    ];
    values
        .iter()
        .flat_map(|value| ["--set".to_owned(), (*value).to_owned()])
        .collect()
}

fn words(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

/// A world in a namespace that enforces the level `restricted`.
pub(super) fn restricted_world(prefix: &str) -> Result<World> {
    let world = World::installed(prefix)?;
    world.cluster.wait_for_storage()?;
    enforce(&world, "restricted")?;
    Ok(world)
}

fn enforce(world: &World, level: &str) -> Result<()> {
    let label = format!("pod-security.kubernetes.io/enforce={level}");
    let words = [
        "label",
        "namespace",
        world.namespace.name(),
        &label,
        "--overwrite",
    ];
    world.cluster.kubectl_ok(&words, None)?;
    Ok(())
}

/// Connects by each method.
fn connects(world: &World, name: &str) -> Result<()> {
    runs(world, name, "shell")?;
    answers(world, name, "webrtc")?;
    answers(world, name, "vnc")
}

fn from_its_template() -> Result<()> {
    let world = restricted_world("gimp")?;
    let values = small("localhost/gimp:1");
    let create = [
        &["--template", "gimp", "--user-id", "alice"][..],
        &words(&values),
    ]
    .concat();
    let connect = || connects(&world, "draw");
    let life = Life {
        world: &world,
        name: "draw",
        create: &create,
        pod: POD,
        file: Some("/home/user/file"),
        connect: &connect,
    };
    life.run()
}

/// The user's home directory exists, and stays; a second session of the user names the first.
fn from_a_session_object() -> Result<()> {
    let world = restricted_world("blender")?;
    let claim = format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: user-storage-alice}}\nspec:\n  \
         accessModes: [ReadWriteOnce]\n  storageClassName: {EXPANDABLE_CLASS}\n  resources: {{requests: {{storage: 64Mi}}}}\n"
    );
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&claim))?;
    let before = traces(&world)?;
    let session = "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {name: model}\nspec:\n  userId: alice\n  \
        application: blender\n  resources: {cpu: \"1\", memory: 256Mi, gpu: \"0\"}\n  timeout: 3600\n";
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(session.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    let values: Vec<String> = ["IMAGE=localhost/blender:1", "CPU_REQUEST=50m"]
        .iter()
        .flat_map(|value| ["--set".to_owned(), (*value).to_owned()])
        .collect();
    let create = [&["create", "-f", &path][..], &words(&values)].concat();
    world.session(&create)?.exits(0)?;
    connects(&world, "model")?;
    world.inside(POD, "echo mine > /home/user/file; sync")?;
    let second = [
        "create",
        "other",
        "--template",
        "gimp",
        "--user-id",
        "alice",
        "--wait=false",
    ];
    let refused = world.session(&second)?.exits(1)?;
    let said = "Pod \"gimp-session-alice\" already exists and is part of session \"model\"";
    ensure!(refused.stderr.contains(said), "{refused:?}");
    world.session(&["stop", "model", "-y"])?.exits(0)?;
    world.session(&["start", "model"])?.exits(0)?;
    let kept = world.inside(POD, "cat /home/user/file")?;
    ensure!(kept == "mine\n", "{kept}");
    world
        .session(&["delete", "model", "--delete-data", "-y"])?
        .exits(0)?;
    // The claim of the user stays.
    leaves_no_trace(&world, &before)?;
    Ok(())
}

/// Applies a template of this namespace's name, changed as `change` says; returns its name.
pub(super) fn apply_changed(
    world: &World,
    template: &str,
    changes: &[(&str, &str)],
) -> Result<String> {
    let get = ["get", "sessiontemplate", template, "-o", "json"];
    let shipped = world.namespace.kubectl(&get, None)?;
    let mut object: serde_json::Value = serde_json::from_str(&shipped)?;
    let name = format!("{template}-{}", world.namespace.name());
    object["metadata"] = serde_json::json!({ "name": name });
    let mut manifest = object["spec"]["manifest"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for (from, to) in changes {
        ensure!(manifest.contains(from), "{template} has {from}");
        manifest = manifest.replace(from, to);
    }
    object["spec"]["manifest"] = manifest.into();
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&object.to_string()))?;
    Ok(name)
}

fn cloud_waits_for_its_uploads() -> Result<()> {
    let world = restricted_world("gimp-cloud")?;
    let before = traces(&world)?;
    let values = small("localhost/gimp:1");
    let values = [
        &words(&values)[..],
        &[
            "--set",
            "RCLONE_IMAGE=localhost/rclone:1",
            "--user-id",
            "alice",
        ],
    ]
    .concat();
    // As it is shipped: refused where the namespace says so, and what the server takes where not.
    let shipped = [&["create", "draw", "--template", "gimp-cloud"][..], &values].concat();
    let refused = world.session(&shipped)?.exits(1)?;
    ensure!(
        refused
            .stderr
            .contains("enforces Pod Security level \"restricted\""),
        "{refused:?}"
    );
    ensure!(traces(&world)? == before, "nothing was written");
    enforce(&world, "privileged")?;
    world
        .session(&[&shipped[..], &["--dry-run=server"]].concat())?
        .exits(0)?;
    // Sandboxed machines have no privileged containers: without that, and without a real mount, all else is as shipped.
    let changes = [
        ("privileged: true\n      ", ""),
        (
            "mountPropagation: Bidirectional",
            "mountPropagation: HostToContainer",
        ),
    ];
    let template = apply_changed(&world, "gimp-cloud", &changes)?;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: user-cloud-credentials}\nstringData: {config: \"[remote]\\ntype = s3\\n\"}\n";
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(secret))?;
    let create = [&["create", "draw", "--template", &template][..], &values].concat();
    world.session(&create)?.exits(0)?;
    connects(&world, "draw")?;
    let cloud = world.inside(POD, "cat /data/cloud/file")?;
    ensure!(cloud == "from the cloud\n", "{cloud}");
    // An upload that takes six seconds.
    let upload = "cd /cache/vfsMeta/remote; printf '{\\n\\t\"Dirty\": true\\n}' > a; (sleep 6; printf '{\\n\\t\"Dirty\": false\\n}' > a) > /dev/null 2>&1 &";
    let exec = [
        "exec",
        POD,
        "-c",
        "rclone-sidecar",
        "--",
        "sh",
        "-c",
        upload,
    ];
    world.namespace.kubectl(&exec, None)?;
    let began = Instant::now();
    world.session(&["stop", "draw", "-y"])?.exits(0)?;
    ensure!(
        began.elapsed() > Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    world.session(&["start", "draw"])?.exits(0)?;
    world
        .session(&["delete", "draw", "--delete-data", "-y"])?
        .exits(0)?;
    world
        .namespace
        .kubectl(&["delete", "sessiontemplate", &template], None)?;
    world
        .namespace
        .kubectl(&["delete", "secret", "user-cloud-credentials"], None)?;
    leaves_no_trace(&world, &before)
}
