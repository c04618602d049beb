//! Messages of libraries about configuration files and certificate names, in the words of kubectl's.

/// Converts a YAML reader's message about a kubeconfig or kuberc: `yaml: line 3: expected a list`.
pub(super) fn yaml_error_text(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let (place, reason) = match line
        .strip_prefix("line ")
        .and_then(|at| at.split_once(": "))
    {
        Some((at, reason)) => {
            let number = at.split(' ').next().unwrap_or_default();
            (format!("line {number}: "), reason)
        }
        None => (String::new(), line),
    };
    let reason = match reason {
        "expected sequence start" => "expected a list".to_owned(),
        "expected mapping start" => "expected a map".to_owned(),
        "expected string scalar" => "expected a string".to_owned(),
        "invalid boolean" => "expected true or false".to_owned(),
        "alias references unknown anchor" => "unknown anchor referenced".to_owned(),
        other => other.replace(['`', '\''], "\""),
    };
    format!("yaml: {place}{reason}")
}

/// Converts the error of decoding base64 to Go's message.
pub(super) fn base64_error_text(text: &str, error: &base64::DecodeError) -> String {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _)
        | base64::DecodeError::InvalidLastSymbol { offset: at, .. } => *at,
        base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => text.len(),
    };
    format!("illegal base64 data at input byte {at}")
}

/// Converts rustls's message about a certificate for another name to Go's; `None` for other messages.
pub(super) fn certificate_name_text(message: &str) -> Option<String> {
    let rest = message.strip_prefix("certificate not valid for name \"")?;
    let (wanted, presented) = rest.split_once('"')?;
    let parts_of = |kind: &str| -> Vec<&str> {
        let parts = presented.split(kind).skip(1);
        parts
            .filter_map(|part| part.split(')').next())
            .map(|name| name.trim_matches('"'))
            .collect()
    };
    let is_address = wanted.parse::<std::net::IpAddr>().is_ok();
    let names = match is_address {
        true => parts_of("IpAddress("),
        false => parts_of("DnsName("),
    };
    Some(match (names.is_empty(), is_address) {
        (true, true) => {
            format!(
                "cannot validate certificate for {wanted} because it doesn't contain any IP SANs"
            )
        }
        (true, false) => {
            format!("certificate is not valid for any names, but wanted to match {wanted}")
        }
        (false, _) => format!(
            "certificate is valid for {}, not {wanted}",
            names.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn yaml_is_refused_in_kubectls_form() {
        for (text, wanted) in [
            ("clusters: 3\n", "yaml: line 1: expected a list"),
            ("- a", "yaml: line 1: expected a map"),
            (
                "clusters:\n- name: a\n  cluster:\n    insecure-skip-tls-verify: maybe\n",
                "yaml: line 4: expected true or false",
            ),
            ("users: [", "yaml: line 1: "),
            (
                "users:\n- user: {}\n",
                "yaml: line 2: missing field \"name\"",
            ),
        ] {
            let error = kube::config::Kubeconfig::from_yaml(text).unwrap_err();
            let kube::config::KubeconfigError::Parse(error) = error else {
                panic!("{error}")
            };
            let told = yaml_error_text(&error.to_string());
            assert!(told.starts_with(wanted), "{text}: {told}");
            assert!(!told.contains("scalar") && !told.contains('`'), "{told}");
        }
    }

    #[test]
    fn base64_is_refused_in_gos_words() {
        for (text, at) in [("###", 0), ("aGVs#G8=", 4), ("aGVsb", 5)] {
            let error = STANDARD.decode(text).unwrap_err();
            let told = base64_error_text(text, &error);
            assert_eq!(told, format!("illegal base64 data at input byte {at}"));
        }
    }

    #[test]
    fn names_of_certificates_are_told_as_go_tells_them() {
        let valid = "certificate is only valid for DnsName(\"a\"), DnsName(\"*.b\") or IpAddress(127.0.0.1)";
        for (wanted, presented, text) in [
            ("c", valid, "certificate is valid for a, *.b, not c"),
            (
                "10.0.0.1",
                valid,
                "certificate is valid for 127.0.0.1, not 10.0.0.1",
            ),
            (
                "10.0.0.1",
                "certificate is only valid for DnsName(\"a\")",
                "cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
            ),
            (
                "c",
                "certificate is not valid for any names (according to its subjectAltName extension)",
                "certificate is not valid for any names, but wanted to match c",
            ),
        ] {
            let message = format!("certificate not valid for name {wanted:?}; {presented}");
            assert_eq!(certificate_name_text(&message).as_deref(), Some(text));
        }
        assert_eq!(certificate_name_text("UnknownIssuer"), None);
    }
}
