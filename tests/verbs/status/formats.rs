//! `-o`: formats of the document.

use serde_json::Value;
use session_support::golden;

use crate::scenes::{all, running_api, status};

fn json(words: &str) -> Value {
    serde_json::from_str(status(&running_api(), words).done()).unwrap()
}

#[test]
fn the_document_is_whole_and_keeps_fields_nobody_knows() {
    let found = json("-o json");
    assert_eq!(found["kind"], "SessionReport");
    assert_eq!(found["apiVersion"], "streaming.platform/v1");
    assert_eq!(found["metadata"]["name"], "alice");
    assert_eq!(found["session"]["spec"]["extra"]["kept"], true);
    let pod = &found["workloads"][0]["pods"][0];
    assert_eq!(
        (pod["name"].as_str(), pod["ip"].as_str()),
        (Some("tool-alice"), Some("10.1.2.3"))
    );
    assert_eq!(found["phase"], "running");
    golden(
        "status-running.yaml",
        &masked(status(&running_api(), "-o yaml").done()),
    );
}

/// Removes the lines of resourceVersions, which depend on the order of a test's writes.
fn masked(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.contains("resourceVersion: "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn paths_and_names() {
    let mut text = String::new();
    for words in [
        "-o name",
        "-o jsonpath={.phase}{\"\\n\"}",
        "-o jsonpath={.connect[*].command}{\"\\n\"}",
        "-o jsonpath={.workloads[0].pods[0].containers[0].state}{\"\\n\"}",
        "-o kyaml",
    ] {
        let played = status(&running_api(), words);
        let shown = if words == "-o kyaml" {
            played.out.lines().next().unwrap_or_default().to_owned() + "\n"
        } else {
            played.text()
        };
        text.push_str(&format!("$ status alice {words}\n{shown}"));
    }
    golden("status-formats.txt", &text);
}

#[test]
fn a_diagnosis_is_for_programs_too() {
    let (_, api) = all()
        .into_iter()
        .find(|(name, _)| *name == "crash-loop")
        .unwrap();
    let played = status(&api, "-o jsonpath={.phase}={.diagnosis[0].reason}");
    assert_eq!(played.done(), "failed=CrashLoopBackOff");
}

#[test]
fn managed_fields_are_printed_only_when_asked_for() {
    let api = running_api();
    let mut session = crate::scenes::session("running");
    session["metadata"]["managedFields"] = serde_json::json!([{"manager": "kubectl-session"}]);
    api.put(session);
    for format in ["json", "yaml", "kyaml"] {
        let plain = status(&api, &format!("-o {format}"));
        assert!(!plain.done().contains("managedFields"), "{format}");
        let whole = status(&api, &format!("-o {format} --show-managed-fields"));
        assert!(whole.done().contains("managedFields"), "{format}");
    }
}

/// The reason on the screen is that of the document.
#[test]
fn one_reason_in_every_format() {
    // That of the hostile session has control characters, which no screen gets.
    for (name, api) in all().into_iter().filter(|(name, _)| *name != "hostile") {
        let reason = status(&api, "-o jsonpath={.reason}").done().to_owned();
        let shown = status(&api, "").done().to_owned();
        let line = shown.lines().find_map(|line| line.strip_prefix("Reason:"));
        let on_screen =
            line.map(|line| line.trim().split(':').next().unwrap_or_default().to_owned());
        assert!(
            on_screen.is_none_or(|shown| shown == reason),
            "{name}: {reason}\n{shown}"
        );
    }
}
