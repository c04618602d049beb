//! Comparisons of filters: number with number, string with string. A string and a number cannot be compared.

use std::cmp::Ordering;

use serde_json::Value;

/// Returns whether `left operator right` is true.
pub(super) fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, String> {
    match operator {
        "==" => equal(left, right),
        "!=" => Ok(!equal(left, right)?),
        "<" => Ok(order(left, right)? == Some(Ordering::Less)),
        "<=" => Ok(order(left, right)?.is_some_and(Ordering::is_le)),
        // Not written as a negation: JSON has no NaN, so both are the same.
        ">" => Ok(order(left, right)?.is_some_and(Ordering::is_gt)),
        ">=" => Ok(order(left, right)?.is_some_and(Ordering::is_ge)),
        _ => Err(format!("unrecognized filter operator {operator}")),
    }
}

fn equal(left: &Value, right: &Value) -> Result<bool, String> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        _ => Ok(basic_order(left, right)? == Some(Ordering::Equal)),
    }
}

fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, String> {
    match (left, right) {
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".into()),
        _ => basic_order(left, right),
    }
}

fn basic_order(left: &Value, right: &Value) -> Result<Option<Ordering>, String> {
    let basic = |value: &Value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(Some(left.cmp(right))),
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => {
            // Integers are not converted to floats, which cannot tell large ones apart.
            match (integer(a), integer(b)) {
                (Some(a), Some(b)) => Ok(Some(a.cmp(&b))),
                _ => Ok(a.as_f64().partial_cmp(&b.as_f64())),
            }
        }
        _ if basic(left) && basic(right) => Err("incompatible types for comparison".into()),
        _ => Err("invalid type for comparison".into()),
    }
}

fn integer(number: &serde_json::Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}
