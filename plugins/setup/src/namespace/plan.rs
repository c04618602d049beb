//! The objects that `setup namespace` applies or removes, and whose namespace it touches. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use session_shared::capacity::quota_change::{
    SINDRI_QUOTA, find_exceeded, limit_range_name, quota_amounts, resource_quota,
};
use session_shared::encode::shell;
use session_shared::failure::{with_evidence, with_hint};
use session_shared::labels;
use session_shared::names::UserId;
use session_shared::objects::resource::{
    LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING,
};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::planned_object::PlannedObject;

use super::intent::Intent;
use super::objects::{self, ENFORCED_LEVEL, SCHEDULE_POLICY, SINDRI_BINDING, USER_BINDING};
use super::observe::Observed;
use crate::install::first_names;
use crate::ownership::{check_objects, is_of_part, is_ours};
use crate::policies::{DENY_POLICY, SESSION_POLICY, find_left_out};
use crate::template_pods::Port;

/// Pod Security level of a namespace for which none is named: it keeps users out of the nodes.
const DEFAULT_LEVEL: &str = "baseline";

/// What preparing a namespace does.
#[derive(Debug)]
pub(crate) struct NamespacePlan {
    /// The objects in order: the Namespace, its limits, and last what the user may.
    pub(crate) objects: Vec<PlannedObject>,
    /// What is left out, and why.
    pub(crate) notes: Vec<String>,
}

/// Checks that a namespace was made by this program, for this user, and is not about to go.
///
/// # Errors
/// Another's namespace, with its owner and the way out.
pub(crate) fn check_owner(namespace: &Value, user: &UserId) -> Result<()> {
    check_not_terminating(namespace)?;
    let found = Untyped(namespace);
    let name = found.name();
    if !is_ours(namespace) {
        let manager = match found.label(labels::MANAGED_BY) {
            Some(other) => format!(" (managed by {other:?})"),
            None => String::new(),
        };
        let error = anyhow!(
            "namespace {name:?} already exists and was not made by kubectl session{manager}"
        );
        let label = format!("{}={}", labels::MANAGED_BY, labels::MANAGER);
        let take = ["kubectl", "label", "namespace", name, &label, "--overwrite"];
        let hint = format!(
            "choose another NAME; to take the namespace over with what runs in it: {}",
            shell::quote_command(&take)
        );
        return Err(with_hint(error, hint));
    }
    let Some(belongs) = find_other_user(namespace, user) else {
        return Ok(());
    };
    let error = anyhow!("namespace {name:?} {belongs}");
    let annotation = format!("{}-", labels::USER_ID);
    let free = ["kubectl", "annotate", "namespace", name, &annotation];
    let hint = format!(
        "choose another NAME; to hand the namespace over with its sessions and data, run this first, then add --force: {}",
        shell::quote_command(&free)
    );
    Err(with_hint(error, hint))
}

/// Checks that this program made a namespace, for this user if one is named, before what it has there is removed.
///
/// # Errors
/// Another's namespace.
pub(crate) fn check_removal(namespace: &Value, user: Option<&UserId>) -> Result<()> {
    check_not_terminating(namespace)?;
    let name = Untyped(namespace).name();
    let refused = format!("cannot remove the limits of namespace {name:?}");
    if !is_ours(namespace) {
        return Err(anyhow!("{refused}: kubectl session did not make it"));
    }
    match user.and_then(|user| find_other_user(namespace, user)) {
        Some(belongs) => Err(anyhow!("{refused}: the namespace {belongs}")),
        None => Ok(()),
    }
}

fn check_not_terminating(namespace: &Value) -> Result<()> {
    let found = Untyped(namespace);
    if !found.is_terminating() {
        return Ok(());
    }
    let name = found.name();
    let error = anyhow!("namespace {name:?} is being deleted");
    let wait = ["kubectl", "wait", "--for=delete"].map(str::to_owned);
    let wait = [&wait[..], &[format!("namespace/{name}")]].concat();
    let hint = format!("wait until it is gone: {}", shell::quote_command(&wait));
    Err(with_hint(error, hint))
}

/// Returns the words for the owner of a namespace, if that is another user.
fn find_other_user(namespace: &Value, user: &UserId) -> Option<String> {
    let owner = Untyped(namespace).annotation(labels::USER_ID)?;
    let user = user.as_str();
    (owner != user).then(|| format!("belongs to user {owner:?}, not {user:?}"))
}

