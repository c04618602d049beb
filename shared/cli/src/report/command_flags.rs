//! Connection flags in the commands of hints.

/// Adds `flags` after `-n NAMESPACE` to every kubectl command in `text` that does not have them there.
pub(super) fn add_flags(text: &str, flags: &str) -> String {
    let mut done = String::new();
    let mut commands = text.split("kubectl ");
    done.push_str(commands.next().unwrap_or_default());
    for command in commands {
        done.push_str("kubectl ");
        let Some((before, rest)) = command.split_once(" -n ") else {
            done.push_str(command);
            continue;
        };
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        let (namespace, rest) = rest.split_at(end);
        let has_flags = rest
            .strip_prefix(' ')
            .is_some_and(|rest| rest.starts_with(flags));
        let flags = match before.starts_with("create rolebinding ") {
            _ if has_flags => String::new(),
            // An administrator grants a role, not the user who lacks it.
            true => without_credentials(flags),
            false => format!(" {flags}"),
        };
        done.push_str(&format!("{before} -n {namespace}{flags}{rest}"));
    }
    done
}

/// Beginnings of the flags that say as whom a request is sent, without `--`.
const CREDENTIALS: [&str; 7] = [
    "as",
    "client-",
    "kubeconfig",
    "password",
    "token",
    "user=",
    "username",
];

/// Returns the flags without those of the caller's own credentials, a blank before each.
fn without_credentials(flags: &str) -> String {
    let flags = flags.strip_prefix("--").unwrap_or(flags).split(" --");
    let others = flags.filter(|flag| !CREDENTIALS.iter().any(|own| flag.starts_with(own)));
    others
        .filter(|flag| !flag.is_empty())
        .map(|flag| format!(" --{flag}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::add_flags;

    #[test]
    fn every_command_of_a_namespace_gets_the_flags() {
        for (text, with) in [
            (
                "start it: kubectl session start a -n d --restart",
                "start it: kubectl session start a -n d --context=x --restart",
            ),
            (
                "list: kubectl session list -n d; delete: kubectl delete pvc a -n d",
                "list: kubectl session list -n d --context=x; delete: kubectl delete pvc a -n d --context=x",
            ),
            (
                "choose one: kubectl session template list",
                "choose one: kubectl session template list",
            ),
            (
                "start it: kubectl session start a -n d --context=x",
                "start it: kubectl session start a -n d --context=x",
            ),
            ("check that -n d is right", "check that -n d is right"),
        ] {
            assert_eq!(add_flags(text, "--context=x"), with);
        }
    }

    #[test]
    fn the_user_who_lacks_a_role_does_not_grant_it() {
        assert_eq!(
            add_flags(
                "kubectl create rolebinding edit --clusterrole edit --user jane -n d",
                "--kubeconfig='/home/jane doe/config' --context=x --user=jane --as=jane --as-group=devs"
            ),
            "kubectl create rolebinding edit --clusterrole edit --user jane -n d --context=x"
        );
    }
}
