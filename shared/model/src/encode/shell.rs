//! Quoting of command lines for a POSIX shell.

use std::borrow::Cow;

use crate::unicode::is_invisible;

/// Quotes `text` so that a shell passes it to a program unchanged. The result is one line and visible: control and invisible
/// characters are written as `$'\n'` and `$'\342\200\256'`, which bash, zsh, ksh and busybox understand.
pub fn quote_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    // zsh expands `=ls` to the path of ls.
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('=') {
        return Cow::Borrowed(text);
    }
    if !text.chars().any(is_hidden) {
        return Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")));
    }
    let mut quoted = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if is_hidden(c) => {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).bytes();
                quoted.extend(bytes.map(|byte| format!("\\{byte:03o}")));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    Cow::Owned(quoted)
}

/// Quotes `words` and joins them to a command line.
pub fn quote_command<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<Cow<'_, str>> = words.iter().map(|one| quote_word(one.as_ref())).collect();
    words.join(" ")
}

/// Returns true for a control character or an invisible one.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_split_or_interpret_it() {
        for plain in ["a", "-n", "--set=A", "/usr/bin/x", "a:b@c,d+e"] {
            assert_eq!(quote_word(plain), plain);
        }
        for (text, quoted) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("a;b", "'a;b'"),
            ("~root", "'~root'"),
            ("=ls", "'=ls'"),
            ("ü", "'ü'"),
            ("a\nb'\\", r"$'a\nb\'\\'"),
            ("\u{1b}\u{202e}", r"$'\033\342\200\256'"),
        ] {
            assert_eq!(quote_word(text), quoted);
        }
        assert_eq!(quote_command(&["sh", "-c", "a b"]), "sh -c 'a b'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_word_back() {
        for text in [
            "",
            "it's",
            "$(id) `id` $HOME",
            "a;b|c&d>e*?[x]{a,b}~!#",
            "\\'\"",
        ] {
            let command = format!("printf %s {}", quote_word(text));
            let output = std::process::Command::new("/bin/sh")
                .args(["-c", &command])
                .output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), text);
        }
    }
}
