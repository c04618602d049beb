//! Keys of a ResourceQuota's `spec.hard`: which of them the server counts, and the amounts that they take.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use session_model::failure::with_hint;
use session_model::names::check_dns_subdomain;
use session_model::objects::ResourceType;
use session_model::objects::resource::SESSION_COUNT;
use session_model::quantity::Quantity;

/// The key for NVIDIA's GPUs.
pub const GPU_KEY: &str = "requests.nvidia.com/gpu";

/// Keys of amounts, which the server knows by name.
const AMOUNTS: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// Keys of numbers of objects, which the server knows by name.
const COUNTS: [&str; 9] = [
    "pods",
    "persistentvolumeclaims",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "secrets",
    "configmaps",
    "replicationcontrollers",
    "resourcequotas",
];
/// Types without a group that are counted under `count/` only.
const COUNTED_CORE_TYPES: [&str; 4] = ["serviceaccounts", "endpoints", "events", "limitranges"];
/// Ends of keys that limit one StorageClass or DeviceClass.
const CLASS_ENDS: [&str; 3] = [
    ".storageclass.storage.k8s.io/requests.storage",
    ".storageclass.storage.k8s.io/persistentvolumeclaims",
    ".deviceclass.resource.k8s.io/devices",
];
/// Edits up to which a key counts as mistyped.
const MAX_EDITS: usize = 2;
/// Length up to which keys are compared.
const MAX_KEY_CHARS: usize = 64;

/// Returns the full name of a key: `cpu`, `memory` and `ephemeral-storage` are short for the requests.
pub fn canonical_key(key: &str) -> &str {
    match key {
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        "ephemeral-storage" => "requests.ephemeral-storage",
        other => other,
    }
}

/// Adds an amount to the hard limits.
///
/// # Errors
/// A key that the server does not count or that is there already, also under its short name; an amount that is no quantity, is
/// negative, or is a fraction of what cannot be divided.
pub fn add_hard(hard: &mut BTreeMap<String, Quantity>, key: &str, amount: &str) -> Result<()> {
    check_key(key)?;
    let canonical = canonical_key(key);
    if let Some(first) = hard.keys().find(|known| canonical_key(known) == canonical) {
        return Err(match first == key {
            true => anyhow!("{key} is given twice"),
            false => anyhow!("{key} is given twice: {first} is the same resource"),
        });
    }
    hard.insert(key.to_owned(), parse_amount(key, amount)?);
    Ok(())
}

/// Parses the amount of a key.
fn parse_amount(key: &str, text: &str) -> Result<Quantity> {
    let amount: Quantity = text.parse().map_err(|error| anyhow!("{key}: {error}"))?;
    if amount.is_negative() {
        return Err(anyhow!("{key} {text:?} must not be negative"));
    }
    if amount.is_whole() || !is_indivisible(key) {
        return Ok(amount);
    }
    let error = anyhow!("{key} {text:?} must be a whole number");
    Err(match is_extended(key) {
        true => with_hint(
            error,
            "count 1 for each share of a GPU that a node shares by time-slicing or MIG",
        ),
        false => error,
    })
}

/// Returns true for a key of an extended resource, such as a GPU.
fn is_extended(key: &str) -> bool {
    let name = key.strip_prefix("requests.");
    name.is_some_and(|name| name.contains('/'))
}

fn is_indivisible(key: &str) -> bool {
    let is_class_count = CLASS_ENDS[1..].iter().any(|end| key.ends_with(end));
    COUNTS.contains(&key) || key.starts_with("count/") || is_extended(key) || is_class_count
}

