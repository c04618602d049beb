//! Workloads and Pods of a session by the names that users and templates give them.
//!
//! ```text
//! "deploy/api" ─► WorkloadName ─► find_workload (Session, LiveObjects) ─► NamedWorkload ─► is_own_pod: its Pods
//! ```

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Pod;

use super::live_objects::LiveObjects;
use session_model::api::Session;
use session_model::failure::usage_error;
use session_model::objects::ObjectRef;
use session_model::objects::pods::pod_metadata_paths;

/// kubectl's short names of kinds with Pods.
const SHORT_KINDS: [(&str, &str); 5] = [
    ("po", "pod"),
    ("deploy", "deployment"),
    ("sts", "statefulset"),
    ("ds", "daemonset"),
    ("rs", "replicaset"),
];

/// A workload or Pod as a user or template names it: NAME or KIND/NAME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadName {
    /// Kind in lower case; empty where none was given.
    kind: String,
    name: String,
}

impl FromStr for WorkloadName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, name) = text.split_once('/').unwrap_or(("", text));
        if name.is_empty() || name.contains('/') || (kind.is_empty() && text.contains('/')) {
            return Err(usage_error(format!(
                "invalid workload {text:?}: must be NAME or KIND/NAME"
            )));
        }
        let kind = kind.split('.').next().unwrap_or(kind).to_lowercase();
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

impl WorkloadName {
    /// Returns the objects of that kind and name. If there are none, those whose names differ only by a prefix that ends in "-":
    /// kustomize adds one in its overlays (`api`, `staging-api`).
    pub fn filter<'a>(&self, objects: &'a [ObjectRef]) -> Vec<&'a ObjectRef> {
        let of_kind = || {
            let all = objects.iter();
            all.filter(|object| matches_kind(&object.kind, &self.kind))
        };
        let exact: Vec<&ObjectRef> = of_kind()
            .filter(|object| object.name == self.name)
            .collect();
        if !exact.is_empty() {
            return exact;
        }
        of_kind()
            .filter(|object| {
                is_prefixed(&object.name, &self.name) || is_prefixed(&self.name, &object.name)
            })
            .collect()
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.as_str() {
            "" => f.write_str(&self.name),
            kind => write!(f, "{kind}/{}", self.name),
        }
    }
}

/// A workload of a session, or one of its Pods, that was found by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedWorkload {
    /// A workload.
    Workload(ObjectRef),
    /// A Pod of a workload, by name.
    Pod(String),
}

impl NamedWorkload {
    /// Returns true for a Pod of the session that is the named one, or one of the named workload.
    pub fn is_own_pod(&self, live: &LiveObjects, pod: &Pod, session_uid: Option<&str>) -> bool {
        match self {
            Self::Pod(name) => pod.metadata.name.as_ref() == Some(name),
            Self::Workload(wanted) => {
                let workload = live.workload_of(pod, session_uid);
                workload.is_some_and(|found| is_same(&found, wanted))
            }
        }
    }

    /// Returns kind and name, as kubectl prints them.
    pub fn to_text(&self) -> String {
        match self {
            Self::Workload(object) => kind_and_name(object),
            Self::Pod(name) => format!("pod/{name}"),
        }
    }
}

