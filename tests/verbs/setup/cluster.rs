//! A fake API before setup.

use kubectl_session_setup::Setup;
use serde_json::{Value, json};
use session_support::{FakeApi, Recorded};

use crate::play::{Play, Played};

pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Resource types of the objects that setup applies.
pub const KINDS: [&str; 7] = [
    DEFINITIONS,
    "namespaces",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "sessiontemplates.streaming.platform",
];

/// Returns a CustomResourceDefinition that the server serves.
pub fn established(definition: &Value) -> Vec<Value> {
    let mut definition = definition.clone();
    definition["status"] = json!({"conditions": [
        {"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]});
    vec![definition]
}

/// Returns a fake API that serves new definitions at once.
pub fn cluster() -> FakeApi {
    let api = FakeApi::stateful();
    api.unguarded();
    api.react(DEFINITIONS, established);
    api
}

pub fn setup(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Setup>(words)
}

pub fn count(api: &FakeApi) -> usize {
    KINDS.iter().map(|kind| api.objects(kind).len()).sum()
}

/// Returns all requests other than GET, in order.
pub fn sent(api: &FakeApi) -> Vec<Recorded> {
    let all = api.requests().into_iter();
    all.filter(|request| request.method != "GET").collect()
}

pub fn lines(requests: &[Recorded]) -> String {
    let line = |request: &Recorded| format!("{}\n", request.line());
    requests.iter().map(line).collect()
}
