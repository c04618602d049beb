//! What `cargo cluster status` and `env` print.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::folder::Folder;
use crate::parts::Part;
use crate::settings::Settings;
use crate::{kubectl, lifecycle, running};

/// The state of the cluster for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether every part that should run does.
    pub is_up: bool,
    /// A table of the parts, the nodes and what this machine lacks; ends with a line break.
    pub text: String,
}

impl Cluster {
    /// The state of the cluster, whether up or not. Starts nothing.
    ///
    /// # Errors
    /// When no place for a cluster can be named.
    pub fn status() -> Result<Status> {
        let folder = Folder::of_this_user()?;
        let Some(settings) = Settings::read(&folder) else {
            return Ok(Status {
                is_up: false,
                text: "down\n".to_owned(),
            });
        };
        let expected = lifecycle::expected(&folder, &settings);
        let mut rows = Vec::new();
        let mut is_up = settings.complete;
        for part in Part::ALL {
            let running = running::identity(&folder, part);
            let wanted = expected.contains(&part);
            is_up &= running.is_some() || !wanted;
            if wanted || running.is_some() {
                rows.push((part, running.map(|identity| identity.pid)));
            }
        }
        let mut text = table(&folder, &settings, &rows);
        text.push_str(&facts(&folder, &settings, is_up));
        Ok(Status { is_up, text })
    }

    /// Lines for a shell: `eval "$(cargo cluster env)"`.
    #[must_use]
    pub fn env(&self) -> String {
        let kubeconfig = quoted(&self.admin_kubeconfig().to_string_lossy());
        let programs = quoted(&self.programs().to_string_lossy());
        format!("export KUBECONFIG={kubeconfig}\nexport PATH={programs}:\"$PATH\"\n")
    }
}

fn table(folder: &Folder, settings: &Settings, rows: &[(Part, Option<u32>)]) -> String {
    let mut text = format!("{:<24} {:<8} {:<8} LOG\n", "NAME", "PID", "RUNNING");
    for (part, pid) in rows {
        let log = part.launch(folder, settings).log;
        let number = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let running = if pid.is_some() { "yes" } else { "no" };
        text.push_str(&format!(
            "{:<24} {number:<8} {running:<8} {}\n",
            part.name(),
            log.display()
        ));
    }
    text
}

fn facts(folder: &Folder, settings: &Settings, is_up: bool) -> String {
    let mut text = String::new();
    if is_up {
        let output = kubectl::run(
            folder,
            settings,
            &["get", "nodes", "--no-headers", "--request-timeout=5s"],
            None,
        );
        let nodes = output.map(|output| output.stdout).unwrap_or_default();
        for line in nodes.lines().take(5) {
            text.push_str(&format!("node        {line}\n"));
        }
        if nodes.lines().count() > 5 {
            text.push_str(&format!("node        … {} in all\n", nodes.lines().count()));
        }
    }
    let or_why_not = |reason: &Option<String>| {
        reason
            .as_ref()
            .map_or_else(|| "yes".to_owned(), |reason| format!("no: {reason}"))
    };
    text.push_str(&format!(
        "containers  {}\n",
        or_why_not(&settings.no_containers)
    ));
    let services = if settings.has_kubelet() {
        or_why_not(&settings.no_proxy)
    } else {
        "no: no containers".to_owned()
    };
    text.push_str(&format!("services    {services}\n"));
    text.push_str(&format!("server      {}\n", settings.server()));
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_text_is_quoted() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }

    #[test]
    fn the_table_shows_what_does_not_run() {
        let folder = Folder::at("/var/lib/x/cluster".into()).unwrap();
        let text = table(
            &folder,
            &crate::settings::example(),
            &[(Part::Etcd, Some(12)), (Part::Kubelet, None)],
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].starts_with("etcd") && lines[1].contains("12") && lines[1].contains("yes")
        );
        assert!(lines[2].starts_with("kubelet") && lines[2].contains("no"));
    }
}
