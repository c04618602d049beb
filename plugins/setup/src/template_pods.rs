//! The Pods of a template's sessions as NetworkPolicies see them: labels, ports, and the policies that the template brings itself.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use session_shared::api::{ConnectMethod, IntOrString, SessionTemplate};
use session_shared::client::parse_object;
use session_shared::failure::{self, FailureKind};
use session_shared::objects::Untyped;
use session_shared::objects::pods::{
    has_labels, pod_labels, pod_metadata_paths, pod_spec, replica_count,
};
use session_shared::objects::resource::NETWORK_POLICY;
use session_shared::ops::Cluster;
use session_shared::ops::template_lookup::{find_template, read_template};
use session_shared::template::{Manifest, Parameters, Source, builtin_template_object};

/// The Pods of a template's sessions.
#[derive(Clone, Debug)]
pub(crate) struct TemplatePods {
    /// Name of the template.
    pub(crate) template: String,
    pub(crate) workloads: Vec<WorkloadPods>,
    /// The NetworkPolicies among its objects.
    pub(crate) policies: Vec<TemplatePolicy>,
}

/// The Pods of one workload.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadPods {
    /// Name of the workload, with the placeholders of a session.
    pub(crate) name: String,
    /// Labels with the same value in all sessions.
    pub(crate) labels: Map<String, Value>,
    /// Protocols and numbers of the ports that containers, Services and connection methods name.
    pub(crate) ports: Vec<Port>,
    /// True if a session has several of these Pods.
    pub(crate) is_replicated: bool,
    /// All labels, some with placeholders.
    all_labels: Map<String, Value>,
}

/// A NetworkPolicy that each session brings.
#[derive(Clone, Debug)]
pub(crate) struct TemplatePolicy {
    pub(crate) name: String,
    pub(crate) spec: Value,
    /// True if it is the same in all sessions.
    pub(crate) is_common: bool,
}

/// Protocol and number.
pub(crate) type Port = (String, u16);

/// Reads the Pods of a template: of the one in the cluster, else of the built-in one of that name.
///
/// # Errors
/// A template that does not exist, or is not valid; refusals of the server.
pub(crate) async fn read_template_pods(cluster: &Cluster, name: &str) -> Result<TemplatePods> {
    let unknown = [FailureKind::ResourceTypeNotFound, FailureKind::Forbidden];
    let is_unknown =
        |error: &anyhow::Error| unknown.iter().any(|kind| failure::has_kind(error, *kind));
    let built_in = builtin_template_object(name)?;
    let built_in = built_in.map(parse_object).transpose()?;
    let template = match (find_template(cluster, name).await, built_in) {
        (Ok(Some(found)), _) => found,
        (Ok(None), Some(built_in)) => built_in,
        (Err(error), Some(built_in)) if is_unknown(&error) => built_in,
        (Ok(None), None) => read_template(cluster, name).await?,
        (Err(error), _) => return Err(error),
    };
    TemplatePods::of_template(name, &template)
}

