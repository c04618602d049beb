//! What sessions have left, and cleanups of it.

use anyhow::{Result, ensure};
use serde_json::json;
use session_support::Answer;

use super::scene::{Scene, claim_volume, foreign_pod, kept_claim, marked, object};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            kept_data_in_use_and_its_password_stay,
            "somebody looks at kept data with a Pod of his own while `cleanup --kept-older-than` runs",
            "neither the claim nor the Secret with its password is planned or touched"
        ),
        attack!(
            a_password_stays_while_its_claim_does,
            "a cleanup whose selector means the parameters Secret alone, and not the claim that it opens",
            "the Secret stays: it goes with the last claim that needs it"
        ),
        attack!(
            orphans_that_anything_uses_stay,
            "a running Pod of somebody else, and a Deployment at 0, use what a session left",
            "ConfigMap, ServiceAccount, imagePullSecret and claim stay; the rest goes"
        ),
        attack!(
            labels_alone_make_no_orphan,
            "somebody puts the suite's labels on own objects, or copies them with kubectl",
            "without the token of a run and the UID of a Session that is gone they are left alone"
        ),
        attack!(
            users_that_cannot_be_seen_protect,
            "a cleanup by somebody who may not list CronJobs or ServiceAccounts",
            "what those could use is left alone, and they are named on stderr"
        ),
    ]
}

/// What was kept of a session that is gone, and a Pod that looks at it.
fn kept() -> Scene {
    let scene = Scene::new();
    scene.api.put(kept_claim("db", "ghost"));
    let mut secret = object(
        "Secret",
        marked("session-ghost-parameters", "ghost", "gone"),
    );
    secret["metadata"]["labels"]["streaming.platform/parameters"] = "true".into();
    secret["metadata"]["labels"]["only"] = "this".into();
    secret["metadata"]["annotations"]["streaming.platform/kept-since"] =
        "2020-01-01T00:00:00Z".into();
    scene.api.put(secret);
    scene
}

fn kept_data_in_use_and_its_password_stay() -> Result<()> {
    let scene = kept();
    let (volume, _) = claim_volume("db");
    scene
        .api
        .put(foreign_pod(json!({"containers": [], "volumes": [volume]})));
    let output = scene.does("cleanup --kept-older-than 1d -y")?;
    ensure!(output.stdout.is_empty(), "{output:?}");
    scene.is_untouched()?;
    scene.api.remove("pods", "default", "theirs");
    let output = scene.does("cleanup --kept-older-than 1d -y")?;
    ensure!(output.stdout.ends_with("2 deleted\n"), "{output:?}");
    Ok(())
}

fn a_password_stays_while_its_claim_does() -> Result<()> {
    let scene = kept();
    let output = scene.does("cleanup --kept-older-than 1d -l only=this -y")?;
    ensure!(output.stdout.is_empty(), "{output:?}");
    scene.is_untouched()?;
    let output = scene.does("cleanup --kept-older-than 1d --max 1 -y")?;
    ensure!(output.stdout.ends_with("1 deleted\n"), "{output:?}");
    ensure!(
        scene.has("secrets", "session-ghost-parameters"),
        "the Secret went first"
    );
    Ok(())
}

fn orphans_that_anything_uses_stay() -> Result<()> {
    let scene = Scene::new();
    for (kind, name) in [
        ("ConfigMap", "settings"),
        ("ConfigMap", "template"),
        ("ConfigMap", "unused"),
        ("ServiceAccount", "robot"),
        ("Secret", "pull"),
    ] {
        scene.api.put(object(kind, marked(name, "ghost", "gone")));
    }
    scene.api.put(foreign_pod(json!({"containers": [], "serviceAccountName": "robot",
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [{"name": "x", "projected": {"sources": [{"configMap": {"name": "settings"}}]}}]})));
    let template = json!({"spec": {"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "template"}}]}]}});
    scene.api.put(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "rests", "namespace": "default"},
        "spec": {"replicas": 0, "template": template}}));
    let output = scene.does("cleanup --orphans -y")?;
    ensure!(output.stdout.ends_with("1 deleted\n"), "{output:?}");
    ensure!(
        !scene.has("configmaps", "unused"),
        "the orphan is still there"
    );
    Ok(())
}

fn labels_alone_make_no_orphan() -> Result<()> {
    let scene = Scene::new();
    for lacks in ["streaming.platform/run", "streaming.platform/session-uid"] {
        let mut metadata = marked(&lacks.replace('/', "-"), "ghost", "gone");
        metadata["annotations"]
            .as_object_mut()
            .unwrap()
            .shift_remove(lacks);
        scene.api.put(object("ConfigMap", metadata.clone()));
        scene.api.put(object("Service", metadata));
    }
    let output = scene.does("cleanup --all -A -y")?;
    ensure!(output.stdout.is_empty(), "{output:?}");
    scene.is_untouched()
}

fn users_that_cannot_be_seen_protect() -> Result<()> {
    let scene = Scene::new();
    scene
        .api
        .put(object("ConfigMap", marked("settings", "ghost", "gone")));
    scene
        .api
        .put(object("Secret", marked("token", "ghost", "gone")));
    for (path, plural) in [
        ("/apis/batch/v1/namespaces/default/cronjobs", "cronjobs"),
        (
            "/api/v1/namespaces/default/serviceaccounts",
            "serviceaccounts",
        ),
    ] {
        let forbidden = Answer::forbidden("alice", "list", plural, "default");
        scene.api.on("GET", path, forbidden);
    }
    let output = scene.does("cleanup --orphans -y")?;
    for plural in ["cronjobs", "serviceaccounts"] {
        let note = format!("{plural} not checked");
        ensure!(output.stderr.contains(&note), "{output:?}");
    }
    scene.is_untouched()
}
