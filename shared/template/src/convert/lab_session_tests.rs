use super::super::InputForm;
use super::*;
use session_model::failure::ErrorWithHint;

const LAB: &str = "apiVersion: dozlab.io/v1
kind: LabSession
metadata: {name: lab-for-alice, namespace: lab-sessions}
spec:
  userId: alice@example.com
  sessionId: 001
  resources: {cpu: 2, memory: 4Gi, storage: 10Gi}
  timeout: 2h
  config:
    vsCodePassword: hunter2
    enableTerminal: true
    enableVSCode: true
    enableSSH: false
status: {phase: Running}
";

fn source(text: &str) -> Source {
    Source::new("lab.yaml", text).unwrap()
}

fn converted(text: &str) -> Conversion {
    convert(&source(text)).unwrap()
}

#[test]
fn a_lab_session_is_a_session_of_the_template_lab() {
    assert_eq!(
        InputForm::recognize(&source(LAB)),
        Some(InputForm::LabSession)
    );
    let session = converted(LAB);
    // An unquoted 001 is a text.
    assert_eq!(session.name.as_deref(), Some("001"));
    assert_eq!(session.namespace.as_deref(), Some("lab-sessions"));
    assert_eq!(session.spec.user_id, "alice@example.com");
    assert_eq!(session.spec.template.as_deref(), Some("lab"));
    let resources = session.spec.resources.unwrap();
    assert_eq!(resources.cpu.unwrap().to_string(), "2");
    assert_eq!(resources.memory.unwrap().to_string(), "4Gi");
    assert_eq!(session.spec.timeout.unwrap().to_string(), "2h");
    let parameters: Vec<_> = session.spec.parameters.into_iter().collect();
    assert_eq!(
        parameters,
        [
            ("ENABLE_SSH".to_owned(), "false".to_owned()),
            ("VM_DATA_SIZE_LIMIT".to_owned(), "10Gi".to_owned())
        ]
    );
    assert_eq!(session.secrets["VSCODE_PASSWORD"], "hunter2");
    let warnings: Vec<String> = session.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "lab.yaml:10:21: config.vsCodePassword is a password in a plain file; the session keeps it in a Secret"
        ]
    );
}

#[test]
fn each_switch_hides_its_method() {
    for (key, parameter) in METHODS {
        for (value, found) in [("false", Some("false")), ("true", None)] {
            let text = format!(
                "apiVersion: dozlab.io/v1\nkind: LabSession\nmetadata: {{name: a}}\nspec: {{userId: b, config: {{{key}: {value}}}}}\n"
            );
            let session = converted(&text);
            assert_eq!(session.name.as_deref(), Some("a"));
            assert_eq!(
                session.spec.parameters.get(parameter).map(String::as_str),
                found
            );
            assert!(session.secrets.is_empty() && session.warnings.is_empty());
        }
    }
}

#[test]
fn unknown_keys_are_told_with_the_near_name() {
    let text = LAB
        .replace("enableSSH", "enableSsh")
        .replace("  timeout", "  timeouts");
    let session = converted(&text);
    let warnings: Vec<String> = session
        .warnings
        .iter()
        .map(|warning| {
            format!(
                "{warning} ({})",
                warning.hint.as_deref().unwrap_or("no hint")
            )
        })
        .collect();
    assert_eq!(
        warnings[..2],
        [
            "lab.yaml:8:3: unknown key \"timeouts\" of spec is ignored (did you mean \"timeout\"?)",
            "lab.yaml:13:5: unknown key \"enableSsh\" of config is ignored (did you mean \"enableSSH\"?)"
        ]
    );
}

#[test]
fn each_refusal_has_its_line_and_the_way_out() {
    for (from, to, line) in [
        (
            "dozlab.io/v1",
            "dozlab.io/v2",
            "lab.yaml:1:13: invalid apiVersion \"dozlab.io/v2\": the only known version is v1",
        ),
        (
            "sessionId: 001",
            "sessionId: Alice_1",
            "lab.yaml:6:14: invalid sessionId \"Alice_1\": ",
        ),
        (
            "memory: 4Gi",
            "memory: 4GB",
            "lab.yaml:7:31: invalid memory \"4GB\": ",
        ),
        (
            "cpu: 2,",
            "cpu: 0,",
            "lab.yaml:7:20: invalid cpu \"0\": must be greater than 0",
        ),
        (
            "timeout: 2h",
            "timeout: soon",
            "lab.yaml:8:12: invalid timeout \"soon\": ",
        ),
        (
            "enableSSH: false",
            "enableSSH: maybe",
            "lab.yaml:13:16: enableSSH must be true or false",
        ),
    ] {
        let text = LAB.replace(from, to);
        let error = convert(&source(&text)).unwrap_err().to_string();
        assert!(error.contains(line), "{to}: {error}");
    }
    let two = format!("{LAB}---\n{LAB}");
    let error = convert(&source(&two)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lab.yaml:16:1: a LabSession must be the only object in its file"
    );
    let hint = error.downcast_ref::<ErrorWithHint>().unwrap();
    assert_eq!(hint.hint, "put each LabSession in a separate file");
}
