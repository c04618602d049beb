//! Tests of lint for SSH connection methods.

use super::lint::{POD, said, says, template};

#[test]
fn an_ssh_user_is_checked_with_all_that_its_parameters_may_be() {
    let with = |user: &str, parameters: &str| {
        let spec =
            format!("  connect: [{{name: s, ssh: {{port: 22, user: \"{user}\"}}}}]\n{parameters}");
        let text = template(&spec, "").replace("  connect: [{name: s, exec: [sh]}]\n", "");
        let mut said = said(&text);
        // Findings about Pod Security are not checked here.
        said.retain(|finding| !finding.contains(": info: "));
        said
    };
    let login = |rest: &str| format!("  parameters: [{{name: LOGIN, {rest}}}]\n");
    for (user, parameters) in [
        ("lab", String::new()),
        ("${LOGIN}", login("type: string")),
        ("u-${LOGIN}", login("default: \"1\"")),
        ("${LOGIN}", login("options: [a, b]")),
        ("${SESSION_ID}", String::new()),
    ] {
        assert_eq!(with(user, &parameters), [""; 0], "{user} {parameters}");
    }
    let user = "a.yaml:8:45: error: invalid ssh user";
    for (text, parameters, value) in [
        ("-oProxyCommand=id", String::new(), "-oProxyCommand=id"),
        ("a\\nb", String::new(), "a\\nb"),
        ("-${LOGIN}", login("type: string"), "-x"),
        ("${LOGIN:-a b}", String::new(), "a b"),
        ("${LOGIN}", login("default: a b"), "a b"),
        ("${LOGIN}", login("options: [a, b;c]"), "b;c"),
        ("u ${LOGIN}", login("options: [a]"), "u a"),
        (
            "${LOGIN}",
            login("default: a") + "  presets: {p: {LOGIN: \"$(id)\"}}\n",
            "$(id)",
        ),
    ] {
        let said = with(text, &parameters);
        let wanted = format!("{user} \"{value}\": must ");
        assert!(
            said.iter().any(|line| line.starts_with(&wanted)),
            "{wanted}\nis not in\n{said:#?}"
        );
    }
}

#[test]
fn methods_in_an_annotation_are_checked_as_those_of_a_template() {
    let with = |methods: &str| {
        let annotation = format!(
            "metadata: {{name: a, annotations: {{streaming.platform/connect: '{methods}'}}}}"
        );
        said(&POD.replace("metadata: {name: a}", &annotation))
    };
    let good = with("[{name: s, ssh: {port: 22, user: ${LOGIN:-lab}}}]");
    assert!(!good.iter().any(|line| line.contains("error")), "{good:?}");
    for (methods, error) in [
        (
            "[{name: s, ssh: {port: 22, user: a b}}]",
            "in connection method \"s\": invalid ssh user \"a b\"",
        ),
        (
            "[{name: s, ssh: {port: 22, user: ${LOGIN:--x}}}]",
            "invalid ssh user \"-x\"",
        ),
        ("{name: s}", "must be a list, but is an object"),
    ] {
        let said = with(methods);
        let wanted = "error: invalid annotation streaming.platform/connect: ";
        assert!(
            said.iter()
                .any(|line| line.contains(wanted) && line.contains(error)),
            "{said:#?}"
        );
    }
}

#[test]
fn the_fields_of_a_method_are_known_ones_and_go_together() {
    let method = |fields: &str| {
        template("", "").replace("{name: s, exec: [sh]}", &format!("{{name: s, {fields}}}"))
    };
    let said = said(&method("exec: [sh], killOnExit: true"));
    assert!(
        !said.iter().any(|line| line.contains("killOnExit")),
        "{said:?}"
    );
    says(
        &method("exec: [sh], killonexit: true"),
        "error: unknown field \"killonexit\": did you mean \"killOnExit\"?",
    );
    says(
        &method("http: {port: 80}, killOnExit: true"),
        "warning: killOnExit of connection method \"s\" has no effect: only a command of exec is ended",
    );
}