impl TemplatePods {
    /// Returns the Pods of a template, with the defaults of its parameters.
    ///
    /// # Errors
    /// A manifest or parameters that are not valid.
    fn of_template(name: &str, template: &SessionTemplate) -> Result<Self> {
        let spec = &template.spec;
        let place = || format!("template {name:?}");
        let source = Source::new(place(), spec.manifest.clone())?;
        let manifest = Manifest::parse(&source).with_context(place)?;
        let parameters = Parameters::merge(&spec.parameters, &manifest).with_context(place)?;
        let placeholders = manifest.placeholders();
        let uses = placeholders.iter().flat_map(|one| &one.uses);
        let variable: BTreeSet<(usize, &str)> = uses
            .map(|one| (one.document, one.pointer.as_str()))
            .collect();
        let objects = parameters.render_defaults(&manifest);
        let primary = spec.primary.as_ref().map(|primary| primary.name.as_str());
        let mut pods = Self::of_objects(name, &objects, &|document, pointer| {
            let varies = |(one, place): &(usize, &str)| {
                let rest = place.strip_prefix(pointer);
                *one == document
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            variable.iter().any(varies)
        });
        for method in &spec.connect {
            pods.add_method(method, primary);
        }
        Ok(pods)
    }

    /// Returns the Pods of rendered objects. `varies` returns true for fields, by number of the object and JSON pointer, that each
    /// session has its own value of.
    pub(crate) fn of_objects(
        name: &str,
        objects: &[Value],
        varies: &dyn Fn(usize, &str) -> bool,
    ) -> Self {
        let workloads = objects.iter().enumerate().filter_map(|(document, object)| {
            let spec = pod_spec(object)?;
            let path = pod_metadata_paths(Untyped(object).kind()).last()?;
            let all_labels = pod_labels(object).cloned().unwrap_or_default();
            let is_constant = |(key, _): &(&String, &Value)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                !varies(document, &format!("{path}/labels/{key}"))
            };
            let constant = all_labels.iter().filter(is_constant);
            let mut pods = WorkloadPods {
                name: Untyped(object).name().to_owned(),
                labels: constant
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
                ports: Vec::new(),
                is_replicated: replica_count(object).is_some_and(|count| count > 1),
                all_labels,
            };
            pods.add_containers(spec);
            Some(pods)
        });
        let mut pods = Self {
            template: name.to_owned(),
            workloads: workloads.collect(),
            policies: Vec::new(),
        };
        for (document, object) in objects.iter().enumerate() {
            let found = Untyped(object);
            if found.kind() == NETWORK_POLICY.kind {
                pods.policies.push(TemplatePolicy {
                    name: found.name().to_owned(),
                    spec: object["spec"].clone(),
                    is_common: !varies(document, "/spec") && !varies(document, "/metadata/name"),
                });
            } else if found.kind() == "Service" {
                let selector = object.pointer("/spec/selector").unwrap_or(&Value::Null);
                let selected = |one: &&mut WorkloadPods| one.has_labels(selector);
                for pods in pods.workloads.iter_mut().filter(selected) {
                    pods.add_service(object);
                }
            }
        }
        pods
    }

    /// Adds the port of a connection method that names it by number.
    fn add_method(&mut self, method: &ConnectMethod, primary: Option<&str>) {
        let http = method.http.as_ref().and_then(|http| http.port.as_ref());
        let port = http.or_else(|| method.ssh.as_ref()?.port.as_ref());
        let number = port.and_then(|port| match port {
            IntOrString::Int(number) => u16::try_from(*number).ok(),
            IntOrString::Text(text) => text.parse().ok(),
        });
        let named = method.workload.as_deref().or(primary).unwrap_or_default();
        let name = named.rsplit('/').next().unwrap_or(named);
        let is_only = self.workloads.len() == 1;
        let mut workloads = self.workloads.iter_mut();
        let workload = workloads.find(|one| is_only || one.name == name);
        if let (Some(workload), Some(number)) = (workload, number) {
            workload.add_port("TCP", number);
        }
    }

    /// Returns the ports of all workloads.
    pub(crate) fn ports(&self) -> BTreeSet<Port> {
        let workloads = self.workloads.iter();
        workloads
            .flat_map(|one| one.ports.iter().cloned())
            .collect()
    }

    /// Returns the first workload's value of a label that it has in all sessions.
    pub(crate) fn label(&self, key: &str) -> Option<&Value> {
        self.workloads.first()?.labels.get(key)
    }

    /// Returns true if a policy of the template selects Pods.
    pub(crate) fn has_policy_for(&self, pods: &WorkloadPods) -> bool {
        let selector = |policy: &TemplatePolicy| policy.spec["podSelector"]["matchLabels"].clone();
        let mut policies = self.policies.iter();
        policies.any(|policy| match selector(policy) {
            Value::Null => true,
            labels => pods.has_labels(&labels),
        })
    }
}

impl WorkloadPods {
    fn has_labels(&self, wanted: &Value) -> bool {
        let wanted = wanted.as_object();
        wanted.is_some_and(|wanted| has_labels(&self.all_labels, wanted))
    }

    fn add_port(&mut self, protocol: &str, number: u16) {
        let port = (protocol.to_owned(), number);
        if !self.ports.contains(&port) {
            self.ports.push(port);
        }
    }