/// Finds a workload or Pod of the session by name.
///
/// # Errors
/// A name that no workload has, with those that exist, or that several have.
pub fn find_workload(
    session: &Session,
    live: &LiveObjects,
    wanted: &WorkloadName,
) -> Result<NamedWorkload> {
    let all = session_workloads(session, live);
    let found = wanted.filter(&all);
    let mut pods = live.own_pods(session.uid());
    let is_named = |pod: &Pod| pod.metadata.name.as_ref() == Some(&wanted.name);
    let is_exact = found.iter().any(|object| object.name == wanted.name);
    if !is_exact && matches_kind("Pod", &wanted.kind) && pods.any(is_named) {
        return Ok(NamedWorkload::Pod(wanted.name.clone()));
    }
    if let [one] = found.as_slice() {
        return Ok(NamedWorkload::Workload((*one).clone()));
    }
    let several = !found.is_empty();
    let listed = if several { found } else { all.iter().collect() };
    let listed: Vec<String> = listed.into_iter().map(kind_and_name).collect();
    let (listed, session, text) = (listed.join(", "), session.name(), wanted.to_string());
    if several {
        let name = &wanted.name;
        bail!("workload {name:?} of session {session:?} is ambiguous: use one of {listed}");
    }
    let listed = match listed.as_str() {
        "" => "no workloads",
        listed => listed,
    };
    bail!("workload {text:?} not found in session {session:?}: the session has {listed}")
}

/// Returns the session's workloads: those that its last start recorded, and the owners of its existing Pods.
fn session_workloads(session: &Session, live: &LiveObjects) -> Vec<ObjectRef> {
    let applied = session.applied().into_iter();
    let made = applied.flat_map(|applied| applied.objects.iter().cloned());
    let pods = live.own_pods(session.uid());
    let owners = pods.filter_map(|pod| live.workload_of(pod, session.uid()));
    let mut found: Vec<ObjectRef> = Vec::new();
    for object in made.chain(owners) {
        let is_known = found.iter().any(|other| is_same(other, &object));
        if !pod_metadata_paths(&object.kind).is_empty() && !is_known {
            found.push(object);
        }
    }
    found
}

fn is_same(one: &ObjectRef, other: &ObjectRef) -> bool {
    one.kind == other.kind && one.name == other.name
}

fn is_prefixed(long: &str, short: &str) -> bool {
    long.strip_suffix(short)
        .is_some_and(|prefix| prefix.len() > 1 && prefix.ends_with('-'))
}

fn kind_and_name(object: &ObjectRef) -> String {
    format!("{}/{}", object.kind.to_lowercase(), object.name)
}

/// Returns true if `typed` is a name of `kind`: singular, plural or kubectl's short name. An empty `typed` matches every kind.
fn matches_kind(kind: &str, typed: &str) -> bool {
    let kind = kind.to_lowercase();
    let mut short = SHORT_KINDS.iter();
    let long = short.find(|(short, _)| *short == typed);
    typed.is_empty()
        || typed == kind
        || typed.strip_suffix('s') == Some(&kind)
        || long.is_some_and(|(_, long)| *long == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> WorkloadName {
        text.parse().unwrap()
    }

    #[test]
    fn a_workload_has_a_name_and_perhaps_a_kind() {
        for (text, kind, of) in [
            ("api", "", "api"),
            ("Deployment.apps/api", "deployment", "api"),
        ] {
            let found = name(text);
            assert_eq!((found.kind.as_str(), found.name.as_str()), (kind, of));
        }
        for text in ["/", "a/", "/a", "a/b/c", ""] {
            assert!(text.parse::<WorkloadName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_match_with_and_without_a_prefix_and_exactly_first() {
        let object = |kind: &str, name: &str| ObjectRef {
            kind: kind.into(),
            name: name.into(),
            ..ObjectRef::default()
        };
        let all = [
            object("Deployment", "staging-api"),
            object("Deployment", "web"),
            object("Deployment", "new-web"),
            object("StatefulSet", "db"),
        ];
        let found = |text: &str| -> Vec<&str> {
            let found = name(text).filter(&all).into_iter();
            found.map(|object| object.name.as_str()).collect()
        };
        assert_eq!(found("api"), ["staging-api"]);
        assert_eq!(found("deploy/api"), ["staging-api"]);
        assert_eq!(found("sts/api"), Vec::<&str>::new());
        assert_eq!(found("web"), ["web"]);
        assert_eq!(found("prod-db"), ["db"]);
        assert_eq!(found("staging-web"), ["web"]);
        assert_eq!(found("pi"), Vec::<&str>::new());
    }
}
