//! What sessions cost per month, from the limits of their Pods, their claims and their load balancers. An estimate: what is not known is
//! listed beside it in [`CostGaps`].
//!
//! ```text
//! CostObjects, Prices ─► session_costs ─► CostReport: CostRow of each session ─► group_costs ─► CostRow of each user or namespace
//! ```
//!
//! All money is in whole hundredths of the currency, rounded once for each part of a session's cost, so that rows add up to their total.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::kept_data::storage_size;
use session_model::objects::overrides::is_gpu_resource;
use session_model::objects::pods::pod_spec;
use session_model::quantity::Quantity;
use session_template::{MICROS, PriceRange, Prices};

use super::demand::{parse_quantity, pod_resources};
use super::session_pods::{
    SessionKey, group_by_session, is_live_pod, labelled_session, session_key,
};

/// CPUs of one unit of compute, in thousandths.
const UNIT_CPU_MILLI: i64 = 2000;
/// Memory of one unit of compute.
const UNIT_MEMORY: i64 = 4 << 30;
/// Storage that one price of storage pays for.
const UNIT_STORAGE: i64 = 30 << 30;
/// Phase of a session that no longer exists, but whose data does.
pub const DELETED: &str = "deleted";

/// Objects of sessions, each kind from one list. A kind that could not be read is empty.
#[derive(Clone, Debug, Default)]
pub struct CostObjects {
    /// Sessions.
    pub sessions: Vec<Value>,
    /// Pods with the label of a session.
    pub pods: Vec<Value>,
    /// Claims with the label of a session.
    pub claims: Vec<Value>,
    /// Services with the label of a session.
    pub services: Vec<Value>,
    /// VolumeSnapshots with the label of a session.
    pub snapshots: Vec<Value>,
}

/// Lowest and highest cost, in hundredths of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostRange {
    /// Lowest cost.
    pub low: i64,
    /// Highest cost.
    pub high: i64,
}

impl CostRange {
    /// Returns the sum, capped at the largest number.
    pub fn add(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
        }
    }

    /// Returns `price * amount / unit`, rounded to the nearest hundredth.
    fn of_amount(price: PriceRange, amount: i64, unit: i64) -> Self {
        let part = |price: i64| {
            let divisor = i128::from(unit) * i128::from(MICROS / 100);
            let product = i128::from(price) * i128::from(amount);
            i64::try_from((product + divisor / 2) / divisor).unwrap_or(i64::MAX)
        };
        Self {
            low: part(price.low),
            high: part(price.high),
        }
    }

    /// Returns the cost of one unit.
    pub fn of_price(price: PriceRange) -> Self {
        Self::of_amount(price, 1, 1)
    }
}

/// Parts of a cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostParts {
    /// CPU or memory, whichever costs more.
    pub compute: CostRange,
    /// GPUs and other extended resources that have a price.
    pub gpus: CostRange,
    /// Claims.
    pub storage: CostRange,
    /// Snapshots, if they have a price.
    pub snapshots: CostRange,
    /// Services of type LoadBalancer.
    pub load_balancers: CostRange,
}

impl CostParts {
    /// Returns the sum of the parts.
    pub fn total(&self) -> CostRange {
        let parts = [
            self.compute,
            self.gpus,
            self.storage,
            self.snapshots,
            self.load_balancers,
        ];
        parts.into_iter().fold(CostRange::default(), CostRange::add)
    }

    fn add(&mut self, other: &Self) {
        self.compute = self.compute.add(other.compute);
        self.gpus = self.gpus.add(other.gpus);
        self.storage = self.storage.add(other.storage);
        self.snapshots = self.snapshots.add(other.snapshots);
        self.load_balancers = self.load_balancers.add(other.load_balancers);
    }
}

/// The cost of a session, or of all sessions of a user or namespace.
#[derive(Clone, Debug)]
pub struct CostRow {
    /// Name of the session, user or namespace.
    pub name: String,
    /// Namespace of a session.
    pub namespace: Option<String>,
    /// User of a session, if known.
    pub user: Option<String>,
    /// Phase of a session, if known; [`DELETED`] for one of which only data is left.
    pub phase: Option<String>,
    /// Number of sessions, without deleted ones.
    pub sessions: usize,
    /// CPU limits of its Pods.
    pub cpu: Quantity,
    /// Memory limits of its Pods.
    pub memory: Quantity,
    /// Size of its claims.
    pub storage: Quantity,
    /// Number of its GPUs, and of other extended resources that have a price, by resource.
    pub gpus: BTreeMap<String, i64>,
    /// Number of its load balancers.
    pub load_balancers: i64,
    /// Costs per month.
    pub costs: CostParts,
}

