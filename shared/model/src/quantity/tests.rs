use super::*;

fn q(text: &str) -> Quantity {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_suffix_is_read_and_written_as_kubernetes_does() {
    for (text, canonical) in [
        ("0", "0"),
        ("0Gi", "0"),
        ("-0", "0"),
        ("1n", "1n"),
        ("1u", "1u"),
        ("500m", "500m"),
        ("1", "1"),
        ("1k", "1k"),
        ("1M", "1M"),
        ("4G", "4G"),
        ("1T", "1T"),
        ("1P", "1P"),
        ("1E", "1E"),
        ("1Ki", "1Ki"),
        ("1Mi", "1Mi"),
        ("4Gi", "4Gi"),
        ("1Ti", "1Ti"),
        ("1Pi", "1Pi"),
        ("1Ei", "1Ei"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1.5", "1500m"),
        (".5", "500m"),
        ("5.", "5"),
        ("+5", "5"),
        ("-2", "-2"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1000Ki", "1000Ki"),
        ("0.1Ki", "102400m"),
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("12e2", "1200"),
        ("1e-3", "1e-3"),
        ("1e0", "1"),
        ("1500e-3", "1500e-3"),
        ("2000", "2k"),
        ("9223372036854775807", "9223372036854775807"),
        ("0.1n", "1n"),
        ("1.0000000001", "1000000001n"),
        ("-0.1n", "-1n"),
        ("1e-100", "1e-9"),
        ("007", "7"),
    ] {
        assert_eq!(q(text).to_string(), canonical, "{text}");
        assert_eq!(q(canonical), q(text), "{text}");
    }
}

#[test]
fn what_kubernetes_cannot_hold_is_capped() {
    for text in [
        "9223372036854775808",
        "100E",
        "8Ei",
        "1e30",
        "1e999",
        "99999999999999999999Ti",
    ] {
        assert_eq!(q(text), Quantity::from_units(i64::MAX), "{text}");
        assert_eq!(
            q(&format!("-{text}")),
            Quantity::from_units(-i64::MAX),
            "{text}"
        );
    }
    assert!(q("7Ei") < q("8Ei"));
}

#[test]
fn what_somebody_may_have_meant_is_named() {
    for (text, wanted) in [
        ("4GB", "invalid quantity \"4GB\": use 4G or 4Gi"),
        ("512mb", "invalid quantity \"512mb\": use 512M or 512Mi"),
        ("1K", "invalid quantity \"1K\": use 1k or 1Ki"),
        ("2g", "invalid quantity \"2g\": use 2G or 2Gi"),
    ] {
        assert_eq!(text.parse::<Quantity>().unwrap_err().to_string(), wanted);
    }
}

#[test]
fn what_is_no_quantity_is_refused() {
    let long = "1".repeat(65);
    for text in [
        "", " ", "m", "Gi", ".", "-", "1 Gi", "1.2.3", "1e", "1e3Ki", "1eX", "0x10", "1_000",
        "--1", "1e1.5", "ä", "1ä", &long,
    ] {
        let error = text.parse::<Quantity>().unwrap_err().to_string();
        let wanted = match text.len() {
            65.. => "invalid quantity: ".to_owned(),
            _ => format!("invalid quantity {text:?}: "),
        };
        assert!(error.starts_with(&wanted), "{error}");
    }
}

#[test]
fn amounts_compare_whatever_their_form() {
    assert_eq!(q("1"), q("1000m"));
    assert!(q("4G") < q("4Gi"));
    assert!(q("-1").is_negative() && !q("1n").is_negative());
    assert!(q("2").is_whole() && !q("0.25").is_whole());
    assert_eq!((q("1.5").value(), q("-1.5").value()), (2, -2));
}

#[test]
fn a_request_keeps_its_ratio_to_the_limit() {
    assert_eq!(
        q("4Gi").scale_ratio(&q("1Gi"), &q("2Gi")).to_string(),
        "2Gi"
    );
    assert_eq!(q("3").scale_ratio(&q("500m"), &q("1500m")).to_string(), "1");
    assert_eq!(q("1").scale_ratio(&q("1"), &q("3")).to_string(), "334m");
    assert_eq!(
        q("1Gi").scale_ratio(&q("1"), &q("3")).to_string(),
        "357913942"
    );
    assert_eq!(
        q("7").scale_ratio(&q("1"), &Quantity::ZERO).to_string(),
        "7"
    );
    assert_eq!(q("8Ei").scale_ratio(&q("7Ei"), &q("8Ei")), q("7Ei"));
}

#[test]
fn sums_keep_the_form_and_the_limits() {
    assert_eq!(
        Quantity::ZERO.add(&q("1Gi")).add(&q("640Mi")).to_string(),
        "1664Mi"
    );
    assert_eq!(q("8Ei").add(&q("8Ei")), q("8Ei"));
    assert_eq!(q("850m").multiply(50).to_string(), "42500m");
    assert_eq!(q("8Ei").multiply(i64::MAX), q("8Ei"));
}

#[test]
fn the_api_may_write_it_as_a_number() {
    for (json, wanted) in [
        ("2", "2"),
        ("\"500m\"", "500m"),
        ("0.25", "250m"),
        ("18446744073709551615", "9223372036854775807"),
    ] {
        assert_eq!(
            serde_json::from_str::<Quantity>(json).unwrap(),
            q(wanted),
            "{json}"
        );
    }
    assert_eq!(serde_json::to_string(&q("1024Mi")).unwrap(), "\"1Gi\"");
    assert!(serde_json::from_str::<Quantity>("true").is_err());
}

#[test]
fn a_size_has_one_decimal_where_it_matters() {
    for (bytes, text) in [
        (0, "0"),
        (1023, "1023"),
        (1536, "1.5Ki"),
        (20 << 30, "20Gi"),
        ((976 << 20) + (1 << 19), "976Mi"),
        (u64::MAX, "15.9Ei"),
    ] {
        assert_eq!(format_bytes(bytes), text);
    }
}

#[test]
fn a_size_in_a_sentence_has_a_unit() {
    let texts = [0, 1, 385, 1536].map(describe_bytes);
    assert_eq!(texts, ["0 bytes", "1 byte", "385 bytes", "1.5Ki"]);
}

#[test]
fn a_share_is_rounded_down() {
    for (amount, whole, percent) in [
        ("29", "100", Some(29)),
        ("1", "3", Some(33)),
        ("999m", "1", Some(99)),
        ("12Gi", "8Gi", Some(150)),
        ("-1", "3", Some(-34)),
        ("0", "5", Some(0)),
        ("1", "0", None),
        ("9223372036854775807", "1n", Some(i64::MAX)),
    ] {
        assert_eq!(
            q(amount).share_of(&q(whole), 100),
            percent,
            "{amount} of {whole}"
        );
    }
    assert_eq!(q("100Gi").subtract(&q("90Gi")).to_string(), "10Gi");
    assert_eq!(q("1").subtract(&q("1500m")).to_string(), "-500m");
}
