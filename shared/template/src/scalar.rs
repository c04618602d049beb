//! Typing of plain scalars as kubectl does it (YAML 1.1 as in go-yaml v2, then JSON).
//!
//! One intended difference: `.inf` and `.nan`, which kubectl refuses because JSON has no such numbers, are strings.

use serde_json::{Number, Value};

/// Returns the typed value of a plain, untagged scalar.
pub(super) fn parse_plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return true.into();
        }
        "n" | "N" | "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return false.into();
        }
        _ => {}
    }
    let number = match text.as_bytes().first() {
        // Underscores are removed only from text that begins like a number.
        Some(b'0'..=b'9' | b'+' | b'-') => parse_number(&text.replace('_', "")),
        // Here go-yaml uses Go's ParseFloat, which requires every underscore to be between two digits.
        Some(b'.') if has_valid_underscores(text) => parse_float(&text.replace('_', "")),
        _ => None,
    };
    number.map_or_else(|| text.into(), Value::Number)
}

fn has_valid_underscores(text: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    (1..bytes.len())
        .all(|at| bytes[at] != b'_' || digit(bytes.get(at - 1)) && digit(bytes.get(at + 1)))
}

/// Parses a number as go-yaml does: Go's `ParseInt` and `ParseUint` with base 0, then a float, then go-yaml's own `0b` form.
fn parse_number(text: &str) -> Option<Number> {
    if let Some(integer) = parse_integer(text) {
        return Some(from_integer(integer));
    }
    if let Some(float) = parse_float(text) {
        return Some(float);
    }
    // go-yaml removes `0b` and parses the rest with its sign, so `0b-1` is -1.
    let (digits, negated) = match text.strip_prefix("-0b") {
        Some(digits) if !digits.starts_with(['+', '-']) => (digits, true),
        Some(_) => return None,
        None => (text.strip_prefix("0b")?, false),
    };
    let value = i64::from_str_radix(digits, 2).ok()?;
    Some(from_integer(if negated {
        -i128::from(value)
    } else {
        value.into()
    }))
}

/// Parses an integer with optional sign and base prefix that fits into 64 bits: signed, or unsigned if it has no sign.
fn parse_integer(text: &str) -> Option<i128> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (digits, radix) = match lower.as_deref() {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        Some(zero) if zero.starts_with('0') => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // from_str_radix would accept a second sign.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    let largest = if signed {
        i64::MAX.into()
    } else {
        u64::MAX.into()
    };
    (i128::from(i64::MIN)..=largest)
        .contains(&value)
        .then_some(value)
}

/// Parses a float of the form `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn parse_float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    if let Some(exponent) = exponent {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if power.is_empty() || !digits(power) {
            return None;
        }
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    from_float(value)
}

/// Converts an integer. As in kubectl, one beyond `i64` becomes a float.
fn from_integer(value: i128) -> Number {
    match i64::try_from(value) {
        Ok(value) => value.into(),
        // The largest value, 18446744073709551615, is a finite float, so the fallback is never used.
        Err(_) => Number::from_f64(value as f64).unwrap_or_else(|| 0.into()),
    }
}

/// Converts a float. kubectl prints a float below 10^21 without an exponent and parses it again, so a whole number that fits
/// becomes an integer.
fn from_float(value: f64) -> Option<Number> {
    let written = match value.fract() == 0.0 && value.abs() < 1e21 {
        true => value.to_string().parse::<i64>().ok(),
        false => None,
    };
    written
        .map(Number::from)
        .or_else(|| Number::from_f64(value))
}
