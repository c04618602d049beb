//! Detection of passwords in plain text, by the name of a variable or option, by URLs with a password, and by private keys.

use super::comments;
use super::manifest::{Manifest, ManifestDocument};
use super::node::{Node, Scalar};
use super::parameter::RESERVED_PARAMETERS;
use super::path_step::{PathStep, json_pointer};
use super::placeholder::TextSegment;
use super::problem::Problem;
use super::scalar_context::ScalarContext;

/// Hint for a password in plain text.
pub(super) const SECRET_HINT: &str =
    "put the value into a Secret and refer to the Secret with valueFrom.secretKeyRef";

/// Parts of names that indicate a password.
const PASSWORD_PARTS: [&str; 10] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "SECRET",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];
/// Whole words of names that indicate a password.
const PASSWORD_WORDS: [&str; 4] = ["PW", "PWD", "PASS", "PSK"];
/// Last words of names that describe a password instead of containing it.
const NON_SECRET_SUFFIXES: [&str; 14] = [
    "FILE", "PATH", "DIR", "NAME", "REF", "URL", "ID", "TTL", "LENGTH", "TIMEOUT", "SECONDS",
    "EXPIRY", "ENABLED", "TYPE",
];
/// Values that are not passwords.
const SWITCH_VALUES: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "0", "1", "null"];
/// First characters of values that refer to another value.
const REFERENCE_PREFIXES: [char; 6] = ['$', '<', '{', '%', '*', '/'];

/// Writes a name as parameters are written: letters in upper case, and `_` in place of everything that is neither letter nor
/// digit.
pub(super) fn to_parameter_case(name: impl Iterator<Item = char>) -> String {
    name.map(|c| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    })
    .collect()
}

/// Returns true for a name that indicates a password: `DB_PASSWORD`, `apiKey`, `--token`, but not `TOKEN_FILE`.
pub(super) fn is_password_name(name: &str) -> bool {
    let upper = to_parameter_case(name.chars());
    let about = upper
        .rsplit('_')
        .next()
        .is_some_and(|last| NON_SECRET_SUFFIXES.contains(&last));
    let short = || upper.split('_').any(|word| PASSWORD_WORDS.contains(&word));
    !about && (PASSWORD_PARTS.iter().any(|word| upper.contains(word)) || short())
}

/// Returns the message for a password in plain text.
pub(super) fn plain_text_message(name: &str, pointer: &str, kind: &str) -> String {
    format!("{name} is in plain text in {pointer} of a {kind}")
}

impl Manifest {
    /// Returns a problem for each literal password in the manifest outside Secrets, and in comments. Messages do not contain
    /// the values. Passwords in parameters are found by [`super::Parameters::find_visible_passwords`].
    pub(super) fn find_plain_credentials(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for document in &self.documents {
            let mut say = |scalar: &Scalar, name: &str, path: &[PathStep<'_>]| {
                let message =
                    plain_text_message(name, &json_pointer(path), &document.object_type.kind);
                found.push(
                    self.problem_at(scalar.location, message)
                        .with_hint(SECRET_HINT),
                );
            };
            document
                .root
                .visit_nodes(&mut Vec::new(), &mut |path, node| {
                    check_node(document, path, node, &mut say);
                });
        }
        for comment in comments::find_comments(&self.source).unwrap_or_default() {
            if let Some(name) = assigned_password_name(&comment.text) {
                let message = format!("{name} is in plain text in a comment");
                let problem = self.problem_at(comment.location, message);
                found.push(problem.with_hint(
                    "remove the comment: everybody who can read the manifest can read its comments",
                ));
            }
        }
        found
    }

    /// Returns a problem for each literal password in the data of a Secret, which is visible in the template and the same in
    /// all its sessions.
    pub(super) fn find_literal_secrets(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for document in &self.documents {
            document.visit_scalars(&mut |path, position, scalar| {
                let literal = scalar.literal().is_some_and(|text| !text.is_empty());
                if let [.., PathStep::Key(key)] = path
                    && position.is_secret()
                    && literal
                    && is_password_name(key)
                {
                    let message = format!(
                        "{key} of a Secret is literal text, so it is the same in all sessions"
                    );
                    found.push(self.problem_at(scalar.location, message).with_hint(
                        "use a placeholder ${NAME}: its value is given at create or generated",
                    ));
                }
            });
        }
        found
    }
}