impl CostRow {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: None,
            user: None,
            phase: None,
            sessions: 0,
            cpu: Quantity::ZERO,
            memory: Quantity::ZERO,
            storage: Quantity::ZERO,
            gpus: BTreeMap::new(),
            load_balancers: 0,
            costs: CostParts::default(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.cpu = self.cpu.add(&other.cpu);
        self.memory = self.memory.add(&other.memory);
        self.storage = self.storage.add(&other.storage);
        for (resource, count) in &other.gpus {
            *self.gpus.entry(resource.clone()).or_default() += count;
        }
        self.load_balancers += other.load_balancers;
        self.costs.add(&other.costs);
    }
}

/// What the costs leave out or assume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostGaps {
    /// Containers whose request stands for a missing limit: `NAMESPACE/POD container: cpu`.
    pub by_request: Vec<String>,
    /// Containers with neither limit nor request, which count as 0.
    pub unlimited: Vec<String>,
    /// GPUs without a price, by resource.
    pub gpus: BTreeMap<String, i64>,
    /// Claims without a size.
    pub claims: Vec<String>,
    /// Snapshots without a size, while snapshots have a price.
    pub unsized_snapshots: usize,
    /// Snapshots, while they have no price.
    pub unpriced_snapshots: usize,
    /// Sessions without a Pod, which cost only what they keep.
    pub without_pods: usize,
}

/// Costs of all sessions, sorted by namespace and name, and what they leave out.
#[derive(Clone, Debug, Default)]
pub struct CostReport {
    /// A row for each session and for the data of each deleted one.
    pub rows: Vec<CostRow>,
    /// What is left out.
    pub gaps: CostGaps,
}

/// Dimension by which costs are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostGroup {
    /// Each session.
    Session,
    /// Each user.
    User,
    /// Each namespace.
    Namespace,
}

/// Computes what each session costs per month if its Pods run all the time.
pub fn session_costs(objects: &CostObjects, prices: &Prices) -> CostReport {
    let mut costing = Costing {
        prices,
        rows: BTreeMap::new(),
        gaps: CostGaps::default(),
    };
    for session in &objects.sessions {
        costing.add_session(session);
    }
    let pods = group_by_session(&objects.sessions, &objects.pods);
    for key in objects.sessions.iter().map(session_key) {
        let pods = pods
            .get(&key)
            .into_iter()
            .flatten()
            .filter(|pod| is_live_pod(pod));
        costing.add_pods(key, pods.copied().collect());
    }
    for (key, services) in group_by_session(&objects.sessions, &objects.services) {
        costing.add_services(key, &services);
    }
    for claim in &objects.claims {
        costing.add_claim(claim);
    }
    for snapshot in &objects.snapshots {
        costing.add_snapshot(snapshot);
    }
    CostReport {
        rows: costing.rows.into_values().collect(),
        gaps: costing.gaps,
    }
}

/// Sums the rows of sessions, sorted by name. Sessions whose user is not known are summed without a name.
pub fn group_costs(rows: Vec<CostRow>, group: CostGroup) -> Vec<CostRow> {
    let name_of = |row: &CostRow| match group {
        CostGroup::Session => None,
        CostGroup::User => Some(row.user.clone().unwrap_or_else(|| Untyped::NONE.to_owned())),
        CostGroup::Namespace => row.namespace.clone(),
    };
    if group == CostGroup::Session {
        return rows;
    }
    let mut groups: BTreeMap<String, CostRow> = BTreeMap::new();
    for row in rows {
        let name = name_of(&row).unwrap_or_else(|| Untyped::NONE.to_owned());
        let group = groups
            .entry(name)
            .or_insert_with_key(|name| CostRow::new(name));
        group.add(&row);
    }
    groups.into_values().collect()
}

/// Returns the sum of all rows.
pub fn total_cost(rows: &[CostRow]) -> CostRow {
    let mut total = CostRow::new("total");
    rows.iter().for_each(|row| total.add(row));
    total
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
                        row.costs.gpus = row.costs.gpus.add(cost);
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
                for resource in ["cpu", "memory"] {
                    if of_pod
                        .as_ref()
                        .is_some_and(|limits| limits.get(resource).is_some())
                    {
                        continue;
                    }
                    let gap = complete_limit(container, resource);
                    let text = || {
                        let (namespace, pod) = (Untyped(pod).home_namespace(), Untyped(pod).name());
                        let name = Untyped(container).str_at("/name").unwrap_or(Untyped::NONE);
                        format!("{namespace}/{pod} {name}: {resource}")
                    };
                    match gap {
                        Some(LimitGap::Request) if runs_along => self.gaps.by_request.push(text()),
                        Some(LimitGap::Nothing) if runs_along => self.gaps.unlimited.push(text()),
                        _ => {}
                    }
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
        row.costs.storage = row.costs.storage.add(cost);
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
        row.costs.snapshots = row.costs.snapshots.add(cost);
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
