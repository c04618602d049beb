//! Choice of the logs: workload, Pods and containers. Pure.

use anyhow::{Result, anyhow, bail};
use session_shared::Pod;
use session_shared::api::{DesiredState, Phase, PrimaryRef, Session};
use session_shared::failure::with_hint;
use session_shared::objects::ObjectRef;
use session_shared::objects::metadata::name_of;
use session_shared::ops::ObservedSession;
use session_shared::reconcile::{NamedWorkload, WorkloadName, find_workload, is_primary_pod};
use session_shared::report::escape;

use crate::intent::ContainerSelection;

/// The Pods whose logs are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodSelection {
    /// Pods of a workload, with its default container where that is recorded.
    Workload {
        kind: String,
        name: String,
        container: Option<String>,
    },
    /// One Pod by name.
    Pod(String),
    /// Pods labelled as the primary workload's, for a session that records no primary workload.
    PrimaryLabel,
}

impl PodSelection {
    /// Returns true for a Pod whose logs are printed.
    pub(crate) fn matches(&self, pod: &Pod, workload: &ObjectRef) -> bool {
        match self {
            Self::Workload { kind, name, .. } => workload.kind == *kind && workload.name == *name,
            Self::Pod(name) => pod.metadata.name.as_deref() == Some(name),
            Self::PrimaryLabel => is_primary_pod(pod),
        }
    }
}

/// One log: a container of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerLog {
    pub(crate) pod: String,
    pub(crate) container: String,
}

/// Returns the workload or Pod given on the command line, else the primary workload.
///
/// # Errors
/// A workload that does not exist, or a name that several workloads have.
pub(crate) fn select_pods(
    observed: &ObservedSession,
    wanted: Option<&WorkloadName>,
) -> Result<PodSelection> {
    let primary = recorded_primary(&observed.session);
    let Some(wanted) = wanted else {
        return Ok(match primary {
            Some(primary) => PodSelection::Workload {
                kind: primary.kind.clone(),
                name: primary.name.clone(),
                container: primary.container.clone(),
            },
            None => PodSelection::PrimaryLabel,
        });
    };
    Ok(
        match find_workload(&observed.session, &observed.live, wanted)? {
            NamedWorkload::Pod(name) => PodSelection::Pod(name),
            NamedWorkload::Workload(one) => {
                let is_primary = |p: &&PrimaryRef| p.kind == one.kind && p.name == one.name;
                PodSelection::Workload {
                    container: primary.filter(is_primary).and_then(|p| p.container.clone()),
                    kind: one.kind,
                    name: one.name,
                }
            }
        },
    )
}

fn recorded_primary(session: &Session) -> Option<&PrimaryRef> {
    session.applied()?.primary.as_ref()
}

/// Returns the session's Pods whose logs are printed, the oldest first. Pods that are being deleted count only where there is no
/// other.
///
/// # Errors
/// No Pod exists, and none will come: the session is stopped or being deleted, or `follow` is false.
pub(crate) fn find_pods<'a>(
    observed: &'a ObservedSession,
    chosen: &PodSelection,
    follow: bool,
) -> Result<Vec<&'a Pod>> {
    let own = observed.own_pods().filter(|pod| {
        let workload = observed.live.workload_of(pod, observed.uid());
        workload.is_some_and(|workload| chosen.matches(pod, &workload))
    });
    let mut found: Vec<&Pod> = own.collect();
    if found.iter().any(|pod| !is_ending(pod)) {
        found.retain(|pod| !is_ending(pod));
    }
    found.sort_by_key(|pod| {
        (
            pod.metadata.creation_timestamp.clone().map(|t| t.0),
            pod_name(pod),
        )
    });
    if found.is_empty() {
        no_pods_error(&observed.session, chosen, follow)?;
    }
    Ok(found)
}

/// Returns the error for a session without Pods; none where `follow` can wait for one.
fn no_pods_error(session: &Session, chosen: &PodSelection, follow: bool) -> Result<()> {
    let name = session.name();
    let phase = session.phase();
    if session.is_being_deleted() {
        bail!(
            "cannot print logs of session {name:?}: the session is being deleted and has no Pods"
        );
    }
    if session.spec.state == Some(DesiredState::Stopped) || phase == Some(Phase::Stopped) {
        let error = anyhow!(
            "cannot print logs of session {name:?}: the session is stopped, and its Pods and logs are deleted"
        );
        let namespace = session.namespace();
        let start = format!("start the session: kubectl session start {name} -n {namespace}");
        return Err(with_hint(error, start));
    }
    if follow {
        return Ok(());
    }
    let error = match chosen {
        PodSelection::Workload {
            kind,
            name: workload,
            ..
        } => {
            let kind = kind.to_lowercase();
            anyhow!("cannot print logs of session {name:?}: {kind}/{workload} has no Pods")
        }
        PodSelection::Pod(_) | PodSelection::PrimaryLabel => {
            anyhow!("cannot print logs of session {name:?}: the session has no Pods")
        }
    };
    Err(with_hint(
        error,
        format!("wait for a Pod: kubectl session logs {name} -f"),
    ))
}

