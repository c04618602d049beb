//! The table "Who can do what" of docs/security.md, row by row: what mallory tries, and who decides. Everything is tried as a dry run
//! on the server, so that no row depends on another.

use anyhow::{Context as _, Result, ensure};

use super::scene::TwoUsers;
use crate::world::Output;

/// What decides about a row.
#[derive(Clone, Copy)]
enum Decider {
    /// The policy, by this verb on sessions; without the policy nobody.
    Policy(&'static str),
    /// RBAC alone: allowed to alice, who has `edit`, and forbidden to mallory.
    Rbac,
    /// RBAC alone: allowed to mallory, and forbidden to a user without roles.
    RbacReads,
}

/// A row of the table.
struct Row {
    /// First column.
    wants: &'static str,
    decider: Decider,
    /// Commands of kubectl, each a way to do it.
    tries: &'static [&'static str],
}

const ROWS: [Row; 6] = [
    Row {
        wants: "create a Session for another user",
        decider: Decider::Policy("assign"),
        tries: &["create -f -"],
    },
    Row {
        wants: "change another's manifest, template, parameters, labels, annotations, finalizers, owners, status",
        decider: Decider::Policy("manage"),
        tries: &[
            r#"patch session lab --type=merge -p {"spec":{"manifest":"kind:Pod"}}"#,
            r#"patch session lab --type=merge -p {"spec":{"manifest":null,"template":"shell"}}"#,
            r#"patch session lab --type=merge -p {"spec":{"parameters":{"CLASS":"other"}}}"#,
            r#"patch session lab --type=merge -p {"metadata":{"finalizers":["mallory/holds"]}}"#,
            r#"patch session lab --type=merge -p {"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"11111111-2222-3333-4444-555555555555"}]}}"#,
            r#"patch session lab --type=merge --subresource=status -p {"status":{"applied":{"hooks":{"sync":{"command":["evil"]}}}}}"#,
            "label session lab a=b",
            "annotate session lab a=b",
        ],
    },
    Row {
        wants: "delete another's Session",
        decider: Decider::Policy("manage"),
        tries: &["delete session lab", "delete sessions --all"],
    },
    Row {
        wants: "stop another's session or let it expire, through the Session",
        decider: Decider::Policy("manage"),
        tries: &[
            r#"patch session lab --type=merge -p {"spec":{"state":"running"}}"#,
            r#"patch session lab --type=merge -p {"spec":{"timeout":"1s"}}"#,
            r#"patch session lab --type=merge --subresource=status -p {"status":{"expiresAt":"2020-01-01T00:00:00Z"}}"#,
        ],
    },
    Row {
        wants: "delete another's Pods, claims, Secrets, snapshots",
        decider: Decider::Rbac,
        tries: &[
            "auth can-i delete pods",
            "auth can-i delete persistentvolumeclaims",
            "auth can-i delete secrets",
        ],
    },
    Row {
        wants: "read another's parameters, manifest and status",
        decider: Decider::RbacReads,
        tries: &["get session lab -o yaml"],
    },
];

/// Tries every row as mallory, and as an admin of the namespace, who has `assign` and `manage`.
pub(super) fn check(users: &TwoUsers, in_force: bool) -> Result<()> {
    let (admin, nobody) = (users.name("carol"), users.name("nobody"));
    let cluster = &users.world.cluster;
    cluster.bind_role(users.world.namespace.name(), &admin, "admin")?;
    let admin = cluster.user_kubeconfig(&admin, &[])?;
    let nobody = cluster.user_kubeconfig(&nobody, &[])?;
    let document = users.document("forged", "alice");
    for row in &ROWS {
        for words in row.tries {
            let mut words: Vec<&str> = words.split(' ').collect();
            if matches!(row.decider, Decider::Policy(_)) {
                words.push("--dry-run=server");
            }
            let run = |who| users.kubectl(who, &words, Some(&document));
            let checked = match row.decider {
                Decider::Policy(verb) => refused_by_policy(&run(&users.mallory)?, verb, in_force)
                    .and_then(|()| run(&admin)?.exits(0).map(drop)),
                Decider::Rbac => differs(run(&users.alice)?, run(&users.mallory)?),
                Decider::RbacReads => differs(run(&users.mallory)?, run(&nobody)?),
            };
            checked.with_context(|| format!("{}: {words:?}", row.wants))?;
        }
    }
    Ok(())
}

fn refused_by_policy(done: &Output, verb: &str, in_force: bool) -> Result<()> {
    let is_refused = done.code != 0
        && done.stderr.contains("session-owner.streaming.platform")
        && done.stderr.contains(&format!("verb '{verb}'"));
    ensure!(
        is_refused == in_force && (in_force || done.code == 0),
        "in force: {in_force}, {done:?}"
    );
    Ok(())
}

fn differs(allowed: Output, forbidden: Output) -> Result<()> {
    allowed.exits(0)?;
    forbidden.exits(1)?;
    Ok(())
}
