//! Which objects of a part are applied. Pure.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::diagnosis::ingress_conflict::find_ingress_conflict;
use session_shared::encode::shell;
use session_shared::failure::with_hint;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::resource::NETWORK_POLICY;
use session_shared::ops::planned_object::PlannedObject;

use super::external_secret::EXTERNAL_SECRET;
use super::observe::Observed;
use super::site::{PartKind, Site};
use crate::egress_mode::reaches_metadata;
use crate::ownership::check_objects;
use crate::policies::{DENY_POLICY, find_left_out};
use crate::secret::plan::PART as SECRETS;

/// The changes of an apply.
#[derive(Debug)]
pub(crate) struct PartPlan {
    pub(crate) objects: Vec<PlannedObject>,
    /// Objects that are left as they are, each with the reason.
    pub(crate) notes: Vec<String>,
    /// Warnings, each with its hint.
    pub(crate) warnings: Vec<(String, &'static str)>,
}

/// Checks that the server serves the kinds of the objects. Without them a client dry run only says so.
///
/// # Errors
/// Kinds that it does not serve, with what to install.
pub(crate) fn check_served(
    site: &Site,
    objects: &[PlannedObject],
    dry_run: DryRun,
) -> Result<Vec<String>> {
    let is_used = |kind: &&PartKind| {
        let mut objects = objects.iter();
        objects.any(|planned| *planned.resource == *kind.resource)
    };
    let missing = site.missing.iter().filter(is_used);
    let (mut kinds, mut providers) = (Vec::new(), Vec::new());
    for kind in missing {
        let resource = kind.resource;
        kinds.push(format!("{} ({})", resource.kind, resource.api_version()));
        providers.extend(kind.provider);
    }
    providers.dedup();
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let (kinds, providers) = (kinds.join(", "), providers.join(" and "));
    if dry_run == DryRun::Client {
        let note = format!("the server does not have {kinds}: install {providers} first");
        return Ok(vec![note]);
    }
    let part = site.part;
    let error = anyhow!("cannot set up {part}: the server does not have {kinds}");
    let hint = format!(
        "install {providers} first; to print the objects without it: add --dry-run=client -o yaml"
    );
    Err(with_hint(error, hint))
}

/// Plans the objects, beside those of the same names and the NetworkPolicies that are there. What a session or `setup namespace` has
/// made is left as it is, and no policy is added that allows more than those of others.
///
/// # Errors
/// An object of somebody else, or of another part or template; one that the new objects would compete with.
pub(crate) fn plan_part(site: &Site, observed: Observed) -> Result<PartPlan> {
    check_rivals(site, &observed)?;
    let (mut objects, policies) = (observed.objects, &observed.policies);
    let wanted = objects.iter().filter(|one| *one.resource == NETWORK_POLICY);
    let wanted: Vec<&Value> = wanted.map(|one| &one.object).collect();
    let left_out = find_left_out(&wanted, &policies.iter().collect::<Vec<_>>());
    objects.retain(|planned| {
        let name = Untyped(&planned.object).name();
        !left_out.names.iter().any(|one| one == name)
    });
    check_objects(&objects)?;
    let (mut applied, mut notes) = (Vec::new(), Vec::new());
    let mut warnings = Vec::new();
    let is_deny = |planned: &PlannedObject| Untyped(&planned.object).name() == DENY_POLICY;
    match left_out.note {
        Some(note) if objects.is_empty() => warnings.push((note, LEFT_OUT_HINT)),
        Some(note) if objects.iter().any(is_deny) => notes.push(format!("{note}; {CUT_OFF}")),
        note => notes.extend(note),
    }
    for planned in objects {
        let Some(before) = planned.before.as_ref().map(Untyped) else {
            applied.push(planned);
            continue;
        };
        let owner = match (before.label(labels::SESSION), before.label(labels::PART)) {
            (Some(session), _) => format!("it belongs to session {session:?}"),
            // `setup namespace` has the same, and keeps the labels that it gets here.
            (None, None) if before.name() == DENY_POLICY => {
                applied.push(planned);
                continue;
            }
            (None, None) => "another command of kubectl session made it".to_owned(),
            (None, Some(part)) => {
                check_part(site, &planned, part)?;
                applied.push(planned);
                continue;
            }
        };
        let (kind, name) = (&planned.resource.kind, before.name());
        notes.push(format!("{kind} {name:?} is left unchanged: {owner}"));
    }
    let replaced = applied.iter().filter_map(selector_warning);
    warnings.extend(replaced.map(|text| (text, SELECTOR_HINT)));
    warnings.extend(metadata_warning(&applied).map(|text| (text, METADATA_HINT)));
    Ok(PartPlan {
        objects: applied,
        notes,
        warnings,
    })
}

/// Consequence where only the policy that denies is added.
const CUT_OFF: &str = "without them, default-deny-all cuts off all Pods of the namespace from whatever no other policy allows";

/// Remedy where no policy was added.
const LEFT_OUT_HINT: &str = "to add them all the same, delete the named policies first";

/// Remedy where other sessions are isolated than before.
const SELECTOR_HINT: &str =
    "to isolate the sessions of both runs, name them all: --session NAME --session NAME";

/// Returns a warning about a NetworkPolicy that selects other Pods from now on: those of before are open to all.
fn selector_warning(planned: &PlannedObject) -> Option<String> {
    if *planned.resource != NETWORK_POLICY {
        return None;
    }
    let selector = |policy: &Value| policy.pointer("/spec/podSelector").cloned();
    let before = selector(planned.before.as_ref()?)?;
    let name = Untyped(&planned.object).name();
    (selector(&planned.object).as_ref() != Some(&before)).then(|| {
        format!(
            "NetworkPolicy {name:?} no longer selects the Pods that it selected before: {}",
            selector_text(&before)
        )
    })
}

/// Returns a Pod selector as `kubectl get -l` takes it; one with expressions, which are rare, as it is.
fn selector_text(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object();
    let pairs = labels.into_iter().flatten();
    let pairs: Vec<String> = pairs
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    match selector.get("matchExpressions") {
        None if !pairs.is_empty() => pairs.join(","),
        _ => selector.to_string(),
    }
}

/// Remedy for policies that lead to the metadata service.
const METADATA_HINT: &str = "to leave only DNS and public addresses: --egress public";

/// Returns a warning about NetworkPolicies that let Pods reach the metadata service of clouds.
fn metadata_warning(objects: &[PlannedObject]) -> Option<String> {
    let open = objects
        .iter()
        .filter(|planned| *planned.resource == NETWORK_POLICY && reaches_metadata(&planned.object));
    let names: Vec<&str> = open
        .map(|planned| Untyped(&planned.object).name())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} lets Pods reach private addresses and the cloud's metadata service (169.254.169.254), which may hand out credentials of the node",
            names.join(", ")
        )
    })
}

