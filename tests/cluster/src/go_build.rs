//! Building one program from its Go module, and the programs that are built together.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// How often a build that goes on says so.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// A program that a Go module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoProgram {
    /// The module's folder below `go/`.
    pub(crate) module: &'static str,
    pub(crate) package: &'static str,
    /// The name the program gets.
    pub(crate) name: &'static str,
}

const fn from(module: &'static str, package: &'static str, name: &'static str) -> GoProgram {
    GoProgram {
        module,
        package,
        name,
    }
}

/// Programs that are built together and kept in one folder of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramSet {
    /// The programs, the one that takes longest first.
    pub(crate) programs: &'static [GoProgram],
    /// The modules' folders below `go/`.
    pub(crate) modules: &'static [&'static str],
    /// The line printed before a build: what is built, and how long that takes on two cores.
    pub(crate) announcement: &'static str,
}

/// Kubernetes, its node and its storage.
pub(crate) const CLUSTER: ProgramSet = ProgramSet {
    programs: &CLUSTER_PROGRAMS,
    modules: &["kubernetes", "csi", "containerd"],
    announcement: "building Kubernetes from its Go modules: once, 8 to 11 minutes on two cores",
};

/// krew and the validator of its index, apart from the cluster: a test of the package needs no API server.
pub(crate) const KREW: ProgramSet = ProgramSet {
    programs: &[
        from("krew", "sigs.k8s.io/krew/cmd/krew", "kubectl-krew"),
        from(
            "krew",
            "sigs.k8s.io/krew/cmd/validate-krew-manifest",
            "validate-krew-manifest",
        ),
    ],
    modules: &["krew"],
    announcement: "building krew from its Go module: once, about half a minute on two cores",
};

/// The controller of agent-sandbox, a workload of a kind that is not built in; apart from the cluster, because one test needs it.
pub(crate) const SANDBOX: ProgramSet = ProgramSet {
    programs: &[from(
        "sandbox",
        "sigs.k8s.io/agent-sandbox/cmd/agent-sandbox-controller",
        "agent-sandbox-controller",
    )],
    modules: &["sandbox"],
    announcement: "building agent-sandbox's controller from its Go module: once, 3 to 5 minutes on two cores",
};

/// Definitions of other projects, which `setup PART` writes objects of; no program.
pub(crate) const THIRD_PARTY: ProgramSet = ProgramSet {
    programs: &[],
    modules: &["apis"],
    announcement: "fetching CustomResourceDefinitions of other projects from their Go modules: once, some seconds",
};

#[rustfmt::skip]
const CLUSTER_PROGRAMS: [GoProgram; 21] = [
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kubelet", "kubelet"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kubectl", "kubectl"),
    from("kubernetes", "go.etcd.io/etcd/server/v3", "etcd"),
    from("kubernetes", "sigs.k8s.io/kwok/cmd/kwok", "kwok"),
    from("csi", "github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner", "csi-provisioner"),
    from("csi", "github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter", "csi-snapshotter"),
    from("csi", "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller", "snapshot-controller"),
    from("csi", "github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer", "csi-resizer"),
    from("csi", "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity", "csi-sanity"),
    from("csi", "streaming.platform/session/tests/cluster/csi/driver", "csi-driver"),
    from("containerd", "github.com/containerd/containerd/v2/cmd/containerd", "containerd"),
    from("containerd", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2", "containerd-shim-runc-v2"),
    from("containerd", "github.com/containerd/containerd/v2/cmd/ctr", "ctr"),
    from("containerd", "github.com/containernetworking/plugins/plugins/main/bridge", "bridge"),
    from("containerd", "github.com/containernetworking/plugins/plugins/main/loopback", "loopback"),
    from("containerd", "github.com/containernetworking/plugins/plugins/ipam/host-local", "host-local"),
    from("containerd", "github.com/containernetworking/plugins/plugins/meta/portmap", "portmap"),
];

/// Where the modules are: this crate's `go/`.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

/// Builds one program into a folder. `tell` is called at the start and every 10 s.
///
/// # Errors
/// When it does not build, with the end of what Go said.
pub(crate) fn build(program: GoProgram, into: &Path, tell: impl Fn()) -> Result<()> {
    let log_path = into.join("build.log");
    let log =
        File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let mut go = Command::new(crate::prerequisites::go());
    go.current_dir(sources().join(program.module))
        .env("CGO_ENABLED", "0")
        // Debian's Go is told not to fetch the newer Go that go.mod asks for.
        .env("GOTOOLCHAIN", "auto")
        .env("GOFLAGS", "-mod=readonly");
    // A cross build would not run here.
    go.env_remove("GOOS").env_remove("GOARCH");
    // Without -trimpath: it has each module compile the packages they share anew.
    // Without the state of git: asking for it fails in a checkout of another owner.
    go.args([
        "build",
        "-buildvcs=false",
        "-ldflags",
        &linker_flags(program.module)?,
        "-o",
    ]);
    go.arg(into.join(program.name)).arg(program.package);
    go.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    tell();
    if !run(&mut go, tell)?.success() {
        bail!(
            "{} does not build ({}):\n{}",
            program.name,
            program.package,
            process::tail(&log_path, 15)
        );
    }
    let _ = std::fs::remove_file(log_path);
    Ok(())
}

