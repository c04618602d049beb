//! `setup namespace` on a real server: a user works in their namespace and in no other, and the limits hold.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::world::{Output, World, run};
use crate::{Live, server};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        server("tenants_have_a_namespace_each", have_a_namespace_each),
        server(
            "tenants_are_not_made_by_those_who_may_not_grant",
            are_not_made_by_those_who_may_not_grant,
        ),
    ]
}

const SINDRI: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/sindri-tenant.yaml"
);

/// The namespace of a user beside that of the world; it goes with this.
struct Tenant<'w> {
    world: &'w World,
    user: String,
    namespace: String,
    kubeconfig: PathBuf,
}

impl<'w> Tenant<'w> {
    fn new(world: &'w World, name: &str) -> Result<Self> {
        let namespace = format!("{}-{name}", world.namespace.name());
        let user = format!("{name}@{namespace}");
        Ok(Self {
            world,
            kubeconfig: world.cluster.user_kubeconfig(&user, &[])?,
            user,
            namespace,
        })
    }

    /// Prepares the namespace as the admin; the server decides by it from here on.
    fn prepare(&self, more: &[&str]) -> Result<Output> {
        let words = [
            "setup",
            "namespace",
            &self.namespace,
            "--user-id",
            &self.user,
        ];
        let done = self.world.session(&[&words, more].concat());
        self.world.cluster.await_rights()?;
        done
    }

    /// Runs a command of the suite as the user in a namespace.
    fn session(&self, namespace: &str, words: &[&str]) -> Result<Output> {
        let words = [words, &["-n", namespace]].concat();
        run(&mut self.world.command_as(&self.kubeconfig, &words))
    }
}

impl Drop for Tenant<'_> {
    fn drop(&mut self) {
        let words = ["delete", "namespace", &self.namespace, "--wait=false"];
        if self.world.cluster.kubectl(&words, None).is_err() {
            eprintln!("namespace {} could not be deleted", self.namespace);
        }
    }
}

fn have_a_namespace_each() -> Result<()> {
    let world = World::installed("tenants")?;
    let (alice, bob) = (Tenant::new(&world, "alice")?, Tenant::new(&world, "bob")?);
    let file = ["-f", SINDRI, "--team", "platform"];
    let made = alice.prepare(&file)?.exits(0)?;
    ensure!(
        made.stdout.lines().all(|line| line.ends_with(" created")),
        "{made:?}"
    );
    ensure!(made.stdout.lines().count() == 7, "{made:?}");
    let again = alice.prepare(&file)?.exits(0)?;
    ensure!(
        again
            .stdout
            .lines()
            .all(|line| line.ends_with(" unchanged")),
        "{again:?}"
    );
    bob.prepare(&["--for", "shell"])?.exits(0)?;
    let again = bob.prepare(&[])?.exits(0)?;
    ensure!(
        again
            .stdout
            .lines()
            .all(|line| line.ends_with(" unchanged")),
        "{again:?}"
    );
    let words = [
        "setup",
        "namespace",
        &bob.namespace,
        "--user-id",
        &alice.user,
    ];
    let refused = world.session(&words)?.exits(1)?;
    ensure!(
        refused
            .stderr
            .contains(&format!("belongs to user {:?}", bob.user)),
        "{refused:?}"
    );

    // Her own namespace, and no other.
    let create = |name| ["create", name, "--template", "shell", "--wait=false"];
    alice.session(&alice.namespace, &create("lab"))?.exits(0)?;
    for words in [&create("lab")[..], &["list"], &["delete", "lab", "-y"]] {
        let refused = alice.session(&bob.namespace, words)?.exits(1)?;
        ensure!(
            refused.stderr.contains("(Forbidden)"),
            "{words:?}: {refused:?}"
        );
        let refused = bob.session(&alice.namespace, words)?.exits(1)?;
        ensure!(
            refused.stderr.contains("(Forbidden)"),
            "{words:?}: {refused:?}"
        );
    }

    // The quota counts the session, and the next one is too big.
    let big = [&create("big")[..], &["--set", "CPU_LIMIT=9"]].concat();
    let refused = alice.session(&alice.namespace, &big)?.exits(1)?;
    ensure!(refused.stderr.contains("sindri-quota"), "{refused:?}");
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"hostPID": true, "containers": [{"name": "main", "image": "busybox"}]}}"#;
    let words = [
        "create",
        "-f",
        "-",
        "-n",
        &alice.namespace,
        "--as",
        &alice.user,
    ];
    let refused = world.cluster.kubectl(&words, Some(pod))?;
    ensure!(
        refused.stderr.contains("violates PodSecurity \"baseline"),
        "{refused:?}"
    );

    // Without the limits nothing may be left running unnoticed.
    let remove = ["setup", "namespace", &alice.namespace, "--remove"];
    let refused = world.session(&remove)?.exits(1)?;
    ensure!(refused.stderr.contains("1 session exists"), "{refused:?}");
    world
        .session(&[&remove[..], &["--force"]].concat())?
        .exits(0)?;
    world.cluster.await_rights()?;
    alice.session(&alice.namespace, &["list"])?.exits(1)?;
    let names = ["get", "sessions", "-n", &alice.namespace, "-o", "name"];
    let names = world.cluster.kubectl_ok(&names, None)?;
    ensure!(names.lines().count() == 1, "{names}");
    Ok(())
}