/// Returns the containers of a Pod whose logs are printed, with kubectl's note about a default container.
///
/// # Errors
/// A container that the Pod does not have, with kubectl's message.
pub(crate) fn select_containers(
    pod: &Pod,
    chosen: &PodSelection,
    wanted: &ContainerSelection,
) -> Result<(Vec<String>, Option<String>)> {
    let names = ContainerNames::from_pod(pod);
    let known = match chosen {
        PodSelection::Workload { container, .. } => container.as_deref(),
        PodSelection::Pod(_) | PodSelection::PrimaryLabel => None,
    };
    let all = || names.init.iter().chain(&names.main).chain(&names.ephemeral);
    let one = |name: &str| (vec![name.to_owned()], None);
    match wanted {
        ContainerSelection::All => Ok((all().cloned().collect(), None)),
        ContainerSelection::Named(name) if all().any(|known| known == name) => Ok(one(name)),
        ContainerSelection::Named(name) => bail!(
            "container {name} is not valid for pod {} out of: {}",
            pod_name(pod),
            names.to_list_text()
        ),
        ContainerSelection::Default => {
            if let Some(name) = known.filter(|known| all().any(|name| name == known)) {
                return Ok(one(name));
            }
            let annotations = pod.metadata.annotations.as_ref();
            let annotated = annotations
                .and_then(|all| all.get("kubectl.kubernetes.io/default-container"))
                .filter(|name| !name.is_empty());
            match annotated {
                Some(name) if all().any(|known| known == name) => Ok(one(name)),
                Some(name) => {
                    let pod = pod_name(pod);
                    let note = format!("Default container name {name:?} not found in pod {pod}");
                    names.default_container(Some(note))
                }
                None => names.default_container(None),
            }
        }
    }
}

/// Names of a Pod's containers.
struct ContainerNames {
    main: Vec<String>,
    init: Vec<String>,
    ephemeral: Vec<String>,
}

impl ContainerNames {
    fn from_pod(pod: &Pod) -> Self {
        let spec = pod.spec.iter();
        let main = spec.clone().flat_map(|spec| &spec.containers);
        let init = spec
            .clone()
            .flat_map(|spec| spec.init_containers.iter().flatten());
        let ephemeral = spec.flat_map(|spec| spec.ephemeral_containers.iter().flatten());
        Self {
            main: main.map(|container| container.name.clone()).collect(),
            init: init.map(|container| container.name.clone()).collect(),
            ephemeral: ephemeral.map(|container| container.name.clone()).collect(),
        }
    }

    /// Returns the names as kubectl lists them.
    fn to_list_text(&self) -> String {
        let named = |sort: &'static str| move |name: &String| format!("{name}{sort}");
        let main = self.main.iter().map(named(""));
        let ephemeral = self.ephemeral.iter().map(named(" (ephem)"));
        let init = self.init.iter().map(named(" (init)"));
        main.chain(ephemeral)
            .chain(init)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn default_container(&self, note: Option<String>) -> Result<(Vec<String>, Option<String>)> {
        let Some(first) = self.main.first() else {
            bail!("the pod has no containers");
        };
        let several = self.main.len() + self.init.len() + self.ephemeral.len() > 1;
        let defaulted = several.then(|| {
            format!(
                "Defaulted container {first:?} out of: {}",
                self.to_list_text()
            )
        });
        let notes: Vec<String> = note.into_iter().chain(defaulted).collect();
        let note = (!notes.is_empty()).then(|| notes.join("\n"));
        Ok((vec![first.clone()], note))
    }
}

/// Returns the prefix of a line, as kubectl's --prefix prints it.
pub(crate) fn line_prefix(pod: &str, container: &str) -> String {
    format!(
        "[pod/{}/{}] ",
        escape::escape_line(pod),
        escape::escape_line(container)
    )
}

/// True for a Pod that is being deleted.
fn is_ending(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Returns the name of a Pod.
pub(crate) fn pod_name(pod: &Pod) -> &str {
    name_of(&pod.metadata)
}
