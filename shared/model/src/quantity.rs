//! Kubernetes quantities (`500m`, `4Gi`, `1e3`), exact, as `k8s.io/apimachinery` reads and writes them.
//!
//! Values are whole nano-units in an `i128`. As the API server does, more digits than nano are rounded away from zero and
//! amounts beyond ±(2^63-1) are capped.

mod text;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// How a quantity was written, which is how it is written back where that loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `k`, `M`, `G`: powers of ten.
    Decimal,
    /// `Ki`, `Mi`, `Gi`: powers of two.
    Binary,
    /// `1e3`.
    Exponent,
}

/// An amount of a resource. Two quantities are equal when their amounts are: `1024Mi == 1Gi`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self {
        nano: 0,
        format: Format::Decimal,
    };

    /// A whole number of units.
    pub const fn units(units: i64) -> Self {
        Self {
            nano: units as i128 * NANO,
            format: Format::Decimal,
        }
    }

    /// True for an amount of nothing.
    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }

    /// True for less than nothing, which no field of a Pod or claim takes.
    pub fn is_negative(&self) -> bool {
        self.nano < 0
    }

    /// The amount in whole units, rounded away from zero, as `Quantity.Value()` of Kubernetes.
    pub fn value(&self) -> i64 {
        clamp(div_away(self.nano, NANO))
    }

    /// The amount in thousandths, rounded away from zero, as `Quantity.MilliValue()` of Kubernetes.
    pub fn milli(&self) -> i64 {
        clamp(div_away(self.nano, NANO / 1000))
    }

    /// True if the amount is a whole number, as every extended resource (`nvidia.com/gpu`) must be.
    pub fn is_whole(&self) -> bool {
        self.nano % NANO == 0
    }

    /// The sum, capped at Kubernetes' limits, written as `self` is (a sum with [`Quantity::ZERO`] as the other one is).
    pub fn plus(&self, other: &Self) -> Self {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        Self {
            nano: (self.nano + other.nano).clamp(-MAX, MAX),
            format,
        }
    }

    /// The amount so many times, capped at Kubernetes' limits.
    pub fn times(&self, factor: i64) -> Self {
        Self {
            nano: self
                .nano
                .saturating_mul(i128::from(factor))
                .clamp(-MAX, MAX),
            format: self.format,
        }
    }

    /// `self * numerator / denominator`: what a request becomes when its limit changes and the ratio stays. From 1000
    /// units on, and for amounts in powers of two, the result is whole units, below that thousandths; rounded away
    /// from zero, so that something never becomes nothing. A denominator of nothing leaves `self` as it is.
    pub fn scale_ratio(&self, numerator: &Self, denominator: &Self) -> Self {
        if denominator.nano == 0 {
            return *self;
        }
        let nano = mul_div(self.nano, numerator.nano, denominator.nano);
        let coarse = self.format == Format::Binary || nano.abs() >= 1000 * NANO;
        let step = if coarse { NANO } else { NANO / 1000 };
        Self {
            nano: (div_away(nano, step) * step).clamp(-MAX, MAX),
            format: self.format,
        }
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn div_away(value: i128, by: i128) -> i128 {
    let rest = i128::from(value % by != 0) * value.signum();
    value / by + rest
}

/// `a * b / c` without losing the product: the common factors go first, and what still overflows is divided first, where
/// the amounts are so large that the rest of a division is no amount of anything.
fn mul_div(a: i128, b: i128, c: i128) -> i128 {
    let (left, right) = (gcd(a, c), gcd(b, c / gcd(a, c)));
    let (a, b, c) = (a / left, b / right, c / left / right);
    match a.checked_mul(b) {
        Some(product) => div_away(product, c),
        None => (a / c).saturating_mul(b),
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as 500m, 2 or 4Gi")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity::units(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Bytes as a quantity of at most one decimal: `0`, `512`, `1.5Mi`, `20Gi`.
pub fn size(bytes: u64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let (mut whole, mut rest, mut unit) = (bytes, 0, 0);
    while whole >= 1024 && unit + 1 < units.len() {
        rest = whole % 1024;
        whole /= 1024;
        unit += 1;
    }
    match rest * 10 / 1024 {
        tenths if tenths > 0 && whole < 100 => format!("{whole}.{tenths}{}", units[unit]),
        _ => format!("{whole}{}", units[unit]),
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"x-kubernetes-int-or-string": true})
    }
}

#[cfg(test)]
mod tests;