fn run(go: &mut Command, tell: impl Fn()) -> Result<ExitStatus> {
    let mut child = go.spawn().context("cannot start go")?;
    let mut told = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for go")? {
            return Ok(status);
        }
        if told.elapsed() > SIGN_OF_LIFE {
            tell();
            told = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What kwok does to nodes and Pods, in files of its module: ready at once, and a heartbeat now and then.
pub(crate) const KWOK_STAGES: [&str; 5] = [
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
];

/// The snapshot API, in files of its module.
pub(crate) const SNAPSHOT_CRDS: [&str; 3] = [
    "snapshot.storage.k8s.io_volumesnapshotclasses.yaml",
    "snapshot.storage.k8s.io_volumesnapshotcontents.yaml",
    "snapshot.storage.k8s.io_volumesnapshots.yaml",
];

/// Writes what the programs need and have not built in: `kwok-stages.yaml` and `snapshot-crds.yaml`.
///
/// # Errors
/// When a module is not in Go's cache, where the build has put it.
pub(crate) fn manifests(into: &Path) -> Result<()> {
    let kwok = module_folder("kubernetes", "sigs.k8s.io/kwok")?.join("kustomize/stage");
    join(&kwok, &KWOK_STAGES, &into.join("kwok-stages.yaml"))?;
    let client = "github.com/kubernetes-csi/external-snapshotter/client/v8";
    let snapshots = module_folder("csi", client)?.join("config/crd");
    join(&snapshots, &SNAPSHOT_CRDS, &into.join("snapshot-crds.yaml"))
}

/// Writes agent-sandbox's CustomResourceDefinition into a folder.
///
/// # Errors
/// As [`manifests`].
pub(crate) fn sandbox_crd(into: &Path) -> Result<()> {
    let folder = module_folder("sandbox", "sigs.k8s.io/agent-sandbox")?.join("k8s/crds");
    let files = ["agents.x-k8s.io_sandboxes.yaml"];
    join(&folder, &files, &into.join("sandbox-crd.yaml"))
}

fn join(folder: &Path, files: &[&str], into: &Path) -> Result<()> {
    let mut all = String::new();
    for file in files {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        all.push_str(&format!("---\n{text}\n"));
    }
    std::fs::write(into, all).with_context(|| format!("cannot write {}", into.display()))
}

/// Where Go keeps a module that one of ours requires; fetched if nothing built has needed it yet.
pub(crate) fn module_folder(ours: &str, wanted: &str) -> Result<PathBuf> {
    let mut go = Command::new(crate::prerequisites::go());
    go.current_dir(sources().join(ours))
        .env("GOTOOLCHAIN", "auto")
        .env("GOFLAGS", "-mod=readonly");
    let output = go
        .args(["mod", "download", "-json", wanted])
        .output()
        .context("cannot start go")?;
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("go does not name the module's folder")?;
    told["Dir"]
        .as_str()
        .map(PathBuf::from)
        .with_context(|| format!("cannot have the Go module {wanted}: {}", told["Error"]))
}

/// Without these the API server calls itself v0.0.0 and clients refuse to guess what it can do;
/// client-go has a version of its own, which kubectl shows in its `User-Agent`.
///
/// # Errors
/// When go.mod cannot be read.
pub(crate) fn linker_flags(module: &str) -> Result<String> {
    if module != "kubernetes" {
        return Ok("-s -w".to_owned());
    }
    let version = kubernetes_version()?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
    let at = "k8s.io/component-base/version";
    let client = "k8s.io/client-go/pkg/version";
    Ok(format!(
        "-s -w -X {at}.gitVersion={version} -X {at}.gitMajor={major} -X {at}.gitMinor={minor} \
         -X {client}.gitVersion={version} -X {client}.gitCommit=session"
    ))
}

/// The version go.mod pins, `v1.36.3`.
fn kubernetes_version() -> Result<String> {
    let path = sources().join("kubernetes/go.mod");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    version_of("k8s.io/kubernetes", &text)
        .with_context(|| format!("{} does not require k8s.io/kubernetes", path.display()))
}

fn version_of(module: &str, go_mod: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next() == Some(module)).then(|| words.next().map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_version_comes_from_go_mod() {
        let text = "module x\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n\tk8s.io/api v0.36.3 // indirect\n)\n";
        assert_eq!(
            version_of("k8s.io/kubernetes", text).as_deref(),
            Some("v1.36.3")
        );
        assert_eq!(version_of("require", text), None);
        assert!(kubernetes_version().unwrap().starts_with("v1."));
    }

    #[test]
    fn each_program_is_a_tool_of_its_module() {
        for GoProgram {
            module,
            package,
            name,
        } in [CLUSTER, KREW, SANDBOX].iter().flat_map(|set| set.programs)
        {
            let text = std::fs::read_to_string(sources().join(module).join("go.mod")).unwrap();
            assert!(
                text.lines().any(|line| line.trim() == *package),
                "{name}: {package} is no tool of go/{module}/go.mod"
            );
        }
    }

    /// The versions that count, by module: those of the requirements, but for what a `replace` puts in their place.
    fn versions(module: &str) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(sources().join(module).join("go.mod")).unwrap();
        let mut all = BTreeMap::new();
        for line in text.lines() {
            let line = line.trim_start_matches("replace ").trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [name, "=>", _, version] | [name, version, ..] if version.starts_with('v') => {
                    all.insert((*name).to_owned(), (*version).to_owned());
                }
                _ => {}
            }
        }
        all
    }

    /// One that differs costs a first build three minutes, if much rests on it.
    #[test]
    fn storage_is_built_with_the_versions_of_kubernetes() {
        // Nothing that both are made of uses it.
        const APART: &str = "github.com/container-storage-interface/spec";
        let (kubernetes, csi) = (versions("kubernetes"), versions("csi"));
        assert!(csi.len() > 50 && kubernetes.contains_key("k8s.io/client-go"));
        for (name, version) in csi {
            let theirs = kubernetes.get(&name).unwrap_or(&version);
            assert!(
                name == APART || *theirs == version,
                "{name}: {version}, but Kubernetes has {theirs}"
            );
        }
    }
}