/// Checks that no other user has sessions in a namespace that names no user.
///
/// # Errors
/// Such sessions, up to three of them with their users.
pub(crate) fn check_sessions(name: &str, user: &UserId, sessions: &[Value]) -> Result<()> {
    let owned = sessions.iter().filter_map(|session| {
        let owner = Untyped(session).str_at("/spec/userId")?;
        let is_other = owner != user.as_str();
        is_other.then(|| format!("{} ({owner})", Untyped(session).name()))
    });
    let Some(others) = first_names(owned) else {
        return Ok(());
    };
    let error = anyhow!("namespace {name:?} has sessions of other users: {others}");
    let hint =
        "choose another NAME; to hand the namespace over with its sessions and data: add --force";
    Err(with_hint(error, hint))
}

/// Plans the objects in the namespace of a user. Only `ports` of their sessions are open to others; without them, those that were before.
///
/// # Errors
/// A ResourceQuota, LimitRange or RoleBinding of the name that this program did not make.
pub(crate) fn plan_namespace(
    intent: &Intent,
    user: &UserId,
    ports: Option<&BTreeSet<Port>>,
    observed: &Observed,
) -> Result<NamespacePlan> {
    let name = intent.namespace.as_str();
    let before = observed.namespace.as_ref();
    let label = |key: &str| Untyped(before?).label(key);
    let level = intent.pod_security.as_deref().or(label(ENFORCED_LEVEL));
    // The label that is there is a converted value already.
    let team = intent.team.as_deref().map(labels::to_label_value);
    let team = team.or_else(|| label(labels::TEAM).map(str::to_owned));
    let level = level.unwrap_or(DEFAULT_LEVEL);
    let mut objects = vec![PlannedObject {
        resource: Cow::Borrowed(&NAMESPACE),
        object: objects::namespace(name, user, team.as_deref(), level),
        before: before.cloned(),
    }];
    let mut notes = observed.notes.clone();
    let mut add = |resource: &'static ResourceType, object: Value| {
        let before = observed.find(resource, Untyped(&object).name()).cloned();
        objects.push(PlannedObject {
            resource: Cow::Borrowed(resource),
            object,
            before,
        });
    };
    if let Some(file) = &intent.file {
        if !file.defaults.is_empty() {
            let limits = limit_range_name(SINDRI_QUOTA);
            add(&LIMIT_RANGE, file.defaults.limit_range(&limits, name));
        }
        if !file.hard.is_empty() {
            add(
                &RESOURCE_QUOTA,
                resource_quota(SINDRI_QUOTA, name, &file.hard),
            );
        }
    }
    for policy in allowed_policies(name, ports, observed, &mut notes) {
        add(&NETWORK_POLICY, policy);
    }
    let binding = binding_name(intent, observed);
    add(&ROLE_BINDING, objects::role_binding(name, binding, user));
    notes.extend(missing_quota_note(intent, observed));
    check_objects(&objects)?;
    check_use(intent, observed)?;
    Ok(NamespacePlan { objects, notes })
}

/// Returns the NetworkPolicies for a namespace. Beside policies of others only the one that denies is added.
fn allowed_policies(
    namespace: &str,
    ports: Option<&BTreeSet<Port>>,
    observed: &Observed,
    notes: &mut Vec<String>,
) -> Vec<Value> {
    let found: Vec<&Value> = observed.of_type(&NETWORK_POLICY).collect();
    let before = observed.find(&NETWORK_POLICY, SESSION_POLICY);
    let ingress = match (ports, before.filter(|before| is_ours(before))) {
        (None, Some(before)) => before
            .pointer("/spec/ingress")
            .cloned()
            .unwrap_or(json!([])),
        (ports, _) => objects::session_ingress(ports),
    };
    let mut deny = objects::deny_policy(namespace);
    if let Some(before) = observed.find(&NETWORK_POLICY, DENY_POLICY) {
        keep_part_labels(&mut deny, before);
    }
    let mut policies = vec![
        deny,
        objects::session_policy(namespace, ingress),
        objects::schedule_policy(namespace),
    ];
    let left_out = find_left_out(&policies.iter().collect::<Vec<_>>(), &found);
    notes.extend(left_out.note);
    policies.retain(|policy| {
        let name = Untyped(policy).name();
        !left_out.names.iter().any(|one| one == name)
    });
    policies
}

/// Keeps the labels of `setup isolation`, which has the same policy: either command leaves it to the other when it removes its own.
fn keep_part_labels(policy: &mut Value, before: &Value) {
    for key in [labels::PART, labels::TEMPLATE] {
        if let Some(value) = Untyped(before).label(key) {
            policy["metadata"]["labels"][key] = value.into();
        }
    }
}

