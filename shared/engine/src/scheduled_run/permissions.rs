//! Rules of a Role that a run needs, whatever its verb. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use session_model::objects::ResourceType;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, SECRET, SESSION};

/// Returns a rule of a Role; without `names` for all objects of the types.
pub fn rule(group: &str, resources: &[&str], verbs: &[&str], names: Option<&str>) -> Value {
    let mut rule = json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    if let Some(name) = names {
        rule["resourceNames"] = json!([name]);
    }
    rule
}

/// Returns the rules that making a session's objects needs, beside those for the Session. `made` are the types of the objects.
pub fn creation_rules(made: &[ResourceType]) -> Vec<Value> {
    let usual = [&POD, &PERSISTENT_VOLUME_CLAIM, &SECRET];
    let mut plurals: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for made in made.iter().chain(usual) {
        plurals.entry(&made.group).or_default().insert(&made.plural);
    }
    let create = ["get", "create", "patch", "delete"];
    let made = plurals.iter().map(|(group, plurals)| {
        let plurals: Vec<&str> = plurals.iter().copied().collect();
        rule(group, &plurals, &create, None)
    });
    // Reads of the wait and of the checks before a start; the finalizers for owner references to the Session.
    let reads = ["events", "resourcequotas", "limitranges", "services"];
    let more = [
        rule("", &reads, &["get", "list", "watch"], None),
        rule("", &["pods/log"], &["get"], None),
        rule(&SESSION.group, &["sessions/finalizers"], &["update"], None),
    ];
    made.chain(more).collect()
}
