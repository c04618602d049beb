//! Settings whose value was left to be replaced, such as CHANGE_ME: the cause of a container's end only where its log does not tell
//! another one.

use serde_json::Value;

use super::Cause;
use super::fact_query::{Fact, FactQuery};
use session_model::encode::shell;
use session_model::objects::Untyped;
use session_template::is_reminder;

/// Reason of a container that ended and has a setting whose value was left to be replaced.
const PLACEHOLDER_VALUE: &str = "PlaceholderValue";

/// Returns true for a reason that says only that a container ended: its log may say why.
pub(super) fn is_plain_exit(reason: &str) -> bool {
    matches!(reason, "Error" | "CrashLoopBackOff" | PLACEHOLDER_VALUE)
}

/// A setting whose value was left to be replaced. The value is not kept: a part of it may be a password.
struct Placeholder {
    /// Name, without which a log does not speak of it.
    name: String,
    /// The setting for messages: `variable JWT_SECRET`.
    setting: String,
    /// Remedy: the command or the value to replace.
    remedy: String,
}

/// Adds the setting that was left to be replaced: as the cause where the log is empty, cannot be read or speaks of it; else as a
/// possibility, because a program may never use it.
pub(super) fn add_placeholder(cause: &mut Cause, answers: &[(FactQuery, Fact)]) {
    if !is_plain_exit(&cause.reason) {
        return;
    }
    let Some(found) = answers.iter().find_map(|(ask, fact)| find_one(ask, fact)) else {
        return;
    };
    let is_log = |(ask, _): &&(FactQuery, Fact)| matches!(ask, FactQuery::Log { .. });
    let Some((_, log)) = answers.iter().find(is_log) else {
        return;
    };
    let is_told = match log {
        Fact::Lines(lines) => lines.is_empty() || lines.iter().any(|line| found.is_named_in(line)),
        Fact::Unavailable(_) => true,
        Fact::Objects(_) => false,
    };
    let setting = &found.setting;
    let problem = "is still a placeholder such as CHANGE_ME";
    if is_told {
        cause.reason = PLACEHOLDER_VALUE.to_owned();
        cause.message += &format!(": the value of its {setting} {problem}");
        cause.remedy = Some(found.remedy);
        return;
    }
    cause
        .evidence
        .push(format!("possible: the value of its {setting} {problem}"));
    let before = cause.remedy.take().into_iter();
    let both: Vec<String> = before.chain([found.remedy]).collect();
    cause.remedy = Some(both.join("; or "));
}

fn find_one(ask: &FactQuery, fact: &Fact) -> Option<Placeholder> {
    match (ask, fact) {
        (FactQuery::Log { reminder, .. }, _) => reminder.as_deref().map(Placeholder::of_variable),
        (FactQuery::SessionParameters { .. }, Fact::Objects(objects)) => {
            Placeholder::of_session(objects.first()?)
        }
        _ => None,
    }
}

impl Placeholder {
    fn of_variable(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            setting: format!("variable {name}"),
            remedy: format!("replace the value of variable {name}, then start the session again"),
        }
    }

    fn of_session(session: &Value) -> Option<Self> {
        let parameters = session.pointer("/spec/parameters")?.as_object()?;
        let is_placeholder = |value: &Value| value.as_str().is_some_and(is_reminder);
        let (name, _) = parameters.iter().find(|(_, value)| is_placeholder(value))?;
        let (session, set) = (Untyped(session), format!("{name}=VALUE"));
        let start = ["kubectl", "session", "start", session.name(), "-n"];
        let flags = [session.home_namespace(), "--restart", "--set", &set];
        let command = shell::quote_command(&[&start[..], &flags].concat());
        Some(Self {
            name: name.clone(),
            setting: format!("session's parameter {name}"),
            remedy: format!("start the session with another value: {command}"),
        })
    }

    /// Returns true for a line of a log that names the setting or a value that was left to be replaced.
    fn is_named_in(&self, line: &str) -> bool {
        let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
        let mut words = line.split(|one| !is_part(one));
        is_reminder(line) || words.any(|word| word == self.name)
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::tests::fixtures::ended_in;
    use crate::diagnosis::{Cause, Fact, FactQuery, refine};
    use serde_json::json;

    fn refined(name: &str, value: &str, log: &Fact) -> (Cause, Cause) {
        let found = ended_in(|pod| {
            pod["spec"]["containers"][0]["env"] = json!([{ "name": name, "value": value }]);
        });
        let before = found.cause().unwrap().clone();
        let is_log = |ask: &&FactQuery| matches!(ask, FactQuery::Log { .. });
        let ask = before.queries.iter().find(is_log).unwrap().clone();
        (before.clone(), refine(before, &[(ask, log.clone())]))
    }

    #[test]
    fn a_log_that_tells_another_cause_wins() {
        for (name, value, line) in [
            (
                "JWT_SECRET",
                "CHANGE_ME",
                "cannot connect to db:5432: connection refused",
            ),
            ("TITLE", "Change_me page", "port in use"),
        ] {
            let (before, cause) = refined(name, value, &Fact::Lines(vec![line.to_owned()]));
            assert_eq!(cause.reason, "CrashLoopBackOff");
            assert_eq!(cause.message, before.message);
            let remedy = cause.remedy.unwrap();
            assert!(remedy.starts_with(&before.remedy.unwrap()), "{remedy}");
            let possible = format!("; or replace the value of variable {name}");
            assert!(remedy.contains(&possible), "{remedy}");
            assert!(cause.evidence.contains(&format!("  {line}")));
        }
    }

    #[test]
    fn a_log_that_is_silent_or_speaks_of_the_setting_leaves_the_placeholder() {
        let lines = |line: &str| Fact::Lines(vec!["start".to_owned(), line.to_owned()]);
        for log in [
            Fact::Lines(Vec::new()),
            Fact::Unavailable("no permission".into()),
            lines("JWT_SECRET: too short"),
            lines("refusing the default \"change_me\""),
        ] {
            let (before, cause) = refined("JWT_SECRET", "CHANGE_ME_1", &log);
            assert_eq!(
                before.reason, "CrashLoopBackOff",
                "not before the log is read"
            );
            assert_eq!(cause.reason, "PlaceholderValue", "{log:?}");
            assert!(cause.message.contains("variable JWT_SECRET"));
        }
        let (_, other) = refined("JWT_SECRET", "CHANGE_ME", &lines("no MY_JWT_SECRET_FILE"));
        assert_eq!(other.reason, "CrashLoopBackOff");
    }
}
