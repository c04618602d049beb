//! Parsing and printing of quantities.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

use super::{MAX, NANO, Notation, Quantity};

/// Longest text that is parsed as a quantity, in bytes. Far longer than any real quantity, and short enough for arithmetic on
/// its digits.
const TEXT_MAX: usize = 64;

impl FromStr for Quantity {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > TEXT_MAX {
            bail!(
                "invalid quantity: must have at most {TEXT_MAX} characters, but has {}",
                text.len()
            );
        }
        let (sign, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (-1, &text[1..]),
            Some(b'+') => (1, &text[1..]),
            _ => (1, text),
        };
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            bail!(
                "invalid quantity {text:?}: must be a number with an optional suffix, such as 500m, 2 or 4Gi"
            );
        }
        let Some((format, base, power)) = parse_suffix(suffix) else {
            match nearest_suffixes(suffix) {
                Some((decimal, binary)) => {
                    let number = &text[..text.len() - suffix.len()];
                    bail!("invalid quantity {text:?}: use {number}{decimal} or {number}{binary}")
                }
                None => bail!("invalid quantity {text:?}: unknown suffix {suffix:?}"),
            }
        };
        let digits = format!("{whole}{fraction}");
        let nano = match base {
            2 => binary_nano(&digits, fraction.len(), power),
            _ => decimal_nano(&digits, i64::from(power) - fraction.len() as i64 + 9),
        };
        Ok(Self {
            nano: sign * nano.min(MAX),
            format,
        })
    }
}

/// Returns notation, base and power of a suffix.
fn parse_suffix(suffix: &str) -> Option<(Notation, u8, i32)> {
    let decimal = |power| Some((Notation::Decimal, 10, power));
    let binary = |power| Some((Notation::Binary, 2, power));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            // An exponent beyond ±1000 is capped or rounded anyway.
            let power: i32 = exponent.parse().ok()?;
            Some((Notation::Exponent, 10, power.clamp(-1000, 1000)))
        }
    }
}

/// Returns the decimal and binary suffix closest to an unknown one, such as `GB`, `gb`, `g` or `K`.
fn nearest_suffixes(suffix: &str) -> Option<(&'static str, &'static str)> {
    match suffix.to_ascii_lowercase().trim_end_matches('b') {
        "k" | "ki" => Some(("k", "Ki")),
        "m" | "mi" => Some(("M", "Mi")),
        "g" | "gi" => Some(("G", "Gi")),
        "t" | "ti" => Some(("T", "Ti")),
        "p" | "pi" => Some(("P", "Pi")),
        _ => None,
    }
}

/// Computes `digits` * 10^`power`, rounded up and capped at [`MAX`].
fn decimal_nano(digits: &str, power: i64) -> i128 {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let length = digits.len() as i64 + power;
    if length > 30 {
        return MAX;
    }
    if length <= 0 {
        return 1;
    }
    let kept = digits.len().min(length as usize);
    let lost = digits[kept..].bytes().any(|digit| digit != b'0');
    let zeros = (length as usize).saturating_sub(digits.len());
    let number = format!("{}{}", &digits[..kept], "0".repeat(zeros));
    number.parse::<i128>().map_or(MAX, |n| n + i128::from(lost))
}

/// Computes `digits` / 10^`places` * 2^`power` in nano-units, rounded up and capped at [`MAX`].
fn binary_nano(digits: &str, places: usize, power: i32) -> i128 {
    // Further decimal places are below a nano-unit even with the largest suffix, so they can only round up.
    const PLACES: usize = 27;
    let cut = places.saturating_sub(PLACES);
    let kept = &digits[..digits.len() - cut];
    let mut lost = digits[digits.len() - cut..]
        .bytes()
        .any(|digit| digit != b'0');
    let mut divisor = places - cut;
    let Ok(mut number) = (if kept.is_empty() { "0" } else { kept }).parse::<i128>() else {
        return MAX;
    };
    // Scale to nano first, then by the suffix, dividing whenever the product would overflow.
    let shift = 9usize.min(divisor);
    divisor -= shift;
    number = number.saturating_mul(10i128.pow((9 - shift) as u32));
    for _ in 0..power {
        while number > i128::MAX / 4 && divisor > 0 {
            lost |= number % 10 != 0;
            number /= 10;
            divisor -= 1;
        }
        number = number.saturating_mul(2);
    }
    for _ in 0..divisor {
        lost |= number % 10 != 0;
        number /= 10;
    }
    number.saturating_add(i128::from(lost)).min(MAX)
}

impl fmt::Display for Quantity {
    /// Prints the canonical form: no fraction, the largest suffix that loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        let whole = self.nano % NANO == 0;
        if self.format == Notation::Binary && whole && self.nano.abs() >= 1024 * NANO {
            let (mut number, mut power) = (self.nano / NANO, 0);
            while number % 1024 == 0 && power < 6 {
                (number, power) = (number / 1024, power + 1);
            }
            return write!(
                f,
                "{number}{}",
                ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]
            );
        }
        let (mut number, mut power) = (self.nano, 0);
        while number % 1000 == 0 && power < 9 {
            (number, power) = (number / 1000, power + 1);
        }
        if self.format == Notation::Exponent {
            let exponent = power as i32 * 3 - 9;
            return match exponent {
                0 => write!(f, "{number}"),
                _ => write!(f, "{number}e{exponent}"),
            };
        }
        write!(
            f,
            "{number}{}",
            ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power]
        )
    }
}