/// Somebody who may make all the objects, but has not the rights that the user would get.
fn are_not_made_by_those_who_may_not_grant() -> Result<()> {
    let world = World::installed("tenants-grant")?;
    let (tenant, carol) = (Tenant::new(&world, "dora")?, Tenant::new(&world, "carol")?);
    let role = format!("maker-of-{}", tenant.namespace);
    let rule = |group: &str, resources: &[&str]| {
        json!({"apiGroups": [group], "resources": resources,
            "verbs": ["get", "list", "create", "patch", "delete"]})
    };
    let role_object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role},
        "rules": [
            rule("", &["namespaces", "resourcequotas", "limitranges"]),
            rule("networking.k8s.io", &["networkpolicies"]),
            rule("rbac.authorization.k8s.io", &["rolebindings"]),
        ],
    });
    world.cluster.apply(&role_object.to_string())?;
    world.cluster.bind_cluster_role(&carol.user, &role)?;
    let words = [
        "setup",
        "namespace",
        &tenant.namespace,
        "--user-id",
        &tenant.user,
    ];
    let refused = run(&mut world.command_as(&carol.kubeconfig, &words))?.exits(1)?;
    for part in [
        "attempting to grant RBAC permissions not currently held",
        "has been deleted again",
        "--dry-run=client -o yaml",
    ] {
        ensure!(refused.stderr.contains(part), "{refused:?}");
    }
    ensure!(refused.stdout.is_empty(), "{refused:?}");
    let gone = format!("namespace/{}", tenant.namespace);
    let wait = ["wait", "--for=delete", &gone, "--timeout=60s"];
    world.cluster.kubectl_ok(&wait, None)?;
    // An admin can apply the printed objects.
    let print = [&words[..], &["--dry-run=client", "-o", "yaml"]].concat();
    let printed = run(&mut world.command_as(&carol.kubeconfig, &print))?.exits(0)?;
    world
        .cluster
        .kubectl_ok(&["apply", "-f", "-"], Some(&printed.stdout))?;
    world.cluster.await_rights()?;
    tenant.session(&tenant.namespace, &["list"])?.exits(0)?;
    let taken_up = tenant.prepare(&[])?.exits(0)?;
    ensure!(
        taken_up
            .stdout
            .starts_with(&format!("namespace/{}", tenant.namespace)),
        "{taken_up:?}"
    );
    world
        .cluster
        .kubectl_ok(&["delete", "clusterrole", &role], None)?;
    Ok(())
}
