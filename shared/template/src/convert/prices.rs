//! Prices of `quota cost` from a TOML or YAML file.
//!
//! ```yaml
//! currency: USD
//! base: 70-150          # the cluster itself; 0 if self-hosted
//! compute: 50-80        # 2 CPUs or 4Gi of memory
//! storage: 5-10         # 30Gi
//! loadBalancer: 15-25   # one Service
//! gpus: {nvidia.com/gpu: 250}
//! storageClasses: {fast: 8-12}
//! snapshots: 1.50       # 30Gi
//! ```

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::loader::{PlaceholderMode, load_documents};
use super::super::node::Node;
use super::super::problem::Problems;
use super::super::resolve::most_similar;
use super::super::source::{Source, SourceLocation};
use super::fields::{FieldReader, location, value};
use super::toml_loader::load_toml;

/// Millionths in a unit of the currency.
pub const MICROS: i64 = 1_000_000;
/// Highest price, in units of the currency.
const PRICE_MAX: i64 = 1_000_000_000;
/// Longest currency, in characters.
const CURRENCY_MAX: usize = 8;
const KEYS: [&str; 8] = [
    "currency",
    "base",
    "compute",
    "storage",
    "loadBalancer",
    "gpus",
    "storageClasses",
    "snapshots",
];

/// Lowest and highest price per month, in millionths of the currency. Never negative, the lowest never above the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceRange {
    /// Lowest price.
    pub low: i64,
    /// Highest price.
    pub high: i64,
}

impl PriceRange {
    const fn of_units(low: i64, high: i64) -> Self {
        Self {
            low: low * MICROS,
            high: high * MICROS,
        }
    }
}

/// Prices per month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Currency, for headings only.
    pub currency: String,
    /// The cluster itself, whatever runs in it.
    pub base: PriceRange,
    /// 2 CPUs or 4Gi of memory, whichever a session has more of.
    pub compute: PriceRange,
    /// 30Gi of a claim whose class has no price of its own.
    pub storage: PriceRange,
    /// One Service of type LoadBalancer.
    pub load_balancer: PriceRange,
    /// One unit of an extended resource, by its name.
    pub gpus: BTreeMap<String, PriceRange>,
    /// 30Gi of a claim, by its StorageClass.
    pub storage_classes: BTreeMap<String, PriceRange>,
    /// 30Gi of a snapshot.
    pub snapshots: Option<PriceRange>,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            base: PriceRange::of_units(70, 150),
            compute: PriceRange::of_units(50, 80),
            storage: PriceRange::of_units(5, 10),
            load_balancer: PriceRange::of_units(15, 25),
            gpus: BTreeMap::new(),
            storage_classes: BTreeMap::new(),
            snapshots: None,
        }
    }
}

impl Prices {
    /// Parses a prices file: TOML if its name ends in `.toml`, or if it has no known ending and looks like TOML; else YAML.
    ///
    /// # Errors
    /// All problems of the file: missing, negative and unreadable prices, unknown keys.
    pub fn parse(source: &Source) -> Result<Self> {
        let (roots, problems) = match is_toml(source) {
            true => {
                let (root, problems) = load_toml(source);
                (vec![root], problems)
            }
            false => load_documents(source, PlaceholderMode::Plain),
        };
        let is_readable = problems.is_empty();
        let mut reader = FieldReader::new(source, problems);
        if let Some(second) = roots.get(1) {
            let message = "prices must be the only document of their file".to_owned();
            reader.reject(second.location(), message, "remove the other documents");
        }
        let mut prices = Self::default();
        match roots.first() {
            Some(root) if !matches!(root, Node::Mapping(..)) => {
                reader.reject(root.location(), "prices must be a mapping".to_owned(), "");
            }
            // A file with syntax errors may have the prices that seem to be missing.
            root if is_readable => read_prices(&mut reader, root, &mut prices),
            _ => {}
        }
        let result = reader.problems.into_result(prices);
        result.map_err(Problems::into_error)
    }
}

fn is_toml(source: &Source) -> bool {
    let name = source.name().to_ascii_lowercase();
    if [".yaml", ".yml", ".json"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        return false;
    }
    let mut lines = source.text().lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let looks_like = |line: &str| {
        let key = line.split_once('=').map(|(key, _)| key);
        line.starts_with('[') || key.is_some_and(|key| !key.contains(':'))
    };
    name.ends_with(".toml") || first.is_some_and(looks_like)
}

