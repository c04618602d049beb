//! What sessions cost per month, from the limits of their Pods, their claims and their load balancers. An estimate: what is not known is
//! listed beside it in [`CostGaps`].
//!
//! ```text
//! SessionObjects, Prices ─► session_costs ─► CostReport: CostRow of each session ─► group_costs ─► CostRow of each user or namespace
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::storage_size;
use session_model::objects::overrides::is_gpu_resource;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;
use session_template::{PriceRange, Prices};

use super::cost_report::{CostGaps, CostRange, CostReport, CostRow, DELETED};
use super::demand::{parse_quantity, pod_resources};
use super::session_pods::{
    SessionKey, SessionObjects, group_by_session, is_live_pod, labelled_session, session_key,
};

/// CPUs of one unit of compute, in thousandths.
const UNIT_CPU_MILLI: i64 = 2000;
/// Memory of one unit of compute.
const UNIT_MEMORY: i64 = 4 << 30;
/// Storage that one price of storage pays for.
const UNIT_STORAGE: i64 = 30 << 30;

/// Computes what each session costs per month if its Pods run all the time.
pub fn session_costs<'o>(objects: &'o SessionObjects, prices: &'o Prices) -> CostReport {
    let mut costing = Costing {
        prices,
        rows: BTreeMap::new(),
        gaps: CostGaps::default(),
    };
    for session in &objects.sessions {
        costing.add_session(session);
    }
    let of_session = |list: &'o Option<Vec<Value>>| {
        group_by_session(&objects.sessions, list.as_deref().unwrap_or_default())
    };
    let pods = of_session(&objects.pods);
    for key in objects.sessions.iter().map(session_key) {
        let pods = pods
            .get(&key)
            .into_iter()
            .flatten()
            .filter(|pod| is_live_pod(pod));
        costing.add_pods(key, pods.copied().collect());
    }
    for (key, services) in of_session(&objects.services) {
        costing.add_services(key, &services);
    }
    for claim in objects.claims.iter().flatten() {
        costing.add_claim(claim);
    }
    for snapshot in objects.snapshots.iter().flatten() {
        costing.add_snapshot(snapshot);
    }
    // Pods that do not exist yet have the name of their workload.
    costing.gaps.by_request.dedup();
    costing.gaps.unlimited.dedup();
    CostReport {
        rows: costing.rows.into_values().collect(),
        gaps: costing.gaps,
    }
}

/// Costs under way.
struct Costing<'o> {
    prices: &'o Prices,
    rows: BTreeMap<SessionKey<'o>, CostRow>,
    gaps: CostGaps,
}

impl<'o> Costing<'o> {
    fn add_session(&mut self, session: &'o Value) {
        let (key, session) = (session_key(session), Untyped(session));
        let row = CostRow {
            user: session.str_at("/spec/userId").map(str::to_owned),
            phase: session.str_at("/status/phase").map(str::to_owned),
            namespace: Some(key.0.to_owned()),
            sessions: 1,
            ..CostRow::new(key.1)
        };
        self.rows.insert(key, row);
    }

    fn add_pods(&mut self, key: SessionKey<'o>, pods: Vec<&'o Value>) {
        if pods.is_empty() {
            self.gaps.without_pods += 1;
        }
        let mut sum: BTreeMap<String, Quantity> = BTreeMap::new();
        for pod in pods {
            for (name, amount) in self.pod_limits(pod) {
                let entry = sum.entry(name).or_insert(Quantity::ZERO);
                *entry = entry.add(&amount);
            }
        }
        let Some(row) = self.rows.get_mut(&key) else {
            return;
        };
        for (name, amount) in sum {
            match name.as_str() {
                "limits.cpu" => row.cpu = amount,
                "limits.memory" => row.memory = amount,
                name => {
                    let Some(resource) = name.strip_prefix("limits.") else {
                        continue;
                    };
                    let price = self.prices.gpus.get(resource);
                    if let Some(price) = price {
                        let cost = CostRange::of_amount(*price, amount.value(), 1);
                        row.costs.gpus = row.costs.gpus.plus(cost);
                    } else if is_gpu_resource(resource) && !amount.is_zero() {
                        *self.gaps.gpus.entry(resource.to_owned()).or_default() += amount.value();
                    } else {
                        continue;
                    }
                    row.gpus.insert(resource.to_owned(), amount.value());
                }
            }
        }
        row.costs.compute = compute_cost(&row.cpu, &row.memory, self.prices.compute);
    }

