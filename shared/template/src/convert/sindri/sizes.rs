//! Sindri's units of memory and CPU as Kubernetes quantities.

use session_model::quantity::Quantity;

/// Returns a size as a quantity: `4GB` is 4Gi, `512MB` is 512Mi, and a quantity with a unit is itself.
pub(super) fn parse_size(text: &str) -> Result<Quantity, String> {
    let unit = "must be a number with a unit: 4GB, 512MB or 4Gi";
    let quantity = match text.strip_suffix("GB").or(text.strip_suffix("MB")) {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits}{}i", if text.ends_with("GB") { "G" } else { "M" })
        }
        Some(_) => return Err(unit.to_owned()),
        None => text.to_owned(),
    };
    let has_unit = quantity.ends_with(|last: char| last.is_ascii_alphabetic());
    let parsed: Quantity = quantity.parse().map_err(|_| unit.to_owned())?;
    match has_unit && !parsed.is_zero() && !parsed.is_negative() && parsed.is_whole() {
        true => Ok(parsed),
        false => Err(unit.to_owned()),
    }
}

/// Returns a number of CPUs: at least 1, or a quantity in thousandths (1500m).
pub(super) fn parse_cpus(text: &str) -> Result<Quantity, String> {
    let wrong = || "must be a number of CPUs, at least 1, or a quantity such as 1500m".to_owned();
    let parsed: Quantity = text.parse().map_err(|_| wrong())?;
    let one: Quantity = "1".parse().map_err(|_| wrong())?;
    let is_positive = !parsed.is_zero() && !parsed.is_negative();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match is_positive && (text.ends_with('m') || (is_number && parsed >= one)) {
        true => Ok(parsed),
        false => Err(wrong()),
    }
}

/// Returns half of a limit, Sindri's request.
pub(super) fn half(limit: &Quantity) -> Quantity {
    match ("1".parse(), "2".parse()) {
        (Ok(one), Ok(two)) => limit.scale_ratio(&one, &two),
        _ => *limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sindris_units_are_binary_and_quantities_pass() {
        for (text, limit, request) in [
            ("2GB", "2Gi", "1Gi"),
            ("1GB", "1Gi", "512Mi"),
            ("3GB", "3Gi", "1536Mi"),
            ("512MB", "512Mi", "256Mi"),
            ("4Gi", "4Gi", "2Gi"),
            ("4G", "4G", "2G"),
        ] {
            let size = parse_size(text).unwrap();
            assert_eq!(
                (size.to_string().as_str(), half(&size).to_string().as_str()),
                (limit, request)
            );
        }
        for text in [
            "4", "4gb", "GB", "4.5GB", "-1GB", "0GB", "", "much", "4 GB", "500m",
        ] {
            assert!(
                parse_size(text).unwrap_err().contains("4GB, 512MB or 4Gi"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_request_is_half_of_the_cpus() {
        for (text, request) in [
            ("1", "500m"),
            ("2", "1"),
            ("3", "1500m"),
            ("1500m", "750m"),
            ("500m", "250m"),
        ] {
            assert_eq!(half(&parse_cpus(text).unwrap()).to_string(), request);
        }
        for text in ["0", "-1", "0.5", "two", "", "1Gi"] {
            assert!(
                parse_cpus(text).unwrap_err().contains("at least 1"),
                "{text}"
            );
        }
    }
}
