//! Addresses without the name and password that may stand in them: what is shown and logged of an address goes through here.

use http::Uri;

/// What is shown in their place, as client-go has it.
const HIDDEN: &str = "***";

/// `url` with `***` for everything before the host: `https://***@proxy:3128`. Of a text that is no address, everything up to
/// its last @ is hidden.
pub(super) fn hide_userinfo(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = url.split_at(start);
    let is_address = url.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some());
    let authority = match rest.find(['/', '?', '#']) {
        Some(end) if is_address => &rest[..end],
        _ => rest,
    };
    match authority.rfind('@') {
        Some(at) => format!("{scheme}{HIDDEN}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_hidden() {
        for (url, shown) in [
            ("https://host:6443/a@b", "https://host:6443/a@b"),
            (
                "https://alice:secret@host:6443/p",
                "https://***@host:6443/p",
            ),
            ("http://token@proxy", "http://***@proxy"),
            ("alice:secret@proxy:3128", "***@proxy:3128"),
            ("http://alice:se/cr et@proxy", "http://***@proxy"),
            ("http://a:b@c:d@proxy", "http://***@proxy"),
        ] {
            assert_eq!(hide_userinfo(url), shown, "{url}");
        }
    }
}
