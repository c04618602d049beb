//! Text encodings of kubeconfig files: those that kubectl's YAML reader accepts, with its error messages.

/// Decodes UTF-8, or UTF-16 with a byte order mark.
///
/// # Errors
/// The YAML reader's message about the first invalid character.
pub fn decode_kubeconfig(bytes: &[u8]) -> Result<String, &'static str> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, &'static str> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("incomplete UTF-16 character");
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map_err(|error| match error.unpaired_surrogate() {
        0xdc00.. => "unexpected low surrogate area",
        _ => "expected low surrogate area",
    })
}

fn utf8(bytes: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let first = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        match error.error_len() {
            None => "incomplete UTF-8 octet sequence",
            Some(_) if (0xc2..0xf5).contains(&first) => "invalid trailing UTF-8 octet",
            Some(_) => "invalid leading UTF-8 octet",
        }
    })?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_kubectl_is_read() {
        for bytes in [
            &b"a: \xc3\xa4"[..],
            b"\xef\xbb\xbfa: \xc3\xa4",
            b"\xff\xfea\0:\0 \0\xe4\0",
            b"\xfe\xff\0a\0:\0 \0\xe4",
        ] {
            assert_eq!(decode_kubeconfig(bytes).unwrap(), "a: \u{e4}", "{bytes:?}");
        }
        assert_eq!(
            decode_kubeconfig(b"\xff\xfe\x3d\xd8\x00\xde").unwrap(),
            "\u{1f600}"
        );
    }

    #[test]
    fn what_is_no_text_is_told_in_kubectls_words() {
        for (bytes, why) in [
            (&b"\xff\xfea\0:"[..], "incomplete UTF-16 character"),
            (b"\xfe\xff\0", "incomplete UTF-16 character"),
            (b"\xff\xfe\x00\xdc", "unexpected low surrogate area"),
            (b"\xff\xfe\x3d\xd8a\0", "expected low surrogate area"),
            (b"a: \xff", "invalid leading UTF-8 octet"),
            (b"a: \xc3(", "invalid trailing UTF-8 octet"),
            (b"a: \xe2\x82", "incomplete UTF-8 octet sequence"),
        ] {
            assert_eq!(decode_kubeconfig(bytes), Err(why), "{bytes:?}");
        }
    }
}