/// Checks that the server counts a key: it accepts others, and they limit nothing.
fn check_key(key: &str) -> Result<()> {
    let class = |end: &&str| {
        let class = key.strip_suffix(end);
        class.is_some_and(|class| check_dns_subdomain(class).is_ok())
    };
    let extended = |name: &str| {
        let (domain, resource) = name.split_once('/')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let resource = !resource.is_empty() && resource.chars().all(is_name);
        (resource && check_dns_subdomain(domain).is_ok()).then_some(())
    };
    let hugepages = key.strip_prefix("requests.").unwrap_or(key);
    let is_known = AMOUNTS.contains(&key)
        || COUNTS.contains(&key)
        || key.strip_prefix("count/").is_some_and(is_countable)
        || CLASS_ENDS.iter().any(class)
        || hugepages.starts_with("hugepages-")
        || key.strip_prefix("requests.").and_then(extended).is_some();
    if is_known {
        return Ok(());
    }
    let error = anyhow!("a ResourceQuota does not count {key:?}");
    Err(match near_key(key) {
        Some(near) => with_hint(error, format!("use {near}")),
        None => with_hint(
            error,
            format!(
                "use a resource that is counted, such as requests.cpu, requests.memory, pods or {SESSION_COUNT}"
            ),
        ),
    })
}

/// Returns true for `pods`, `deployments.apps`: a type without a group is one of the core.
fn is_countable(resource: &str) -> bool {
    match ResourceType::find_by_plural(resource) {
        Some(known) => known.qualified() == resource,
        None if resource.contains('.') => check_dns_subdomain(resource).is_ok(),
        None => COUNTED_CORE_TYPES.contains(&resource),
    }
}

