//! Choice of the VolumeSnapshotClass of a snapshot: the user's, else the driver's default, else the driver's only one.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, ObjectList, Scope};
use session_model::failure::{self, FailureKind, with_hint};
use session_model::names::check_dns_subdomain;
use session_model::objects::Untyped;
use session_model::objects::resource::{STORAGE_CLASS, VOLUME_SNAPSHOT_CLASS};

/// Annotation of a default class; its value is `"true"`.
const DEFAULT_CLASS_ANNOTATION: &str = "snapshot.storage.kubernetes.io/is-default-class";
/// Annotations of a claim that name its provisioner; the first is the newer one.
const PROVISIONER_ANNOTATIONS: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];

/// The chosen VolumeSnapshotClasses of a session's claims.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassChoice {
    /// The class of each claim, in the order of the claims; `None` leaves the choice to the server, if the caller may not list
    /// classes.
    pub(super) names: Vec<Option<String>>,
    /// Names of the classes with deletionPolicy Retain.
    pub(super) retaining: Vec<String>,
}

/// Validates the value of `--class`.
///
/// # Errors
/// An invalid object name.
pub fn parse_class_name(given: Option<&str>) -> Result<Option<String>> {
    if let Some(class) = given {
        check_dns_subdomain(class)
            .map_err(|why| anyhow!("invalid VolumeSnapshotClass {class:?}: {why}"))?;
    }
    Ok(given.map(str::to_owned))
}

/// The VolumeSnapshotClasses of the cluster. They are listed by themselves, so that the request can run at the same time as the
/// reads of the sessions. A refusal is kept, and returned for each session when the classes are used.
#[derive(Debug)]
pub struct SnapshotClasses(Result<Option<Arc<ObjectList>>>);

impl SnapshotClasses {
    /// Lists the classes.
    pub async fn list(cluster: &Cluster) -> Self {
        let all = ListOptions::default();
        let listed = cluster
            .list_shared(&VOLUME_SNAPSHOT_CLASS, Scope::Cluster, &all)
            .await;
        Self(match listed {
            Ok(list) => Ok(Some(list)),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        })
    }
}

/// Chooses the class of each claim's snapshot.
///
/// # Errors
/// The server does not serve snapshots; no class or several classes are possible; the wanted class does not exist or belongs to
/// another driver.
pub(super) async fn choose_classes(
    cluster: &Cluster,
    claims: &[&Value],
    wanted: Option<&str>,
    offered: &SnapshotClasses,
) -> Result<ClassChoice> {
    let present = offered.0.as_ref().map_err(refusal_of)?;
    let Some(present) = present else {
        return Ok(ClassChoice {
            names: vec![wanted.map(str::to_owned); claims.len()],
            retaining: Vec::new(),
        });
    };
    let present = &present.items;
    let mut chosen = Vec::new();
    for claim in claims {
        let driver = read_driver(cluster, claim).await?;
        chosen.push(Some(choose_class(
            present,
            claim,
            driver.as_deref(),
            wanted,
        )?));
    }
    let retains = present
        .iter()
        .filter(|class| Untyped(class).str_at("/deletionPolicy") == Some("Retain"));
    Ok(ClassChoice {
        names: chosen,
        retaining: retains
            .map(|class| Untyped(class).name().to_owned())
            .collect(),
    })
}

/// Returns the refusal of the list of classes for one more session.
fn refusal_of(error: &anyhow::Error) -> anyhow::Error {
    match failure::find_failure(error) {
        Some(failure) => clarify_unserved(failure.clone().into()),
        None => anyhow!("{error:#}"),
    }
}

/// Replaces the error of a request for snapshots or classes by a clearer one if the server does not serve them.
pub fn clarify_unserved(error: anyhow::Error) -> anyhow::Error {
    if !failure::has_kind(&error, FailureKind::ResourceTypeNotFound) {
        return error;
    }
    with_hint(
        anyhow!("the cluster has no volume snapshots: snapshot.storage.k8s.io/v1 is not served"),
        "ask an admin to install the VolumeSnapshot CRDs, the snapshot-controller, and a CSI driver with snapshot support",
    )
}

/// Returns the driver that provisions the claim's volume, if it is known.
async fn read_driver(cluster: &Cluster, claim: &Value) -> Result<Option<String>> {
    if let Some(driver) = PROVISIONER_ANNOTATIONS
        .iter()
        .find_map(|key| Untyped(claim).annotation(key))
    {
        return Ok(Some(driver.to_owned()));
    }
    let Some(class) = Untyped(claim).str_at("/spec/storageClassName") else {
        return Ok(None);
    };
    let found = match cluster.get_shared(&STORAGE_CLASS, "", class).await {
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => None,
        other => other?,
    };
    let driver = found.as_ref().and_then(|class| {
        let provisioner = Untyped(class).str_at("/provisioner")?;
        Some(provisioner.to_owned())
    });
    Ok(driver)
}

