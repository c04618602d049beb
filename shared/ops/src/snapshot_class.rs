//! Which VolumeSnapshotClass a snapshot is taken with: the user's, the driver's default, or its only one.

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::Cluster;
use session_client::Place;
use session_client::Selection;
use session_model::failure::{self, Kind, hinted};
use session_model::names::check_subdomain;
use session_model::objects::resource::{STORAGE_CLASS, VOLUME_SNAPSHOT_CLASS, annotation, text};

/// Annotation of a default class, `"true"`.
const DEFAULT: &str = "snapshot.storage.kubernetes.io/is-default-class";
/// Annotations of a claim: who makes its volume. The first is the newer.
const PROVISIONER: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];

/// What snapshots are taken with.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    /// The class of each claim's snapshot; `None` leaves it to the server, where the caller may not see classes.
    pub(super) names: Vec<Option<String>>,
    /// Names of classes whose snapshots leave their data at the driver when they are deleted.
    pub(super) retaining: Vec<String>,
}

/// The value of `--class`.
///
/// # Errors
/// One that no class can have.
pub fn class_name(given: Option<&str>) -> Result<Option<String>> {
    if let Some(class) = given {
        check_subdomain(class)
            .map_err(|why| anyhow!("invalid VolumeSnapshotClass {class:?}: {why}"))?;
    }
    Ok(given.map(str::to_owned))
}

/// The VolumeSnapshotClasses of the cluster, as one LIST answered: whoever wants a snapshot can ask for them before it knows of
/// what.
#[derive(Debug)]
pub struct Offered(Result<Option<Vec<Value>>>);

impl Offered {
    /// Asks for them. What is refused is told when they are needed.
    pub async fn by(cluster: &Cluster) -> Self {
        let all = Selection::default();
        let listed = cluster
            .list(&VOLUME_SNAPSHOT_CLASS, Place::Cluster, &all)
            .await;
        Self(match listed {
            Ok(list) => Ok(Some(list.items)),
            Err(error) if failure::is(&error, Kind::Forbidden) => Ok(None),
            Err(error) => Err(served(error)),
        })
    }
}

/// The class of each claim's snapshot.
///
/// # Errors
/// The server has no snapshots; no class fits, or several do; the wanted one does not exist or is another driver's.
pub(super) async fn classes(
    cluster: &Cluster,
    claims: &[&Value],
    wanted: Option<&str>,
    offered: Offered,
) -> Result<Classes> {
    let Some(present) = offered.0? else {
        return Ok(Classes {
            names: vec![wanted.map(str::to_owned); claims.len()],
            retaining: Vec::new(),
        });
    };
    let mut chosen = Vec::new();
    for claim in claims {
        let driver = driver(cluster, claim).await?;
        chosen.push(Some(choose(&present, claim, driver.as_deref(), wanted)?));
    }
    let retains = present
        .iter()
        .filter(|class| text(class, "/deletionPolicy") == "Retain");
    Ok(Classes {
        names: chosen,
        retaining: retains
            .map(|class| text(class, "/metadata/name").to_owned())
            .collect(),
    })
}

/// An error of a request for snapshots or their classes, with the way out where there are none in the cluster.
pub fn served(error: anyhow::Error) -> anyhow::Error {
    if !failure::is(&error, Kind::NoSuchResource) {
        return error;
    }
    hinted(
        anyhow!("the cluster has no snapshots: snapshot.storage.k8s.io/v1 is not served"),
        "have an admin install the VolumeSnapshot definitions, the snapshot-controller, and a CSI driver that can cut snapshots",
    )
}

/// Who makes the claim's volume.
async fn driver(cluster: &Cluster, claim: &Value) -> Result<Option<String>> {
    if let Some(driver) = PROVISIONER.iter().find_map(|key| annotation(claim, key)) {
        return Ok(Some(driver.to_owned()));
    }
    let class = text(claim, "/spec/storageClassName");
    if class.is_empty() {
        return Ok(None);
    }
    let found = match cluster.get(&STORAGE_CLASS, "", class).await {
        Err(error) if failure::is(&error, Kind::Forbidden) => None,
        other => other?,
    };
    let driver = found.map(|class| text(&class, "/provisioner").to_owned());
    Ok(driver.filter(|driver| !driver.is_empty()))
}

