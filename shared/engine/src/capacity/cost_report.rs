//! Costs of sessions, and their sums by user and namespace.
//!
//! All money is in whole hundredths of the currency, rounded once for each part of a session's cost, so that rows add up to their total.

use std::collections::BTreeMap;

use super::grouping::Grouping;
use session_model::objects::Untyped;
use session_model::quantity::Quantity;
use session_template::{MICROS, PriceRange};

/// Phase of a session that no longer exists, but whose data does.
pub const DELETED: &str = "deleted";

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
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
        }
    }

    /// Returns `price * amount / unit`, rounded to the nearest hundredth.
    pub(super) fn of_amount(price: PriceRange, amount: i64, unit: i64) -> Self {
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
        parts
            .into_iter()
            .fold(CostRange::default(), CostRange::plus)
    }

    fn add(&mut self, other: &Self) {
        self.compute = self.compute.plus(other.compute);
        self.gpus = self.gpus.plus(other.gpus);
        self.storage = self.storage.plus(other.storage);
        self.snapshots = self.snapshots.plus(other.snapshots);
        self.load_balancers = self.load_balancers.plus(other.load_balancers);
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
    pub(super) fn new(name: &str) -> Self {
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

    /// Returns the sum of a number of sessions that cost as much, by doubling.
    pub fn times(&self, count: u32) -> Self {
        let mut sum = Self::new("total");
        let mut power = self.clone();
        for bit in 0..u32::BITS - count.leading_zeros() {
            if count >> bit & 1 == 1 {
                sum.add(&power);
            }
            let half = power.clone();
            power.add(&half);
        }
        sum
    }

    fn add(&mut self, other: &Self) {
        self.sessions = self.sessions.saturating_add(other.sessions);
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
    /// Containers whose request stands for a missing limit: `NAMESPACE/POD CONTAINER (cpu, memory)`.
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

/// Sums the rows of sessions, sorted by name. Sessions whose user is not known are summed without a name.
pub fn group_costs(rows: Vec<CostRow>, group: Grouping) -> Vec<CostRow> {
    let name_of = |row: &CostRow| match group {
        Grouping::Session => None,
        Grouping::User => Some(row.user.clone().unwrap_or_else(|| Untyped::NONE.to_owned())),
        Grouping::Namespace => row.namespace.clone(),
    };
    if group == Grouping::Session {
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
