//! URLs without the user name and password in them. Every URL that is displayed or logged is passed through here.

use http::Uri;

/// Replacement for the user info; client-go's.
const HIDDEN: &str = "***";

/// Replaces everything before the host by `***`: `https://***@proxy:3128`. In text that is not a URL, everything up to
/// the last @ is replaced.
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