/// Checks that no other Ingress serves a host of the new ones, and that no Secret is there which its new writer would overwrite.
///
/// # Errors
/// Such an object, with the way out.
fn check_rivals(site: &Site, observed: &Observed) -> Result<()> {
    let (part, namespace) = (site.part, site.namespace.as_str());
    let objects = observed.objects.iter();
    let objects: Vec<Value> = objects.map(|planned| planned.object.clone()).collect();
    if let Some(cause) = find_ingress_conflict(&objects, namespace, None, &observed.ingresses) {
        let error = anyhow!("cannot set up {part}: {}", cause.message);
        let hint = "use another host with --host, or delete the other ingress first";
        return Err(with_hint(error, hint));
    }
    let is_written = |rival: &Value| {
        let mut owners = Untyped(rival).owners();
        owners.any(|owner| owner.kind == EXTERNAL_SECRET.kind)
    };
    let Some(rival) = observed.rival.as_ref().filter(|rival| !is_written(rival)) else {
        return Ok(());
    };
    let name = Untyped(rival).name();
    let error = anyhow!(
        "cannot set up {part}: Secret {name:?} already exists, and its values would be overwritten"
    );
    let delete = ["kubectl", "delete", "secret", name, "-n", namespace];
    let hint = format!(
        "choose another NAME, or delete it first: {}",
        shell::quote_command(&delete)
    );
    Err(with_hint(error, hint))
}

/// Checks that an object that a part has made is of this part and template.
fn check_part(site: &Site, planned: &PlannedObject, part: &str) -> Result<()> {
    let template = planned
        .before
        .as_ref()
        .and_then(|before| Untyped(before).label(labels::TEMPLATE));
    if part == site.part && template == site.template.as_deref() {
        return Ok(());
    }
    let name = Untyped(&planned.object).name();
    let mut remove = vec!["kubectl", "session", "setup", part];
    if part == SECRETS && *planned.resource.kind == *EXTERNAL_SECRET.kind {
        remove.extend([name, "--external"]);
    } else if let Some(template) = template {
        remove.extend(["--for", template]);
    }
    let error = anyhow!(
        "{} {:?} already exists: {} made it",
        planned.resource.kind,
        name,
        shell::quote_command(&remove[2..])
    );
    remove.push("--remove");
    if planned.resource.namespaced {
        remove.extend(["-n", &site.namespace]);
    }
    let hint = format!("remove it first: {}", shell::quote_command(&remove));
    Err(with_hint(error, hint))
}
