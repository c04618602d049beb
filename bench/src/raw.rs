//! The requests of a create without anything around them: the same bodies, in the same order, one after the other on one
//! connection. What a create takes longer than these is its own share.

use session_shared::labels::MANAGER;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::Write;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    LEASE, PERSISTENT_VOLUME_CLAIM, RESOURCE_QUOTA, SESSION, SESSION_TEMPLATE, string_at,
};
use session_shared::ops::CONTROLLER_LEASE;
use session_shared::ops::CONTROLLER_NAMESPACE;
use session_shared::ops::Cluster;

use crate::process::output;
use crate::user::User;

/// Stands for the session's name in bodies that were rendered once.
const NAME: &str = "bench-name";

/// What a create sends, with a name that is replaced each time.
#[derive(Clone, Debug)]
pub struct Bodies {
    template: String,
    session: Value,
    objects: Vec<Value>,
    status: Value,
}

impl Bodies {
    /// Has the suite render a session of a template, and makes it once to see the status that is written.
    ///
    /// # Errors
    /// When the suite or the cluster refuses.
    pub fn render(umbrella: &Path, user: &User, template: &str) -> Result<Self> {
        let create = ["create", NAME, "--template", template];
        let run = |more: &[&str]| {
            let command = &mut user.command(umbrella, &[&create, more].concat());
            output(command).and_then(|text| parse(&string_at))
        };
        let session = run(&["--dry-run=client", "-o", "json"])?;
        let rendered = run(&["--dry-run=client", "--rendered", "-o", "json"])?;
        // A list, or the only object.
        let objects = match rendered["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![rendered],
        };
        let made = run(&["--wait=false", "-o", "json"])?;
        user.namespace()
            .kubectl(&["delete", "sessions", "--all"], None)?;
        Ok(Self {
            template: template.to_owned(),
            session,
            objects,
            status: made["status"].clone(),
        })
    }

    /// The same for a session of this name.
    ///
    /// # Errors
    /// When the name breaks the bodies: it must be a DNS label.
    pub fn named(&self, name: &str) -> Result<Self> {
        Self::from_text(&self.to_text().replace(NAME, name))
    }

    /// As JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        json!([self.template, self.session, self.objects, self.status]).to_string()
    }

    /// From JSON.
    ///
    /// # Errors
    /// When it is not what [`Bodies::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self> {
        let value = parse(string_at)?;
        let template = value[0].as_str().context("bodies without a template")?;
        let objects = value[2].as_array().context("bodies without objects")?;
        Ok(Self {
            template: template.to_owned(),
            session: value[1].clone(),
            objects: objects.clone(),
            status: value[3].clone(),
        })
    }

    /// The Session.
    #[must_use]
    pub fn session(&self) -> &Value {
        &self.session
    }

    /// The other objects.
    #[must_use]
    pub fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// Sends all requests of `create --wait=false`; `checks` as without `--skip-checks`.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn send(&self, cluster: &Cluster, checks: bool) -> Result<()> {
        let namespace = cluster.namespace();
        cluster.identity().await?;
        for place in [CONTROLLER_NAMESPACE, namespace] {
            cluster.get(&LEASE, place, CONTROLLER_LEASE).await?;
        }
        cluster.get(&SESSION_TEMPLATE, "", &self.template).await?;
        if checks {
            let place = Place::Namespace(namespace);
            let all = Selection::default();
            cluster.list(&RESOURCE_QUOTA, place, &all).await?;
            cluster.list(&PERSISTENT_VOLUME_CLAIM, place, &all).await?;
        }
        let (name, uid) = self.post(cluster).await?;
        let status = json!({ "metadata": { "uid": uid }, "status": self.status });
        let write = Write::by(MANAGER);
        cluster
            .merge_patch(&SESSION, namespace, &name, Some("status"), &status, &write)
            .await?;
        Ok(())
    }

    /// POSTs the objects and nothing else: the Session first, as the others need its UID. Gives its name and UID.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn post(&self, cluster: &Cluster) -> Result<(String, String)> {
        let (namespace, write) = (cluster.namespace(), Write::by(MANAGER));
        let session = cluster
            .create(&SESSION, namespace, &self.session, &write)
            .await?;
        let (name, uid) = (
            string_at(&session, "/metadata/name"),
            string_at(&session, "/metadata/uid"),
        );
        for object in &self.objects {
            let (version, kind) = (string_at(object, "/apiVersion"), string_at(object, "/kind"));
            let resource = ResourceType::find_known(version, kind)
                .with_context(|| format!("{kind} is no kind that sessions are made of"))?;
            let owned = owned(object, name, uid);
            cluster.create(resource, namespace, &owned, &write).await?;
        }
        Ok((name.to_owned(), uid.to_owned()))
    }
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(string_at).context("this is no JSON")
}

/// The object as the Session's: it goes when the Session goes.
fn owned(object: &Value, name: &str, uid: &str) -> Value {
    let mut object = object.clone();
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "streaming.platform/v1",
        "kind": "Session",
        "name": name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": false,
    }]);
    object
}

/// This program itself, started to send the requests of a create and to print how many milliseconds they took.
///
/// # Errors
/// When the program does not find itself.
pub fn command(user: &User, bodies: &Path, name: &str, checks: bool) -> Result<Command> {
    let program = std::env::current_exe().context("where is this program?")?;
    let bodies = bodies.to_string_lossy();
    let mut command = user.command(&program, &["raw", "--bodies", &bodies, "--name", name]);
    if !checks {
        command.arg("--skip-checks");
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_replaced_everywhere() {
        let text = r#"["shell",{"metadata":{"name":"bench-name"}},[{"metadata":{"name":"shell-bench-name"}}],{"podName":"shell-bench-name"}]"#;
        let bodies = Bodies::from_text(string_at).unwrap().named("s-7").unwrap();
        assert_eq!(bodies.session()["metadata"]["name"], "s-7");
        assert_eq!(bodies.objects()[0]["metadata"]["name"], "shell-s-7");
        assert_eq!(bodies.status["podName"], "shell-s-7");
        assert_eq!(bodies.template, "shell");
    }
}
