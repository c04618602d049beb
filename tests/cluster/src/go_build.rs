//! Building one program from its Go module.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// How often a build that goes on says so.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// A program of the cluster.
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

/// All of them, the one that takes longest first.
#[rustfmt::skip]
pub(crate) const ALL: [GoProgram; 15] = [
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "kube-controller-manager"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kubelet", "kubelet"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
    from("kubernetes", "k8s.io/kubernetes/cmd/kubectl", "kubectl"),
    from("kubernetes", "go.etcd.io/etcd/server/v3", "etcd"),
    from("kubernetes", "sigs.k8s.io/kwok/cmd/kwok", "kwok"),
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
    go.args([
        "build",
        "-trimpath",
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

/// Writes kwok's stages into one file, `kwok-stages.yaml`: the program has none built in.
///
/// # Errors
/// When the module is not in Go's cache, where the build has put it.
pub(crate) fn kwok_stages(into: &Path) -> Result<()> {
    let mut go = Command::new(crate::prerequisites::go());
    go.current_dir(sources().join("kubernetes"))
        .env("GOTOOLCHAIN", "auto")
        .env("GOFLAGS", "-mod=readonly");
    let output = go
        .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
        .output()
        .context("cannot start go")?;
    let module = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let mut all = String::new();
    for stage in KWOK_STAGES {
        let path = module.join("kustomize/stage").join(stage);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        all.push_str(&format!("---\n{text}\n"));
    }
    let path = into.join("kwok-stages.yaml");
    std::fs::write(&path, all).with_context(|| format!("cannot write {}", path.display()))
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
        } in ALL
        {
            let text = std::fs::read_to_string(sources().join(module).join("go.mod")).unwrap();
            assert!(
                text.lines().any(|line| line.trim() == package),
                "{name}: {package} is no tool of go/{module}/go.mod"
            );
        }
    }
}
