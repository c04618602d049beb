//! The start of a new cluster.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::parts::Part;
use crate::say::say;
use crate::settings::{NODE, Ports, Settings};
use crate::{
    cgroups, config_files, containers, csi, idle, kubeconfig, kubectl, kwok, lifecycle,
    local_images, network, pki, prerequisites, process, running,
};

/// Starts a new cluster in a folder that does not exist yet. The caller holds the change lock.
///
/// # Errors
/// When a part does not come up; what was started stays for `leftovers::remove`.
pub(crate) fn start(folder: &Folder, programs: &std::path::Path) -> Result<Settings> {
    let begin = Instant::now();
    let unable = prerequisites::missing_for_containers();
    folder.create()?;
    let mut settings = Settings {
        programs: programs.to_owned(),
        boot: process::boot_id(),
        ports: Ports::free()?,
        no_network: unable.clone(),
        no_containers: unable,
        no_proxy: None,
        ip_forward_before: network::ip_forward(),
        snapshotter: containers::snapshotter(folder).to_owned(),
        complete: false,
    };
    // Before anything is changed: a killed start is cleaned up by what stands here, at the latest by the watcher.
    settings.write(folder)?;
    idle::touch(folder);
    idle::start(folder);
    if settings.no_network.is_none() {
        settings.no_network = network::create(folder)
            .err()
            .map(|error| format!("no network for Pods: {error:#}"));
        let no_cgroups = cgroups::create().err().map(|error| format!("{error:#}"));
        settings.no_containers = settings.no_network.clone().or(no_cgroups);
        settings.no_proxy = network::no_nftables();
    }
    pki::create(folder)?;
    kubeconfig::write_all(folder, &settings.server())?;
    config_files::write(folder, &settings)?;
    settings.write(folder)?;
    start_parts(folder, &mut settings)?;
    settings.complete = true;
    settings.write(folder)?;
    idle::touch(folder);
    say(&format!("up after {:.1} s", begin.elapsed().as_secs_f64()));
    Ok(settings)
}

/// The control plane and the trial of a container at the same time, then the node.
fn start_parts(folder: &Folder, settings: &mut Settings) -> Result<()> {
    let (plane, trial) = std::thread::scope(|scope| {
        let trial = scope.spawn(|| {
            if settings.has_kubelet() {
                try_containers(folder, settings)
            } else {
                Ok(())
            }
        });
        let plane = start_plane(folder, settings);
        (plane, trial.join())
    });
    plane?;
    let Ok(trial) = trial else {
        bail!("the trial of a container broke off")
    };
    if let Err(error) = trial {
        settings.no_containers = Some(format!("{error:#}"));
    }
    match &settings.no_containers {
        None => {
            let settings = &*settings;
            return std::thread::scope(|scope| {
                let storage = scope.spawn(|| csi::start(folder, settings));
                let node =
                    start_node(folder, settings).and_then(|()| wait_for_node(folder, settings));
                let storage = storage.join();
                node?;
                let Ok(storage) = storage else {
                    bail!("the start of the storage broke off")
                };
                storage
            });
        }
        Some(reason) => {
            say(&format!(
                "no containers on this machine ({reason}); kwok plays the node"
            ));
            running::kill(folder, Part::Containerd)?;
            kwok::start_as_node(folder, settings)?;
        }
    }
    wait_for_node(folder, settings)
}

fn start_plane(folder: &Folder, settings: &Settings) -> Result<()> {
    running::start(folder, settings, Part::Etcd)?;
    running::wait(folder, settings, Part::Etcd)?;
    running::start(folder, settings, Part::ApiServer)?;
    running::wait(folder, settings, Part::ApiServer)?;
    for part in [Part::ControllerManager, Part::Scheduler] {
        running::start(folder, settings, part)?;
    }
    Ok(())
}

/// The only way to know whether containers run is to run one.
fn try_containers(folder: &Folder, settings: &Settings) -> Result<()> {
    running::start(folder, settings, Part::Containerd)?;
    running::wait(folder, settings, Part::Containerd)?;
    for image in local_images::all()? {
        containers::import(folder, settings, &image)?;
    }
    containers::try_one(folder, settings).context("a container does not start")
}

fn start_node(folder: &Folder, settings: &Settings) -> Result<()> {
    running::start(folder, settings, Part::Kubelet)?;
    match &settings.no_proxy {
        None => running::start(folder, settings, Part::Proxy)?,
        Some(reason) => say(&format!(
            "no kube-proxy ({reason}): Services have addresses that lead nowhere"
        )),
    }
    kubectl::must(folder, settings, &["apply", "-f", "-"], Some(NO_DNS))?;
    // The rest of the storage comes up by itself: only tests with claims need it, and they wait for it.
    lifecycle::expected(folder, settings)
        .into_iter()
        .filter(|part| !Part::STORAGE.contains(part))
        .try_for_each(|part| running::wait(folder, settings, part))
}

/// Every Pod asks 10.96.0.10 for names. An address without a Service swallows packets, and each look-up takes 20 s;
/// a Service without endpoints refuses them at once.
const NO_DNS: &str = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"kube-dns","namespace":"kube-system"},"spec":{
"clusterIP":"10.96.0.10","ports":[{"name":"dns","port":53,"protocol":"UDP"},{"name":"dns-tcp","port":53,"protocol":"TCP"}]}}"#;

/// Waits until Pods can be made and get a node: a Ready node without taints, and the default ServiceAccount.
///
/// # Errors
/// When that takes more than 90 s.
pub(crate) fn wait_for_node(folder: &Folder, settings: &Settings) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(90);
    let node = if settings.has_kubelet() {
        NODE
    } else {
        kwok::NODE
    };
    let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}{.spec.taints}";
    loop {
        let ready = kubectl::run(folder, settings, &["get", "node", node, "-o", path], None)?;
        let account = || {
            kubectl::run(
                folder,
                settings,
                &[
                    "get",
                    "serviceaccount",
                    "default",
                    "-n",
                    "default",
                    "-o",
                    "name",
                ],
                None,
            )
        };
        if ready.stdout == "True" && account()?.success() {
            return Ok(());
        }
        if Instant::now() > until {
            bail!(
                "node {node} is not ready after 90 s: {}{}",
                ready.stdout,
                ready.stderr.trim()
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