/// Returns the name of the RoleBinding: that of an earlier run, if there was one.
fn binding_name(intent: &Intent, observed: &Observed) -> &'static str {
    let names = [SINDRI_BINDING, USER_BINDING];
    let is_there = |name: &&str| observed.find(&ROLE_BINDING, name).is_some_and(is_ours);
    let usual = match intent.file {
        Some(_) => SINDRI_BINDING,
        None => USER_BINDING,
    };
    names.into_iter().find(is_there).unwrap_or(usual)
}

/// Returns a note if the namespace has no quota and gets none, with the command that sets one.
fn missing_quota_note(intent: &Intent, observed: &Observed) -> Option<String> {
    let file = intent.file.as_ref();
    let is_set = file.is_some_and(|file| !file.hard.is_empty());
    if is_set || observed.of_type(&RESOURCE_QUOTA).next().is_some() {
        return None;
    }
    let reason = match file {
        Some(file) => format!("{} has no resourceQuota", file.name),
        None => "no file was given".to_owned(),
    };
    let name = intent.namespace.as_str();
    let set = ["kubectl", "session", "quota", "set", "-n", name];
    Some(format!(
        "the namespace has no quota, as {reason}; set one with {} --cpu QUANTITY --memory QUANTITY",
        shell::quote_command(&set)
    ))
}

/// Checks that the quota is not set below what is used: `quota set` asks whether that is meant. What it has set stays.
fn check_use(intent: &Intent, observed: &Observed) -> Result<()> {
    let Some(file) = &intent.file else {
        return Ok(());
    };
    let before = observed.find(&RESOURCE_QUOTA, SINDRI_QUOTA);
    let present = before.map(|before| quota_amounts(before, "/spec/hard"));
    let present = present.unwrap_or_default();
    let exceeded = find_exceeded(&file.hard, &observed.used).into_iter();
    let lowered: Vec<String> = exceeded
        .filter(|one| present.get(&one.key) != Some(&one.hard))
        .map(|one| format!("{}: used {}, hard {}", one.key, one.used, one.hard))
        .collect();
    if lowered.is_empty() {
        return Ok(());
    }
    let quota = format!("{}/{SINDRI_QUOTA}", RESOURCE_QUOTA.singular());
    let error = with_evidence(anyhow!("cannot set {quota} below what is used"), lowered);
    let name = match file.argument.as_str() {
        "-" => "FILENAME",
        name => name,
    };
    let namespace = intent.namespace.as_str();
    let set = [
        "kubectl", "session", "quota", "set", "-f", name, "-n", namespace,
    ];
    let hint = format!(
        "nothing has been changed; to set it all the same: {}",
        shell::quote_command(&set)
    );
    Err(with_hint(error, hint))
}

/// Returns true for the policy that denies if `setup isolation` needs it, too: its other policies are there.
fn is_shared(deny: &Value, observed: &Observed) -> bool {
    let template = |policy: &Value| Untyped(policy).label(labels::TEMPLATE).map(str::to_owned);
    let mut policies = observed.of_type(&NETWORK_POLICY);
    is_of_part(deny)
        && policies.any(|policy| {
            let is_other = Untyped(policy).name() != DENY_POLICY;
            is_other && is_of_part(policy) && template(policy) == template(deny)
        })
}

/// Returns the objects that a removal deletes, in order: what the user may goes first. Objects of others, quotas that `quota set`
/// made under its own name, and the policy that denies beside policies of `setup isolation` stay.
pub(crate) fn plan_removal(observed: &Observed) -> Vec<(&'static ResourceType, Value)> {
    let limits = limit_range_name(SINDRI_QUOTA);
    let names: [(&'static ResourceType, &str); 7] = [
        (&ROLE_BINDING, USER_BINDING),
        (&ROLE_BINDING, SINDRI_BINDING),
        (&NETWORK_POLICY, SCHEDULE_POLICY),
        (&NETWORK_POLICY, SESSION_POLICY),
        (&NETWORK_POLICY, DENY_POLICY),
        (&RESOURCE_QUOTA, SINDRI_QUOTA),
        (&LIMIT_RANGE, &limits),
    ];
    let found = names.into_iter().filter_map(|(resource, name)| {
        let found = observed
            .find(resource, name)
            .filter(|found| is_ours(found))
            .filter(|found| name != DENY_POLICY || !is_shared(found, observed))?;
        Some((resource, found.clone()))
    });
    found.collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