/// Returns the key that was probably meant.
fn near_key(key: &str) -> Option<String> {
    if key.len() > MAX_KEY_CHARS {
        return None;
    }
    let key = key.to_lowercase();
    let resource = key.strip_prefix("count/").unwrap_or(&key);
    let word = resource.rsplit(['.', '/']).next().unwrap_or_default();
    // Extended resources have a request only, as it must equal the limit.
    if let Some((domain, name)) = resource.split_once('/')
        && !domain.is_empty()
        && resource == key
    {
        let domain = domain.trim_start_matches("limits.");
        let candidate = format!("requests.{domain}/{name}");
        return check_key(&candidate).ok().map(|()| candidate);
    }
    let by_word = match word {
        "gpu" | "gpus" => Some(GPU_KEY),
        "storage" => Some("requests.storage"),
        "claim" | "claims" | "pvc" | "pvcs" => Some("persistentvolumeclaims"),
        "session" | "sessions" => Some(SESSION_COUNT),
        _ => None,
    };
    if let Some(near) = by_word {
        return Some(near.to_owned());
    }
    let known = AMOUNTS.iter().chain(&COUNTS).copied();
    let known = known.chain([SESSION_COUNT, GPU_KEY]);
    let near = known.min_by_key(|known| strsim::levenshtein(&key, known))?;
    if strsim::levenshtein(&key, near) <= MAX_EDITS {
        return Some(near.to_owned());
    }
    let mut plurals = [resource.to_owned(), format!("{resource}s")].into_iter();
    let found = plurals.find_map(|plural| ResourceType::find_by_plural(&plural));
    found.map(|found| format!("count/{}", found.qualified()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::ErrorWithHint;

    fn parse(pairs: &[(&str, &str)]) -> Result<String> {
        let mut hard = BTreeMap::new();
        for (key, amount) in pairs {
            add_hard(&mut hard, key, amount)?;
        }
        let pairs: Vec<String> = hard.iter().map(|(key, a)| format!("{key}={a}")).collect();
        Ok(pairs.join(","))
    }

    fn refusal(key: &str, amount: &str) -> (String, String) {
        let error = parse(&[(key, amount)]).unwrap_err();
        let hint = error.downcast_ref::<ErrorWithHint>();
        (
            error.to_string(),
            hint.map(|hint| hint.hint.clone()).unwrap_or_default(),
        )
    }

    #[test]
    fn every_key_that_the_server_counts_is_taken() {
        for (key, amount) in [
            ("cpu", "4"),
            ("requests.cpu", "1500m"),
            ("limits.memory", "16Gi"),
            ("requests.storage", "100Gi"),
            ("limits.ephemeral-storage", "1G"),
            ("pods", "50"),
            ("persistentvolumeclaims", "0"),
            ("services.loadbalancers", "0"),
            ("count/sessions.streaming.platform", "100"),
            ("count/deployments.apps", "2"),
            ("count/widgets.example.com", "2"),
            ("count/pods", "2"),
            ("count/serviceaccounts", "2"),
            ("requests.nvidia.com/gpu", "4"),
            ("requests.amd.com/gpu", "4"),
            ("requests.hugepages-2Mi", "1Gi"),
            ("hugepages-1Gi", "1Gi"),
            ("fast.storageclass.storage.k8s.io/requests.storage", "1Ti"),
            (
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims",
                "3",
            ),
            ("gpu.deviceclass.resource.k8s.io/devices", "3"),
        ] {
            assert_eq!(parse(&[(key, amount)]).unwrap(), format!("{key}={amount}"));
        }
    }

    #[test]
    fn a_key_that_limits_nothing_is_refused_with_the_near_one() {
        for (key, near) in [
            ("request.cpu", "requests.cpu"),
            ("requests.cpus", "requests.cpu"),
            ("pod", "pods"),
            ("storage", "requests.storage"),
            ("gpu", "requests.nvidia.com/gpu"),
            ("nvidia.com/gpu", "requests.nvidia.com/gpu"),
            ("limits.nvidia.com/gpu", "requests.nvidia.com/gpu"),
            ("requests.gpu", "requests.nvidia.com/gpu"),
            ("pvc", "persistentvolumeclaims"),
            ("sessions", "count/sessions.streaming.platform"),
            ("count/session", "count/sessions.streaming.platform"),
            ("count/sessions", "count/sessions.streaming.platform"),
            (
                "sessions.streaming.platform",
                "count/sessions.streaming.platform",
            ),
            ("count/deployments", "count/deployments.apps"),
            ("deployment", "count/deployments.apps"),
            ("configmap", "configmaps"),
        ] {
            let (error, hint) = refusal(key, "1");
            assert_eq!(error, format!("a ResourceQuota does not count {key:?}"));
            assert_eq!(hint, format!("use {near}"), "{key}");
        }
        let long = "x".repeat(10_000);
        for key in [
            "",
            "frobnicate",
            "count/",
            "count/frob",
            "/",
            "a b",
            "requests./x",
            &long,
        ] {
            let (error, hint) = refusal(key, "1");
            assert!(error.starts_with("a ResourceQuota does not count"), "{key}");
            assert!(
                hint.starts_with("use a resource that is counted"),
                "{key}: {hint}"
            );
        }
    }

    #[test]
    fn an_amount_that_means_nothing_is_refused() {
        for (key, amount, expected) in [
            (
                "requests.memory",
                "4GB",
                "requests.memory: invalid quantity \"4GB\": use 4G or 4Gi",
            ),
            (
                "requests.cpu",
                "-1",
                "requests.cpu \"-1\" must not be negative",
            ),
            ("pods", "1.5", "pods \"1.5\" must be a whole number"),
            (
                "pods",
                "",
                "pods: invalid quantity \"\": must be a number with an optional suffix, such as 500m, 2 or 4Gi",
            ),
            (
                "count/sessions.streaming.platform",
                "100m",
                "count/sessions.streaming.platform \"100m\" must be a whole number",
            ),
            (
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims",
                "500m",
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims \"500m\" must be a whole number",
            ),
        ] {
            assert_eq!(refusal(key, amount).0, expected);
        }
        let (error, hint) = refusal(GPU_KEY, "0.5");
        assert_eq!(
            error,
            "requests.nvidia.com/gpu \"0.5\" must be a whole number"
        );
        assert!(hint.contains("time-slicing"), "{hint}");
    }

    #[test]
    fn a_key_is_given_once() {
        let error = parse(&[("pods", "1"), ("pods", "1")]).unwrap_err();
        assert_eq!(error.to_string(), "pods is given twice");
        let error = parse(&[("requests.cpu", "1"), ("cpu", "2")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cpu is given twice: requests.cpu is the same resource"
        );
    }
}
