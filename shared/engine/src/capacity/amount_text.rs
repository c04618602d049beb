//! [`format_amount`]: amounts of resources as people read them in tables and sentences.

use session_model::quantity::{Quantity, format_bytes};

/// Longest canonical form that a table shows: `1536Mi`, `999999m`.
const LONGEST: usize = 7;

/// Formats an amount of a resource (`requests.memory`, `cpu`, `pods`): the canonical form, or for bytes whose canonical form is a long
/// number, one decimal of the largest unit, rounded down: `1.4Gi` for `1573741824`.
pub fn format_amount(resource: &str, amount: &Quantity) -> String {
    let text = amount.to_string();
    if text.len() <= LONGEST || !is_in_bytes(resource) {
        return text;
    }
    let sign = if amount.is_negative() { "-" } else { "" };
    format!("{sign}{}", format_bytes(amount.value().unsigned_abs()))
}

/// Returns true for a resource whose amounts are bytes.
fn is_in_bytes(resource: &str) -> bool {
    let name = resource.rsplit(['/', '.']).next().unwrap_or(resource);
    matches!(name, "memory" | "storage" | "ephemeral-storage") || name.starts_with("hugepages-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_numbers_of_bytes_are_shortened() {
        for (resource, amount, text) in [
            ("requests.memory", "1536Mi", "1536Mi"),
            ("requests.memory", "1573741824", "1.4Gi"),
            ("memory", "-1573741824", "-1.4Gi"),
            (
                "fast.storageclass.storage.k8s.io/requests.storage",
                "10000000001",
                "9.3Gi",
            ),
            ("limits.cpu", "12345678m", "12345678m"),
            ("pods", "2000", "2k"),
        ] {
            assert_eq!(format_amount(resource, &amount.parse().unwrap()), text);
        }
    }
}
