//! The requests of a create without anything around them: the same bodies, in the same order, one after the other on one
//! connection. What a create takes longer than these is its own share.

use session_shared::labels::MANAGER;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Value, json};
use session_shared::client::{ListOptions, Scope, WriteOptions};
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{
    LEASE, LIMIT_RANGE, NODE, PERSISTENT_VOLUME_CLAIM, RESOURCE_QUOTA, SESSION, SESSION_TEMPLATE,
};
use session_shared::ops::{CONTROLLER_LEASE, CONTROLLER_NAMESPACE, Cluster};

use crate::process::milliseconds;
use crate::program::say;
use crate::scene::{self, Scene};

/// Stands for the session's name in bodies that were rendered once.
const NAME: &str = "bench-name";

/// Request bodies of a create, with a name that is replaced each time.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    template: String,
    session: Value,
    objects: Vec<Value>,
    status: Value,
}

impl Bodies {
    /// Has the suite render a session of a template, and makes it once to see the status that is written.
    pub(crate) fn render(scene: &Scene<'_>, template: &str) -> Result<Self> {
        let run = |flags: &str| {
            let line = format!(
                "session create {NAME} --template {template} --skip-missing-kinds {flags} -o json"
            );
            scene.run(&line).and_then(|text| parse(&text))
        };
        let session = run("--dry-run=client")?;
        let rendered = run("--dry-run=client --rendered --with-secrets")?;
        // A list, or the only object.
        let mut objects = match rendered["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![rendered],
        };
        // A client dry run asks for no kinds: it prints those that create leaves out, too.
        objects.retain(|object| {
            let object = Untyped(object);
            ResourceType::find_known(object.api_version(), object.kind()).is_some()
        });
        let made = run("--wait=false")?;
        scene.run("kubectl delete sessions --all")?;
        Ok(Self {
            template: template.to_owned(),
            session,
            objects,
            status: made["status"].clone(),
        })
    }

    /// The same for a session of this name.
    pub(crate) fn named(&self, name: &str) -> Result<Self> {
        Self::from_text(&self.to_text().replace(NAME, name))
    }

    /// As JSON.
    pub(crate) fn to_text(&self) -> String {
        json!([self.template, self.session, self.objects, self.status]).to_string()
    }

    /// From JSON.
    pub(crate) fn from_text(text: &str) -> Result<Self> {
        let value = parse(text)?;
        let template = value[0].as_str().context("bodies without a template")?;
        let objects = value[2].as_array().context("bodies without objects")?;
        Ok(Self {
            template: template.to_owned(),
            session: value[1].clone(),
            objects: objects.clone(),
            status: value[3].clone(),
        })
    }

    /// Sends all requests of `create --wait=false`; `checks` as without `--skip-checks`.
    pub(crate) async fn send(&self, cluster: &Cluster, checks: bool) -> Result<()> {
        let namespace = cluster.namespace();
        cluster.get_caller_identity().await?;
        for place in [CONTROLLER_NAMESPACE, namespace] {
            cluster.get(&LEASE, place, CONTROLLER_LEASE).await?;
        }
        cluster.get(&SESSION_TEMPLATE, "", &self.template).await?;
        if checks {
            let place = Scope::Namespace(namespace);
            let all = ListOptions::default();
            cluster.list(&RESOURCE_QUOTA, place, &all).await?;
            cluster.list(&LIMIT_RANGE, place, &all).await?;
            // A user with the role edit may not list nodes; the request is sent all the same.
            let _ = cluster.list(&NODE, Scope::Cluster, &all).await;
            cluster.list(&PERSISTENT_VOLUME_CLAIM, place, &all).await?;
        }
        let (name, uid) = self.post(cluster).await?;
        let status = json!({ "metadata": { "uid": uid }, "status": self.status });
        let write = WriteOptions::by(MANAGER);
        cluster
            .merge_patch(&SESSION, namespace, &name, Some("status"), &status, &write)
            .await?;
        Ok(())
    }

    /// POSTs the objects and nothing else: the Session first, as the others need its UID. Gives its name and UID.
    pub(crate) async fn post(&self, cluster: &Cluster) -> Result<(String, String)> {
        let (namespace, write) = (cluster.namespace(), WriteOptions::by(MANAGER));
        let session = cluster
            .create(&SESSION, namespace, &self.session, &write)
            .await?;
        let (name, uid) = (
            Untyped(&session).name(),
            Untyped(&session).uid().unwrap_or_default(),
        );
        for object in &self.objects {
            let (version, kind) = (Untyped(object).api_version(), Untyped(object).kind());
            let resource = ResourceType::find_known(version, kind)
                .with_context(|| format!("{kind} is no kind that sessions are made of"))?;
            let owned = owned(object, name, uid);
            cluster.create(resource, namespace, &owned, &write).await?;
        }
        Ok((name.to_owned(), uid.to_owned()))
    }
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("this is no JSON")
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

/// The hidden command that sends the requests of one create and prints how many milliseconds they took.
pub(crate) fn command_line() -> clap::Command {
    let flags = ["kubeconfig", "namespace", "bodies", "name"];
    let flags = flags.map(|flag| Arg::new(flag).long(flag).required(true));
    let skip = Arg::new("skip-checks").long("skip-checks");
    clap::Command::new("raw")
        .hide(true)
        .args(flags)
        .arg(skip.action(ArgAction::SetTrue))
}

/// This program itself with that command: a process that starts as the suite does. The bodies are in the scene's file `bodies`.
pub(crate) fn command(scene: &Scene<'_>, name: &str, checks: bool) -> Result<Command> {
    let program = std::env::current_exe().context("where is this program?")?;
    let mut command = Command::new(program);
    command.args(["raw", "--name", name, "--bodies"]);
    command.arg(scene.file("bodies"));
    scene.add_flags(&mut command);
    if !checks {
        command.arg("--skip-checks");
    }
    Ok(command)
}

/// Runs the hidden command.
pub(crate) fn run(given: &ArgMatches) -> Result<()> {
    let flag = |name: &str| given.get_one::<String>(name).cloned().unwrap_or_default();
    let text = std::fs::read_to_string(flag("bodies")).context("cannot read the bodies")?;
    let bodies = Bodies::from_text(&text)?.named(&flag("name"))?;
    let connection = scene::connection(flag("kubeconfig").as_ref(), &flag("namespace"));
    let took = scene::runtime()?.block_on(async {
        let started = Instant::now();
        let cluster = scene::connect(&connection).await?;
        bodies
            .send(&cluster, !given.get_flag("skip-checks"))
            .await?;
        anyhow::Ok(milliseconds(started))
    })?;
    say(&took.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_replaced_everywhere() {
        let text = r#"["shell",{"metadata":{"name":"bench-name"}},[{"metadata":{"name":"shell-bench-name"}}],{"podName":"shell-bench-name"}]"#;
        let bodies = Bodies::from_text(text).unwrap().named("s-7").unwrap();
        assert_eq!(bodies.session["metadata"]["name"], "s-7");
        assert_eq!(bodies.objects[0]["metadata"]["name"], "shell-s-7");
        assert_eq!(bodies.status["podName"], "shell-s-7");
        assert_eq!(bodies.template, "shell");
    }
}
