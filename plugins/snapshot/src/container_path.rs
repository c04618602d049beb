//! Container and directories whose files are copied, and checks of container paths.

use anyhow::{Result, anyhow};
use session_shared::Pod;
use session_shared::client::container_directory::ContainerDirectory;
use session_shared::client::container_files::ContainerRef;
use session_shared::failure::{usage_error, with_hint};
use session_shared::objects::conditions::is_ready;
use session_shared::ops::ObservedSession;
use session_shared::reconcile::{container_names, default_container, is_primary_pod};

/// Returns the wanted container of a session, or its primary one.
///
/// # Errors
/// A session that is not running; a container that no Pod of the session has.
pub(crate) fn find_container(
    observed: &ObservedSession,
    wanted: Option<&str>,
) -> Result<ContainerRef> {
    let (session, namespace) = (observed.name(), observed.namespace());
    let own = observed.live.own_pods(&observed.ownership.session_uid);
    let mut pods = observed
        .live
        .prefer_recorded(&observed.session, own.collect());
    pods.sort_by_key(|pod| (!is_primary_pod(pod), !is_ready(pod)));
    let Some(first) = pods.first().filter(|_| observed.has_live_workload()) else {
        let error = anyhow!("cannot access files of session {session:?}: session is not running");
        let start = format!("start the session: kubectl session start {session} -n {namespace}");
        return Err(with_hint(error, start));
    };
    let has = |pod: &&&Pod| container_names(pod).any(|name| Some(name) == wanted);
    let (pod, container) = match wanted {
        None => (*first, default_container(&observed.session, first)),
        Some(wanted) => match pods.iter().find(has) {
            Some(pod) => (*pod, wanted.to_owned()),
            None => {
                let there: Vec<&str> = container_names(first).collect();
                return Err(anyhow!(
                    "container {wanted:?} not found in pod {:?}: choose one of {}",
                    pod_name(first),
                    there.join(", ")
                ));
            }
        },
    };
    Ok(ContainerRef {
        namespace: namespace.to_owned(),
        pod: pod_name(pod).to_owned(),
        container,
    })
}

fn pod_name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// Directories to copy from a container, as a base directory and paths relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceDirectories {
    /// Directory that `paths` are relative to; empty for the container's default directory.
    pub(crate) base: String,
    /// Paths to copy, relative to `base`.
    pub(crate) paths: Vec<String>,
}

impl SourceDirectories {
    /// Parses the values of `--path`. A single directory becomes the base; several are copied relative to `/`.
    ///
    /// # Errors
    /// A path that is not absolute, or is `/`.
    pub(crate) fn parse(paths: &[String]) -> Result<Self> {
        let cleaned = paths.iter().map(|path| parse_directory(path));
        let mut cleaned = cleaned.collect::<Result<Vec<String>>>()?;
        // A directory inside another one is copied with it; listed twice, its files would be stored twice.
        cleaned.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        cleaned.dedup_by(|path, before| {
            let rest = path.strip_prefix(before.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let base = match cleaned.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            several => {
                return Ok(Self {
                    base: "/".to_owned(),
                    paths: several.iter().map(|path| format!(".{path}")).collect(),
                });
            }
        };
        let paths = vec![".".to_owned()];
        Ok(Self { base, paths })
    }
}

/// Validates a directory path in a container. Returns it without a trailing slash.
///
/// # Errors
/// A path that is not absolute, or is `/`.
pub(crate) fn parse_directory(path: &str) -> Result<String> {
    match normalize_absolute(path) {
        None => Err(usage_error(format!(
            "--path must be an absolute path in the container, got {path:?}"
        ))),
        Some(root) if root == "/" => Err(usage_error(
            "--path cannot be /: the root directory contains files of the image and the node",
        )),
        Some(path) => Ok(path),
    }
}

/// Normalizes an absolute path; `None` for a relative path, one with `..`, or one with control characters.
pub(crate) fn normalize_absolute(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let leads_out = parts.contains(&"..");
    let is_plain = path.starts_with('/') && !path.contains(char::is_control);
    (is_plain && !leads_out).then(|| format!("/{}", parts.join("/")))
}

/// Refuses the container's root as the default directory.
///
/// # Errors
/// `path` is `/`.
pub(crate) fn ensure_not_root(path: &str, inside: &ContainerRef) -> Result<()> {
    if path != "/" {
        return Ok(());
    }
    let error = anyhow!(
        "cannot choose a directory: container {:?} of pod {:?} has neither a working directory nor a home directory",
        inside.container,
        inside.pod
    );
    Err(with_hint(error, "choose a directory with --path DIR"))
}

/// Adds a hint about the state of the files after an incomplete restore.
pub(crate) fn with_incomplete_hint(
    error: anyhow::Error,
    place: &ContainerDirectory,
    inside: &ContainerRef,
) -> anyhow::Error {
    let left = format!(
        "run the command again: only some of the files below {:?} in container {:?} may have been replaced",
        place.path, inside.container
    );
    with_hint(error, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(paths: &[&str]) -> Result<SourceDirectories> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        SourceDirectories::parse(&paths)
    }

    #[test]
    fn one_directory_is_taken_by_itself_and_several_below_the_root() {
        let one = folders(&["/home//dev/./"]).unwrap();
        assert_eq!(
            (one.base.as_str(), one.paths.join(" ")),
            ("/home/dev", ".".into())
        );
        let two = folders(&["/home/dev", "/-x"]).unwrap();
        assert_eq!(
            (two.base.as_str(), two.paths.join(" ")),
            ("/", "./-x ./home/dev".into())
        );
        let nested = folders(&["/a/b", "/a-c", "/a", "/a/b/c", "/a/"]).unwrap();
        assert_eq!(nested.paths.join(" "), "./a ./a-c");
        assert_eq!(folders(&["/a/b", "/a"]).unwrap().base, "/a");
        assert_eq!(folders(&[]).unwrap().base, "");
    }

    #[test]
    fn a_directory_is_absolute_and_not_the_root() {
        for path in [
            "", "home", "./x", "/", "//", "/.", "/a\nb", "/a\x1b", "/a/..",
        ] {
            assert!(parse_directory(path).is_err(), "{path:?}");
        }
        assert_eq!(parse_directory("/a..b/").unwrap(), "/a..b");
    }
}
