//! A namespace per test, with a report when the test fails.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::cluster::Cluster;
use crate::say::say;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A namespace that lives as long as this handle. When it is dropped by a failing test, the state of its Pods and its
/// events are printed first. With `SESSION_CLUSTER_KEEP` set it stays.
#[derive(Debug)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
}

impl Namespace {
    pub(crate) fn create(cluster: &Cluster, prefix: &str) -> Result<Self> {
        let name = unique(prefix);
        cluster.kubectl_ok(&["create", "namespace", &name], None)?;
        let namespace = Self {
            cluster: cluster.clone(),
            name,
        };
        // Pods made before it are refused. A controller manager that was killed with its lease comes back late on a busy machine.
        let wait = [
            "wait",
            "--for=create",
            "--timeout=300s",
            "serviceaccount/default",
            "-n",
            &namespace.name,
        ];
        cluster.kubectl_ok(&wait, None)?;
        Ok(namespace)
    }

    /// Its name: a DNS label.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs kubectl as the admin in this namespace.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<String> {
        self.cluster.kubectl_ok(
            &[&["--namespace", self.name.as_str()], args].concat(),
            stdin,
        )
    }

    /// What is in it, for a person who looks for a test's failure: Pods with their containers' states, other objects, events.
    #[must_use]
    pub fn report(&self) -> String {
        let pods = "custom-columns=POD:.metadata.name,PHASE:.status.phase,READY:.status.conditions[?(@.type==\"Ready\")].status,\
                    WAITING:.status.containerStatuses[*].state.waiting.reason,EXIT:.status.containerStatuses[*].state.terminated.exitCode,\
                    LAST:.status.containerStatuses[*].lastState.terminated.reason,RESTARTS:.status.containerStatuses[*].restartCount,\
                    MESSAGE:.status.conditions[?(@.status==\"False\")].message";
        let events =
            "custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message";
        let calls: [&[&str]; 3] = [
            &["get", "pods", "-o", pods],
            &[
                "get",
                "deployments,statefulsets,jobs,services,persistentvolumeclaims",
                "-o",
                "wide",
            ],
            &["get", "events", "--sort-by=.lastTimestamp", "-o", events],
        ];
        let mut report = format!("namespace {}\n", self.name);
        for call in calls {
            match self.kubectl(call, None) {
                Ok(text) => report.push_str(&text),
                Err(error) => report.push_str(&format!("{error:#}\n")),
            }
        }
        report
    }
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&self.report());
        }
        if std::env::var_os("SESSION_CLUSTER_KEEP").is_some() {
            return;
        }
        let deleted = self.cluster.kubectl_ok(
            &[
                "delete",
                "namespace",
                &self.name,
                "--wait=false",
                "--ignore-not-found",
            ],
            None,
        );
        if let Err(error) = deleted {
            say(&format!("namespace {} stays: {error:#}", self.name));
        }
    }
}

/// A name for one test: a DNS label.
pub(crate) fn unique(prefix: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    // A label has 63 characters at most.
    let prefix: String = prefix.chars().take(30).collect();
    format!(
        "{prefix}-{:x}-{:x}-{number}",
        now & 0xffff_ffff,
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_fit() {
        assert_ne!(unique("a"), unique("a"));
        assert!(unique(&"a".repeat(100)).len() <= 63);
    }
}