fn read_prices(reader: &mut FieldReader<'_>, root: Option<&Node>, prices: &mut Prices) {
    reject_unknown_keys(reader, root);
    let check = |currency: &str| match currency.chars().count() {
        1..=CURRENCY_MAX
            if !currency
                .chars()
                .any(|c| c.is_whitespace() || c.is_control()) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "must have 1 to {CURRENCY_MAX} characters without blanks, such as EUR"
        )),
    };
    if let Some(currency) = reader.checked(root, "currency", check) {
        prices.currency = currency;
    }
    for (key, example, price) in [
        ("base", "70-150", &mut prices.base),
        ("compute", "50-80", &mut prices.compute),
        ("storage", "5-10", &mut prices.storage),
        ("loadBalancer", "15-25", &mut prices.load_balancer),
    ] {
        match value(root, key) {
            Some(_) => *price = read_price(reader, root, key, key).unwrap_or_default(),
            None => {
                let place = root.map_or_else(SourceLocation::default, Node::location);
                let hint = format!("add a price per month, or 0, such as {key}: {example}");
                reader.reject(place, format!("price {key:?} is missing"), &hint);
            }
        }
    }
    if value(root, "snapshots").is_some() {
        prices.snapshots = read_price(reader, root, "snapshots", "snapshots");
    }
    prices.gpus = read_price_map(reader, root, "gpus");
    prices.storage_classes = read_price_map(reader, root, "storageClasses");
}

/// Rejects unknown keys: a price that is ignored would make the costs wrong.
fn reject_unknown_keys(reader: &mut FieldReader<'_>, root: Option<&Node>) {
    let Some(Node::Mapping(entries, _)) = root else {
        return;
    };
    for entry in entries
        .iter()
        .filter(|entry| !KEYS.contains(&entry.key.as_str()))
    {
        let hint = match most_similar(&entry.key, KEYS.into_iter()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known keys are {}", KEYS.join(", ")),
        };
        reader.reject(
            entry.location,
            format!("unknown key {:?}", entry.key),
            &hint,
        );
    }
}

fn read_price_map(
    reader: &mut FieldReader<'_>,
    root: Option<&Node>,
    key: &str,
) -> BTreeMap<String, PriceRange> {
    let section = value(root, key);
    let entries = match section {
        None => return BTreeMap::new(),
        Some(Node::Mapping(entries, _)) => entries,
        Some(other) => {
            reader.reject(other.location(), format!("{key} must be a mapping"), "");
            return BTreeMap::new();
        }
    };
    let mut prices = BTreeMap::new();
    for entry in entries {
        let path = format!("{key}.{}", entry.key);
        if entry.value.is_null() {
            reader.reject(
                entry.location,
                format!("price {path:?} is missing"),
                "write 0 if it costs nothing",
            );
        } else if let Some(price) = read_price(reader, section, &entry.key, &path) {
            prices.insert(entry.key.clone(), price);
        }
    }
    prices
}

/// Reads the price of a key that is there; `path` is its name in messages.
fn read_price(
    reader: &mut FieldReader<'_>,
    parent: Option<&Node>,
    key: &str,
    path: &str,
) -> Option<PriceRange> {
    let Some(scalar) = value(parent, key).and_then(Node::scalar) else {
        let message = format!("{path} must be a number or a range such as 50-80");
        reader.reject(location(parent, key), message, "");
        return None;
    };
    match parse_price_range(&scalar.text) {
        Ok(price) => Some(price),
        Err(reason) => {
            let message = format!("invalid price {path} {:?}: {reason}", scalar.text);
            reader.reject(scalar.location, message, "");
            None
        }
    }
}

/// Parses `50`, `12.50` and `50-80`.
fn parse_price_range(text: &str) -> Result<PriceRange, String> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err("must not be negative".to_owned());
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (parse_price(low.trim())?, parse_price(high.trim())?);
    match low <= high {
        true => Ok(PriceRange { low, high }),
        false => Err("the lower price comes first".to_owned()),
    }
}

fn parse_price(text: &str) -> Result<i64, String> {
    const DECIMALS: usize = 6;
    if text.starts_with('-') {
        return Err("must not be negative".to_owned());
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = [whole, decimals]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    if !is_number {
        return Err("must be a number or a range such as 50-80".to_owned());
    }
    if decimals.len() > DECIMALS {
        return Err(format!("must have at most {DECIMALS} decimals"));
    }
    let units = whole
        .parse::<i64>()
        .ok()
        .filter(|units| *units <= PRICE_MAX);
    let units = units.ok_or_else(|| format!("must be at most {PRICE_MAX}"))?;
    let micros: i64 = format!("{decimals:0<DECIMALS$}")
        .parse()
        .unwrap_or_default();
    Ok(units * MICROS + micros)
}

#[cfg(test)]
mod tests;