fn choose(
    present: &[Value],
    claim: &Value,
    driver: Option<&str>,
    wanted: Option<&str>,
) -> Result<String> {
    let name = |class: &&Value| text(class, "/metadata/name").to_owned();
    let fits = |class: &&Value| driver.is_none_or(|driver| text(class, "/driver") == driver);
    let fitting: Vec<&Value> = present.iter().filter(fits).collect();
    let names = fitting.iter().map(name).collect::<Vec<_>>().join(", ");
    let claim = text(claim, "/metadata/name");
    let whose = driver.map_or_else(String::new, |driver| format!(" of driver {driver:?}"));
    let there = match names.as_str() {
        "" => format!(
            "the cluster has none{whose}: have an admin make one, or keep the data on a volume of a driver that has one"
        ),
        names => format!("choose one with --class: {names}"),
    };
    if let Some(wanted) = wanted {
        let Some(class) = present.iter().find(|class| name(class) == wanted) else {
            let error = anyhow!("VolumeSnapshotClass {wanted:?} does not exist");
            return Err(hinted(error, there));
        };
        if !fits(&class) {
            let error = anyhow!(
                "VolumeSnapshotClass {wanted:?} is of driver {:?}, and claim {claim:?} is{whose}",
                text(class, "/driver")
            );
            return Err(hinted(error, there));
        }
        return Ok(wanted.to_owned());
    }
    let is_default = |class: &&Value| annotation(class, DEFAULT) == Some("true");
    let defaults: Vec<&Value> = fitting.iter().copied().filter(is_default).collect();
    match (defaults.as_slice(), fitting.as_slice()) {
        ([only], _) | ([], [only]) if driver.is_some() => Ok(name(only)),
        (_, []) => {
            let error = anyhow!("no VolumeSnapshotClass fits claim {claim:?}");
            Err(hinted(error, there))
        }
        ([_, _, ..], _) => {
            let defaults: Vec<String> = defaults.iter().map(name).collect();
            let error = anyhow!(
                "several VolumeSnapshotClasses{whose} are the default: {}",
                defaults.join(", ")
            );
            Err(hinted(error, there))
        }
        _ if driver.is_none() => {
            let error = anyhow!("the driver of claim {claim:?} is not known");
            Err(hinted(error, there))
        }
        _ => {
            let error = anyhow!("none of the VolumeSnapshotClasses{whose} is the default");
            Err(hinted(error, there))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use session_model::failure::Hinted;

    fn class(name: &str, driver: &str, default: bool) -> Value {
        json!({ "metadata": { "name": name, "annotations": { DEFAULT: default.to_string() } }, "driver": driver })
    }

    fn chosen(present: &[Value], driver: Option<&str>, wanted: Option<&str>) -> String {
        let claim = json!({ "metadata": { "name": "home" } });
        choose(present, &claim, driver, wanted).unwrap_or_else(|error| {
            let hinted = error.downcast_ref::<Hinted>().unwrap();
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
            "several VolumeSnapshotClasses of driver \"x\" are the default: a, b; choose one with --class: a, b"
        );
        let none = [class("a", "x", false), class("b", "x", false)];
        assert_eq!(
            chosen(&none, Some("x"), None),
            "none of the VolumeSnapshotClasses of driver \"x\" is the default; choose one with --class: a, b"
        );
        assert_eq!(
            chosen(&none, Some("y"), None),
            "no VolumeSnapshotClass fits claim \"home\"; the cluster has none of driver \"y\": have an admin make one, \
            or keep the data on a volume of a driver that has one"
        );
        assert_eq!(
            chosen(&none, Some("x"), Some("q")),
            "VolumeSnapshotClass \"q\" does not exist; choose one with --class: a, b"
        );
        assert!(chosen(&none, Some("y"), Some("a")).starts_with(
            "VolumeSnapshotClass \"a\" is of driver \"x\", and claim \"home\" is of driver \"y\"; "
        ));
        assert_eq!(
            chosen(&two, None, None),
            "several VolumeSnapshotClasses are the default: a, b; choose one with --class: a, b"
        );
        assert_eq!(
            chosen(&none[..1], None, None),
            "the driver of claim \"home\" is not known; choose one with --class: a"
        );
    }
}
