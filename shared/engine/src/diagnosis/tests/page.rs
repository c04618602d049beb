//! The page `docs/troubleshooting.md`: the reasons of all cases, each with the messages and remedies of its causes.

use super::cases::sections;
use super::other_causes::{found_before_creation, stuck_deletions, useless_services};
use crate::diagnosis::Cause;

const HEAD: &str = "# Troubleshooting

<!-- Generated: UPDATE_GOLDEN=1 cargo test -p session-engine --lib diagnosis -->

If a session does not become ready, `create`, `start`, `connect` and `status` print a message, the facts behind it, and hints with what to do.
`kubectl session list` shows the reason, `kubectl session logs NAME` the logs of the session's Pods.

The tables list the messages for a Pod or workload \"p\" with container \"main\", claim \"home\" and volume \"v\". The hints that you see also name the
nodes, quotas and parameters of your cluster where you may read them.
";

/// Returns the page.
fn page() -> String {
    let mut text = HEAD.to_owned();
    for (title, cases) in sections() {
        let causes = cases
            .into_iter()
            .filter_map(|(_, finding)| finding.cause().cloned());
        text += &section(title, &causes.collect::<Vec<_>>());
    }
    let services = useless_services().map(|(_, cause)| cause);
    text += &section("A Service leads nowhere", &services);
    text += &section(
        "Refused before anything is created",
        &found_before_creation(),
    );
    text + &section(
        "An object is not deleted",
        &stuck_deletions().map(|(_, cause)| cause),
    )
}

fn section(title: &str, causes: &[Cause]) -> String {
    let mut text = format!(
        "\n## {title}\n\n| reason | example of the message | what to do |\n|---|---|---|\n"
    );
    // Rows of one reason stand together, at the place of the first.
    let mut reasons: Vec<&str> = Vec::new();
    for cause in causes {
        if !reasons.contains(&cause.reason.as_str()) {
            reasons.push(&cause.reason);
        }
    }
    for reason in reasons {
        for cause in causes.iter().filter(|cause| cause.reason == reason) {
            text += &row(cause);
        }
    }
    text
}

fn row(cause: &Cause) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "\\<");
    let reason = match cause.reason.as_str() {
        "" => "none".to_owned(),
        // The cases' name for a reason that nobody knows.
        "SomethingNew" => "any other".to_owned(),
        reason => format!("`{reason}`"),
    };
    let remedy = cause
        .remedy
        .as_deref()
        .unwrap_or("see the facts that are printed");
    format!(
        "| {reason} | {} | {} |\n",
        cell(&cause.message),
        cell(remedy)
    )
}

#[test]
fn the_page_of_all_causes_is_fresh() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/troubleshooting.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let update = "UPDATE_GOLDEN=1 cargo test -p session-engine --lib diagnosis";
    assert!(stored == page(), "{} is stale: {update}", path.display());
}
