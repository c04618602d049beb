//! Value parsers for integers, with Go's error messages.

use std::num::IntErrorKind;

/// Parses an integer as kubectl's 64-bit flags do.
///
/// # Errors
/// Go's message.
pub fn parse_integer(text: &str) -> Result<i64, String> {
    let why = match text.parse() {
        Ok(number) => return Ok(number),
        Err(error) => error,
    };
    let why: std::num::ParseIntError = why;
    let reason = match why.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    Err(format!("strconv.ParseInt: parsing {text:?}: {reason}"))
}

/// Parses an integer from 0 to 2^32-1.
///
/// # Errors
/// Go's message.
pub fn parse_count(text: &str) -> Result<u32, String> {
    u32::try_from(parse_integer(text)?)
        .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: value out of range"))
}

/// Parses an integer of 32 bits.
///
/// # Errors
/// Go's message.
pub fn parse_i32(text: &str) -> Result<i32, String> {
    i32::try_from(parse_integer(text)?)
        .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: value out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_as_go_tells_it() {
        assert_eq!(parse_integer("-1"), Ok(-1));
        assert_eq!(parse_integer("+5"), Ok(5));
        let x = parse_integer("x").unwrap_err();
        assert_eq!(x, "strconv.ParseInt: parsing \"x\": invalid syntax");
        assert_eq!(
            parse_integer(""),
            Err("strconv.ParseInt: parsing \"\": invalid syntax".into())
        );
        let long = parse_integer("99999999999999999999").unwrap_err();
        assert!(long.ends_with("value out of range"), "{long}");
        assert_eq!(parse_count("500"), Ok(500));
        assert_eq!(parse_i32("-1"), Ok(-1));
        assert!(parse_i32("2147483648").is_err());
        assert!(parse_count("-1").is_err() && parse_count("4294967296").is_err());
    }
}