    /// Returns the limits of a Pod, with the request of a container in place of a limit that it lacks.
    fn pod_limits(&mut self, pod: &Value) -> BTreeMap<String, Quantity> {
        let Some(mut spec) = pod_spec(pod).cloned() else {
            return BTreeMap::new();
        };
        let of_pod = spec
            .get("resources")
            .and_then(|resources| resources.get("limits"))
            .cloned();
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                let runs_along = list == "containers"
                    || Untyped(container).str_at("/restartPolicy") == Some("Always");
                let (mut by_request, mut unlimited) = (Vec::new(), Vec::new());
                for resource in ["cpu", "memory"] {
                    if of_pod
                        .as_ref()
                        .is_some_and(|limits| limits.get(resource).is_some())
                    {
                        continue;
                    }
                    match complete_limit(container, resource) {
                        Some(LimitGap::Request) => by_request.push(resource),
                        Some(LimitGap::Nothing) => unlimited.push(resource),
                        None => {}
                    }
                }
                let gaps = [
                    (by_request, &mut self.gaps.by_request),
                    (unlimited, &mut self.gaps.unlimited),
                ];
                for (resources, list) in gaps
                    .into_iter()
                    .filter(|(resources, _)| runs_along && !resources.is_empty())
                {
                    let (namespace, pod) = (Untyped(pod).home_namespace(), Untyped(pod).name());
                    let name = Untyped(container).str_at("/name").unwrap_or(Untyped::NONE);
                    list.push(format!(
                        "{namespace}/{pod} {name} ({})",
                        resources.join(", ")
                    ));
                }
            }
        }
        pod_resources(&spec)
    }

    fn add_services(&mut self, key: SessionKey<'o>, services: &[&Value]) {
        let balancers = services
            .iter()
            .filter(|service| Untyped(service).str_at("/spec/type") == Some("LoadBalancer"));
        let count = i64::try_from(balancers.count()).unwrap_or(i64::MAX);
        if let Some(row) = self.rows.get_mut(&key) {
            row.load_balancers = count;
            row.costs.load_balancers = CostRange::of_amount(self.prices.load_balancer, count, 1);
        }
    }

    fn add_claim(&mut self, claim: &'o Value) {
        let Some(key) = labelled_session(claim) else {
            return;
        };
        let size = storage_size(claim).and_then(|size| size.parse::<Quantity>().ok());
        let Some(size) = size else {
            let name = Untyped(claim).name();
            self.gaps.claims.push(format!("{}/{name}", key.0));
            return;
        };
        let class = Untyped(claim).str_at("/spec/storageClassName");
        let own = class.and_then(|class| self.prices.storage_classes.get(class));
        let cost = CostRange::of_amount(
            *own.unwrap_or(&self.prices.storage),
            size.value(),
            UNIT_STORAGE,
        );
        let row = self.row_of_data(key, claim);
        row.storage = row.storage.add(&size);
        row.costs.storage = row.costs.storage.plus(cost);
    }

    fn add_snapshot(&mut self, snapshot: &'o Value) {
        let Some(key) = labelled_session(snapshot) else {
            return;
        };
        let Some(price) = self.prices.snapshots else {
            self.gaps.unpriced_snapshots += 1;
            return;
        };
        let size = storage_size(snapshot).and_then(|size| size.parse::<Quantity>().ok());
        let Some(size) = size else {
            self.gaps.unsized_snapshots += 1;
            return;
        };
        let row = self.row_of_data(key, snapshot);
        let cost = CostRange::of_amount(price, size.value(), UNIT_STORAGE);
        row.costs.snapshots = row.costs.snapshots.plus(cost);
    }

    /// Returns the row of the session that data belongs to, a new one if the session is deleted.
    fn row_of_data(&mut self, key: SessionKey<'o>, data: &Value) -> &mut CostRow {
        self.rows.entry(key).or_insert_with(|| {
            let data = Untyped(data);
            let user = data
                .annotation(labels::USER_ID)
                .or(data.label(labels::USER));
            CostRow {
                user: user.map(str::to_owned),
                phase: Some(DELETED.to_owned()),
                namespace: Some(key.0.to_owned()),
                ..CostRow::new(key.1)
            }
        })
    }
}

/// What stands for a limit that a container lacks.
enum LimitGap {
    Request,
    Nothing,
}

/// Writes the container's request into a limit that it lacks; returns `None` if it has one.
fn complete_limit(container: &mut Value, resource: &str) -> Option<LimitGap> {
    let amount = |part: &str| {
        let amount = container.get("resources")?.get(part)?.get(resource)?;
        parse_quantity(amount).map(|_| amount.clone())
    };
    if amount("limits").is_some() {
        return None;
    }
    let Some(request) = amount("requests") else {
        return Some(LimitGap::Nothing);
    };
    let resources = container.get_mut("resources")?.as_object_mut()?;
    let limits = resources.entry("limits").or_insert_with(|| json!({}));
    if !limits.is_object() {
        *limits = Value::Object(Map::new());
    }
    limits.as_object_mut()?.insert(resource.to_owned(), request);
    Some(LimitGap::Request)
}

/// Returns the cost of CPU or memory, whichever takes more units.
fn compute_cost(cpu: &Quantity, memory: &Quantity, price: PriceRange) -> CostRange {
    let (cpu, memory) = (cpu.multiply(1000).value(), memory.value());
    let cpu_is_more = i128::from(cpu) * i128::from(UNIT_MEMORY)
        >= i128::from(memory) * i128::from(UNIT_CPU_MILLI);
    match cpu_is_more {
        true => CostRange::of_amount(price, cpu, UNIT_CPU_MILLI),
        false => CostRange::of_amount(price, memory, UNIT_MEMORY),
    }
}

#[cfg(test)]
mod tests;
