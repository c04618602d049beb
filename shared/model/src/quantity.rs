//! Kubernetes quantities (`500m`, `4Gi`, `1e3`), parsed and printed exactly as `k8s.io/apimachinery` does.
//!
//! A value is a whole number of nano-units in an `i128`. As in the API server, digits below nano are rounded away from zero,
//! and amounts beyond ±(2^63-1) are capped.

mod parse;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// Notation in which a quantity was written. It is printed in the same notation if that loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `k`, `M`, `G`: powers of ten.
    Decimal,
    /// `Ki`, `Mi`, `Gi`: powers of two.
    Binary,
    /// `1e3`.
    Exponent,
}

/// An amount of a resource. Comparison ignores the notation: `1024Mi == 1Gi`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Notation,
}

impl Quantity {
    /// The quantity 0.
    pub const ZERO: Self = Self {
        nano: 0,
        format: Notation::Decimal,
    };

    /// Creates a quantity from a whole number of units.
    pub const fn from_units(units: i64) -> Self {
        Self {
            nano: units as i128 * NANO,
            format: Notation::Decimal,
        }
    }

    /// Returns true for 0.
    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }

    /// Returns true for an amount below 0, which no field of a Pod or claim accepts.
    pub fn is_negative(&self) -> bool {
        self.nano < 0
    }

    /// Returns the amount in whole units, rounded away from zero, as Kubernetes' `Quantity.Value()` does.
    pub fn value(&self) -> i64 {
        clamp(div_round_up(self.nano, NANO))
    }

    /// Returns true if the amount is a whole number, as extended resources (`nvidia.com/gpu`) must be.
    pub fn is_whole(&self) -> bool {
        self.nano % NANO == 0
    }

    /// Returns the sum, capped at Kubernetes' limits, in the notation of `self`, or in that of `other` if `self` is 0.
    pub fn add(&self, other: &Self) -> Self {
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

    /// Returns the difference, capped at Kubernetes' limits, in the notation of `self`, or in that of `other` if `self` is 0.
    pub fn subtract(&self, other: &Self) -> Self {
        self.add(&other.multiply(-1))
    }

    /// Returns how many of `parts` equal parts of `whole` the amount is, rounded down: a percentage for 100. `None` if `whole` is 0.
    pub fn share_of(&self, whole: &Self, parts: u32) -> Option<i64> {
        // Fits: an amount has at most 93 bits.
        let product = self.nano * i128::from(parts);
        (whole.nano != 0).then(|| clamp(product.div_euclid(whole.nano)))
    }

    /// Returns the product, capped at Kubernetes' limits.
    pub fn multiply(&self, factor: i64) -> Self {
        Self {
            nano: self
                .nano
                .saturating_mul(i128::from(factor))
                .clamp(-MAX, MAX),
            format: self.format,
        }
    }

    /// Returns `self * numerator / denominator`, used to scale a request when its limit changes. The result is rounded away
    /// from zero, so that a positive request never becomes 0: to whole units from 1000 units on and for binary suffixes, else
    /// to thousandths. If `denominator` is 0, returns `self`.
    pub fn scale_ratio(&self, numerator: &Self, denominator: &Self) -> Self {
        if denominator.nano == 0 {
            return *self;
        }
        let nano = mul_div(self.nano, numerator.nano, denominator.nano);
        let coarse = self.format == Notation::Binary || nano.abs() >= 1000 * NANO;
        let step = if coarse { NANO } else { NANO / 1000 };
        Self {
            nano: (div_round_up(nano, step) * step).clamp(-MAX, MAX),
            format: self.format,
        }
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn div_round_up(value: i128, by: i128) -> i128 {
    let rest = i128::from(value % by != 0) * value.signum();
    value / by + rest
}

/// Computes `a * b / c`, rounded away from zero. Common factors are cancelled first. If the product still overflows, `a` is
/// divided first; the amounts are then so large that the lost remainder does not matter.
fn mul_div(a: i128, b: i128, c: i128) -> i128 {
    let (left, right) = (gcd(a, c), gcd(b, c / gcd(a, c)));
    let (a, b, c) = (a / left, b / right, c / left / right);
    match a.checked_mul(b) {
        Some(product) => div_round_up(product, c),
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

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
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
                Ok(Quantity::from_units(number))
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

/// Formats a number of bytes for a sentence: `512 bytes`, `1.5Mi`, `20Gi`.
pub fn describe_bytes(bytes: u64) -> String {
    let text = format_bytes(bytes);
    match bytes {
        1 => "1 byte".to_owned(),
        0..1024 => format!("{text} bytes"),
        _ => text,
    }
}

/// Formats a number of bytes as a quantity with at most one decimal: `0`, `512`, `1.5Mi`, `20Gi`.
pub fn format_bytes(bytes: u64) -> String {
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