    /// Adds the ports of containers and of init containers that run on.
    fn add_containers(&mut self, spec: &Map<String, Value>) {
        let list = |key: &str| {
            spec.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let sidecars = list("initContainers").filter(|one| one["restartPolicy"] == "Always");
        for container in list("containers").chain(sidecars) {
            for port in Untyped(container).items_at("/ports") {
                if let Some(number) = port.at("/containerPort").and_then(port_number) {
                    self.add_port(port.str_at("/protocol").unwrap_or("TCP"), number);
                }
            }
        }
    }

    /// Adds the ports that a Service leads to. A name is that of a container's port, which is known.
    fn add_service(&mut self, service: &Value) {
        for port in Untyped(service).items_at("/spec/ports") {
            let target = port.at("/targetPort").or_else(|| port.at("/port"));
            if let Some(number) = target.and_then(port_number) {
                self.add_port(port.str_at("/protocol").unwrap_or("TCP"), number);
            }
        }
    }
}

/// Reads a port number, which is a text where a parameter's default has replaced a placeholder in quotes.
fn port_number(value: &Value) -> Option<u16> {
    match value {
        Value::String(text) => text.parse().ok(),
        number => u16::try_from(number.as_u64()?).ok(),
    }
}

/// Returns ports in the form of a NetworkPolicy.
pub(crate) fn policy_ports<'p>(ports: impl IntoIterator<Item = &'p Port>) -> Value {
    let ports = ports.into_iter();
    ports
        .map(|(protocol, port)| json!({"protocol": protocol, "port": port}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(name: &str) -> TemplatePods {
        let object = builtin_template_object(name).unwrap().unwrap();
        TemplatePods::of_template(name, &parse_object(object).unwrap()).unwrap()
    }

    fn numbers(pods: &WorkloadPods) -> Vec<u16> {
        pods.ports.iter().map(|(_, number)| *number).collect()
    }

    #[test]
    fn built_in_templates_have_the_ports_and_labels_of_their_objects() {
        for (template, ports, labels) in [
            ("shell", vec![], json!({"app": "shell-session"})),
            ("nvim", vec![8080, 9001], json!({"app": "nvim-web-session"})),
            ("sindri", vec![2222], json!({})),
            (
                "gimp",
                vec![6901, 5901],
                json!({"app": "gimp-session", "tier": "streaming"}),
            ),
            (
                "gimp-cloud",
                vec![6901, 5901],
                json!({"app": "gimp-session", "tier": "streaming"}),
            ),
            (
                "lab",
                vec![22, 8081, 8080],
                json!({"app": "lab-environment"}),
            ),
        ] {
            let pods = built_in(template);
            let [workload] = pods.workloads.as_slice() else {
                panic!("{pods:?}")
            };
            assert_eq!(numbers(workload), ports, "{template}");
            assert_eq!(Value::from(workload.labels.clone()), labels, "{template}");
            assert!(!workload.is_replicated && pods.policies.is_empty());
        }
        let preview = built_in("preview");
        let workloads = preview.workloads.iter();
        let ports: Vec<_> = workloads
            .map(|one| (one.name.as_str(), numbers(one), one.is_replicated))
            .collect();
        assert_eq!(
            ports,
            [
                ("api", vec![3001], true),
                ("web", vec![3000], true),
                ("db", vec![5432, 9187], false)
            ]
        );
        assert!(preview.policies.len() == 3 && preview.policies.iter().all(|one| one.is_common));
        assert!(
            preview
                .workloads
                .iter()
                .all(|one| preview.has_policy_for(one))
        );
    }

    #[test]
    fn services_sidecars_and_protocols_count() {
        let objects = [
            json!({"kind": "Deployment", "metadata": {"name": "game"}, "spec": {"template": {
                "metadata": {"labels": {"app": "game", "user": "${USER_ID}"}},
                "spec": {"containers": [{"ports": [{"containerPort": 27015, "protocol": "UDP"}]}],
                    "initContainers": [{"restartPolicy": "Always", "ports": [{"containerPort": 15000}]},
                        {"ports": [{"containerPort": 1}]}]}}}}),
            json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"app": "game", "user": "${USER_ID}"},
                "ports": [{"port": 80, "targetPort": "8000"}, {"port": 81, "targetPort": "http"}, {"port": 82}]}}),
            json!({"kind": "Service", "metadata": {"name": "t"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 2}]}}),
        ];
        let pods =
            TemplatePods::of_objects("t", &objects, &|_, pointer| pointer.ends_with("/user"));
        let expected = [("UDP", 27015), ("TCP", 15000), ("TCP", 8000), ("TCP", 82)];
        let expected = expected.map(|(protocol, port)| (protocol.to_owned(), port));
        assert_eq!(pods.workloads[0].ports, expected);
        assert_eq!(pods.label("app"), Some(&json!("game")));
        assert_eq!(pods.label("user"), None);
    }
}