/// Chooses the class of one claim's snapshot, with the classes to choose from as the hint of an error.
///
/// # Errors
/// The wanted class does not exist or is of another driver; without a wanted one, none or several are possible.
fn choose_class(
    present: &[Value],
    claim: &Value,
    driver: Option<&str>,
    wanted: Option<&str>,
) -> Result<String> {
    let fits = |class: &&Value| is_of_driver(class, driver);
    let fitting: Vec<&Value> = present.iter().filter(fits).collect();
    let claim = Untyped(claim).name();
    let whose = driver.map_or_else(String::new, |driver| format!(" of driver {driver:?}"));
    let chosen = match wanted {
        Some(wanted) => check_wanted(present, claim, driver, wanted, &whose),
        None => choose_default(&fitting, claim, driver, &whose),
    };
    chosen.map_err(|error| {
        let hint = match class_names(&fitting).as_str() {
            "" => format!(
                "ask an admin for a VolumeSnapshotClass{whose}, or keep the data on a volume whose driver has one"
            ),
            names => format!("choose one with --class: {names}"),
        };
        with_hint(error, hint)
    })
}

/// Returns true if the class is of the driver, or the driver is not known.
fn is_of_driver(class: &Value, driver: Option<&str>) -> bool {
    driver.is_none_or(|driver| Untyped(class).str_at("/driver") == Some(driver))
}

fn class_names(classes: &[&Value]) -> String {
    let names: Vec<&str> = classes.iter().map(|class| Untyped(class).name()).collect();
    names.join(", ")
}

/// Returns the class that the user wants, if it can be used. `whose` names the claim's driver.
///
/// # Errors
/// It does not exist, or is of another driver.
fn check_wanted(
    present: &[Value],
    claim: &str,
    driver: Option<&str>,
    wanted: &str,
    whose: &str,
) -> Result<String> {
    let mut named = present.iter();
    let Some(class) = named.find(|class| Untyped(class).name() == wanted) else {
        bail!("VolumeSnapshotClass {wanted:?} does not exist");
    };
    if !is_of_driver(class, driver) {
        bail!(
            "VolumeSnapshotClass {wanted:?} is of driver {:?}, but claim {claim:?} is{whose}",
            Untyped(class).str_at("/driver").unwrap_or(Untyped::NONE)
        );
    }
    Ok(wanted.to_owned())
}

/// Chooses the driver's default class, else its only one. `whose` names the driver.
///
/// # Errors
/// There is no such class, or several; the driver is not known.
fn choose_default(
    fitting: &[&Value],
    claim: &str,
    driver: Option<&str>,
    whose: &str,
) -> Result<String> {
    let is_default =
        |class: &&Value| Untyped(class).annotation(DEFAULT_CLASS_ANNOTATION) == Some("true");
    let defaults: Vec<&Value> = fitting.iter().copied().filter(is_default).collect();
    match (defaults.as_slice(), fitting) {
        ([only], _) | ([], [only]) if driver.is_some() => Ok(Untyped(only).name().to_owned()),
        (_, []) => bail!("no VolumeSnapshotClass for claim {claim:?}"),
        ([_, _, ..], _) => bail!(
            "several default VolumeSnapshotClasses{whose}: {}",
            class_names(&defaults)
        ),
        _ if driver.is_none() => bail!("driver of claim {claim:?} is unknown"),
        _ => bail!("no default among the VolumeSnapshotClasses{whose}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use session_model::failure::ErrorWithHint;

    fn class(name: &str, driver: &str, default: bool) -> Value {
        json!({ "metadata": { "name": name, "annotations": { DEFAULT_CLASS_ANNOTATION: default.to_string() } }, "driver": driver })
    }

    fn chosen(present: &[Value], driver: Option<&str>, wanted: Option<&str>) -> String {
        let claim = json!({ "metadata": { "name": "home" } });
        choose_class(present, &claim, driver, wanted).unwrap_or_else(|error| {
            let hinted = error.downcast_ref::<ErrorWithHint>().unwrap();
            format!("{hinted}; {}", hinted.hint)
        })
    }

    #[test]
    fn the_default_of_the_driver_or_its_only_class_is_taken() {
        let all = [
            class("a", "x", false),
            class("b", "x", true),
            class("c", "y", false),
            class("d", "z", true),
        ];
        assert_eq!(chosen(&all, Some("x"), None), "b");
        assert_eq!(chosen(&all, Some("y"), None), "c");
        assert_eq!(chosen(&all, Some("x"), Some("a")), "a");
        assert_eq!(chosen(&all, None, Some("c")), "c");
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_does() {
        let two = [class("a", "x", true), class("b", "x", true)];
        assert_eq!(
            chosen(&two, Some("x"), None),
            "several default VolumeSnapshotClasses of driver \"x\": a, b; choose one with --class: a, b"
        );
        let none = [class("a", "x", false), class("b", "x", false)];
        assert_eq!(
            chosen(&none, Some("x"), None),
            "no default among the VolumeSnapshotClasses of driver \"x\"; choose one with --class: a, b"
        );
        assert_eq!(
            chosen(&none, Some("y"), None),
            "no VolumeSnapshotClass for claim \"home\"; ask an admin for a VolumeSnapshotClass of driver \"y\", \
            or keep the data on a volume whose driver has one"
        );
        assert_eq!(
            chosen(&none, Some("x"), Some("q")),
            "VolumeSnapshotClass \"q\" does not exist; choose one with --class: a, b"
        );
        assert!(chosen(&none, Some("y"), Some("a")).starts_with(
            "VolumeSnapshotClass \"a\" is of driver \"x\", but claim \"home\" is of driver \"y\"; "
        ));
        assert_eq!(
            chosen(&two, None, None),
            "several default VolumeSnapshotClasses: a, b; choose one with --class: a, b"
        );
        assert_eq!(
            chosen(&none[..1], None, None),
            "driver of claim \"home\" is unknown; choose one with --class: a"
        );
    }
}