fn check_node(
    document: &ManifestDocument,
    path: &[PathStep<'_>],
    node: &Node,
    say: &mut impl FnMut(&Scalar, &str, &[PathStep<'_>]),
) {
    match (path, node) {
        ([.., PathStep::Key("env"), PathStep::Index(_)], Node::Mapping(..)) => {
            let name = node.get("name").and_then(Node::scalar);
            let value = node.get("value").and_then(Node::scalar);
            if let (Some(name), Some(value)) = (name, value)
                && is_password_name(&name.text)
                && is_literal(value)
            {
                say(
                    value,
                    &name.text,
                    &[path, &[PathStep::Key("value")]].concat(),
                );
            }
        }
        ([.., PathStep::Key("args" | "command")], Node::Sequence(items, _)) => {
            for (at, pair) in items.windows(2).enumerate() {
                if let [Node::Scalar(option), Node::Scalar(value)] = pair
                    && option.text.starts_with("--")
                    && !option.text.contains(['=', ' ', '\n'])
                    && is_password_name(&option.text)
                    && !value.text.starts_with('-')
                    && is_literal(value)
                {
                    say(
                        value,
                        &option.text,
                        &[path, &[PathStep::Index(at + 1)]].concat(),
                    );
                }
            }
        }
        (_, Node::Scalar(scalar)) => check_scalar(document, path, scalar, say),
        _ => {}
    }
}

fn check_scalar(
    document: &ManifestDocument,
    path: &[PathStep<'_>],
    scalar: &Scalar,
    say: &mut impl FnMut(&Scalar, &str, &[PathStep<'_>]),
) {
    let position = ScalarContext::at_path(&document.object_type, path);
    if position.is_secret() {
        return;
    }
    if has_url_with_password(&scalar.text) {
        return say(scalar, "a URL with a password", path);
    }
    if scalar.text.contains("PRIVATE KEY-----") {
        return say(scalar, "a private key", path);
    }
    match (position, path.last()) {
        (ScalarContext::ConfigMapData, Some(PathStep::Key(key)))
            if is_password_name(key) && is_literal(scalar) =>
        {
            say(scalar, key, path);
        }
        (ScalarContext::ConfigMapData | ScalarContext::Argument, _) => {
            if let Some(name) = assigned_password_name(&scalar.text) {
                say(scalar, &name, path);
            }
        }
        _ => {}
    }
}

/// Returns true if the scalar is a value itself, not a switch or a reference. A placeholder that is named like a password is
/// not counted, because the checks of parameters cover it.
fn is_literal(scalar: &Scalar) -> bool {
    let own = |piece: &TextSegment| match piece {
        TextSegment::Text(text) => !text.trim().is_empty(),
        TextSegment::Placeholder(var) => {
            !is_password_name(&var.name) && !RESERVED_PARAMETERS.contains(&var.name.as_str())
        }
    };
    let whole = scalar.whole_placeholder().is_some();
    scalar.segments.iter().any(own) && (whole || is_value(scalar.text.trim()))
}

fn is_value(text: &str) -> bool {
    let refers = text.starts_with(REFERENCE_PREFIXES) || text.contains('(');
    !text.is_empty() && !refers && !SWITCH_VALUES.contains(&text.to_ascii_lowercase().as_str())
}

/// Returns the name in the first `NAME=value` or `name: value` of a text that assigns a password.
pub(super) fn assigned_password_name(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        line.match_indices(['=', ':']).find_map(|(at, sign)| {
            let (before, after) = (line.get(..at)?, line.get(at + 1..)?);
            if sign == ":" && !after.starts_with(' ') {
                return None;
            }
            let before = before.trim_end().trim_end_matches(['"', '\'']);
            let from = before.rfind(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c));
            let name = before.get(from.map_or(0, |from| from + 1)..)?;
            let value = after.trim_start().trim_start_matches(['"', '\'']);
            let end = value.find(|c: char| c.is_whitespace() || "\"'`;,)".contains(c));
            let value = value.get(..end.unwrap_or(value.len()))?;
            (is_password_name(name) && is_value(value)).then(|| name.to_owned())
        })
    })
}

/// Returns true for text with `scheme://user:password@`.
fn has_url_with_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, sign)| {
        let rest = text.get(at + sign.len()..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c));
        let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':'))
            .is_some_and(|(_, password)| {
                !password.is_empty() && !password.starts_with(REFERENCE_PREFIXES)
            })
    })
}

/// Returns true for a value that a file's author left to be replaced, such as CHANGE_ME_IN_PRODUCTION.
pub fn is_reminder(value: &str) -> bool {
    let upper = value.to_ascii_uppercase();
    let mut words = ["CHANGE_ME", "CHANGEME", "CHANGE-ME"].iter();
    words.any(|word| upper.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_passwords_are_told_from_names_about_them() {
        for name in [
            "DB_PASSWORD",
            "apiKey",
            "--token",
            "aws-secret-access-key",
            "DB_PASS",
            "db.pw",
            "API_KEY",
        ] {
            assert!(is_password_name(name), "{name}");
        }
        for name in [
            "TOKEN_FILE",
            "SECRET_NAME",
            "PASSWORD_LENGTH",
            "PATH",
            "COMPASS",
            "SPWD2",
            "TOKEN_URL",
        ] {
            assert!(!is_password_name(name), "{name}");
        }
    }

    #[test]
    fn assignments_are_found_in_scripts_and_files() {
        for (text, name) in [
            ("exec db --password=hunter2", Some("--password")),
            ("[db]\npassword = hunter2\n", Some("password")),
            ("a: b\n  db_token: \"x\"\n", Some("db_token")),
            ("export PASSWORD='hunter2'", Some("PASSWORD")),
            ("PASSWORD=$PW TOKEN=${T} SECRET=$(cat f)", None),
            ("PASSWORD_FILE=/run/x PASSWORD=/run/y", None),
            ("password: ", None),
            ("token = next_token()", None),
            ("the password of the token", None),
        ] {
            assert_eq!(assigned_password_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn a_url_is_found_by_the_password_in_it() {
        for text in [
            "postgres://u:hunter2@db/x",
            "see https://a:b@c",
            "amqp://:pw@h",
        ] {
            assert!(has_url_with_password(text), "{text}");
        }
        for text in [
            "https://a@b/",
            "https://a/b:c@d",
            "postgres://u:${PW}@db",
            "https://host:80/",
            "x:y@z",
            "u:$(PW)@h",
        ] {
            assert!(!has_url_with_password(text), "{text}");
        }
    }

    #[test]
    fn a_reminder_is_one_in_every_spelling() {
        for reminder in ["CHANGE_ME_IN_PRODUCTION", "changeme", "Change-Me"] {
            assert!(is_reminder(reminder), "{reminder}");
        }
        assert!(!is_reminder("exchange me"));
    }
}
