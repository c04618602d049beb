//! [`format_amount`]: amounts of resources as people read them in tables and sentences.

use session_model::quantity::{Quantity, format_bytes};

/// Longest canonical form of bytes that is shown: `1536Mi`.
const LONGEST: usize = 7;

/// Formats an amount of a resource (`requests.memory`, `cpu`, `pods`). Whole numbers have no suffix: `2000` Pods, not `2k`. Bytes have the
/// canonical form, or if that is a long number, one decimal of the largest unit, rounded down: `1.4Gi` for `1573741824`.
pub fn format_amount(resource: &str, amount: &Quantity) -> String {
    let text = amount.to_string();
    if !is_in_bytes(resource) {
        return match amount.is_whole() {
            true => amount.value().to_string(),
            false => text,
        };
    }
    if text.len() <= LONGEST {
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
    fn amounts_are_written_as_people_read_them() {
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
            ("limits.cpu", "1500m", "1500m"),
            ("pods", "2000", "2000"),
            ("pods", "2k", "2000"),
            ("requests.storage", "2k", "2k"),
        ] {
            assert_eq!(format_amount(resource, &amount.parse().unwrap()), text);
        }
    }
}
