use anyhow::{Context, anyhow};
use serde_json::Value;

use super::*;
use session_model::failure::{HintExt, StatusCause, usage_error, with_hint};

const FIXTURE: &str = include_str!("kubectl.txt");
const LIST: &str = "kubectl session list";

fn server(kind: FailureKind, reason: &str, message: &str) -> Failure {
    Failure {
        reason: reason.into(),
        code: 400,
        ..Failure::client_side(kind, message)
    }
}

/// A Status as `cluster/` understands it, as far as it matters for what is printed.
fn of_status(status: &Value) -> Failure {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (details, reason) = (&status["details"], text(&status["reason"]));
    let kind = match reason.as_str() {
        "Unauthorized" => FailureKind::Unauthorized,
        "Invalid" => FailureKind::Invalid,
        _ if status["code"] == 422 => FailureKind::Invalid,
        _ => FailureKind::OtherStatus,
    };
    let causes = details["causes"].as_array().into_iter().flatten();
    let cause = |cause: &Value| StatusCause {
        field: text(&cause["field"]),
        message: text(&cause["message"]),
    };
    Failure {
        reason,
        code: 1,
        object: details
            .is_object()
            .then(|| (text(&details["kind"]), text(&details["name"]))),
        causes: causes.map(cause).collect(),
        ..Failure::client_side(kind, text(&status["message"]))
    }
}

/// What is printed on standard error, and the exit code.
fn printed(error: Error) -> (String, u8) {
    let (mut console, captured) = Console::for_test("", false);
    let code = print_error(&mut console, &error, LIST);
    assert_eq!(captured.stdout(), "");
    (captured.stderr(), code)
}

fn line_of(error: Error) -> String {
    let (text, code) = printed(error);
    assert_eq!(code, EXIT_FAILURE);
    text
}

#[test]
fn what_the_server_says_is_printed_as_kubectl_prints_it() {
    let mut cases = 0;
    for line in FIXTURE.lines().filter(|line| !line.starts_with('#')) {
        let case: Value = serde_json::from_str(line).unwrap();
        let error = anyhow!(of_status(&case["status"])).context("failed to list the sessions");
        let (text, code) = printed(error);
        assert_eq!(Some(text.as_str()), case["err"].as_str());
        assert_eq!(Some(u64::from(code)), case["code"].as_u64());
        cases += 1;
    }
    assert!(cases >= 20, "{cases}");
}

#[test]
fn what_the_server_did_not_say_has_kubectls_words_too() {
    let local = |kind, message: &str| line_of(anyhow!(Failure::client_side(kind, message)));
    let refused = "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?";
    assert_eq!(
        local(FailureKind::ConnectionRefused, "127.0.0.1:1"),
        format!("{refused}\n")
    );
    assert_eq!(
        local(FailureKind::ConnectionRefused, refused),
        format!("{refused}\n")
    );
    assert_eq!(
        local(FailureKind::Unreachable, "dial tcp: lookup h: no such host"),
        "Unable to connect to the server: dial tcp: lookup h: no such host\n"
    );
    assert_eq!(
        local(
            FailureKind::Unreachable,
            "Unable to connect to the server: EOF"
        ),
        "Unable to connect to the server: EOF\n"
    );
    let context = "Error in configuration: context was not found for specified context: nope";
    assert_eq!(
        local(FailureKind::InvalidConfiguration, context),
        format!("{context}\n")
    );
    assert_eq!(
        local(
            FailureKind::InvalidConfiguration,
            "context was not found for specified context: nope"
        ),
        format!("{context}\n")
    );
    assert_eq!(
        local(
            FailureKind::TimedOut,
            "timed out waiting for the condition on session.streaming.platform/alice"
        ),
        "error: timed out waiting for the condition on session.streaming.platform/alice\n"
    );
    assert_eq!(
        local(
            FailureKind::ResourceTypeNotFound,
            "the server doesn't have a resource type \"sessions\""
        ),
        "error: the server doesn't have a resource type \"sessions\"\n"
    );
    assert_eq!(
        local(FailureKind::Invalid, "x"),
        "The request is invalid: x\n"
    );
}

#[test]
fn a_chain_is_printed_without_saying_things_twice() {
    assert_eq!(
        line_of(anyhow!("no").context("failed to read")),
        "error: failed to read: no\n"
    );
    assert_eq!(
        line_of(anyhow!("error: as kubectl says it")),
        "error: as kubectl says it\n"
    );
    let doubled = anyhow!("no").context("failed: no").context("");
    assert_eq!(line_of(doubled), "error: failed: no\n");
    assert_eq!(
        line_of(with_hint(anyhow!("no"), "try").context("failed")),
        "error: failed: no\nhint: try\n"
    );
}

#[test]
fn hints_stand_after_the_error_in_order_and_once() {
    let error = with_hint(
        with_hint(
            server(FailureKind::NotFound, "NotFound", "x not found"),
            "inner",
        ),
        "outer",
    );
    let error = Err::<(), _>(error).with_hint("inner").unwrap_err();
    assert_eq!(
        line_of(error),
        "Error from server (NotFound): x not found\nhint: inner\nhint: outer\n"
    );
}

#[test]
fn a_usage_error_points_to_the_help() {
    assert_eq!(
        line_of(usage_error("exactly one NAME is required, got 0")),
        "error: exactly one NAME is required, got 0\nSee 'kubectl session list -h' for help and examples\n"
    );
}

#[test]
fn exit_codes_are_one_but_for_ctrl_c_and_a_closed_pipe() {
    let interrupted = |message| {
        anyhow!(Failure::client_side(FailureKind::Interrupted, message)).context("while waiting")
    };
    assert_eq!(printed(interrupted("")), (String::new(), EXIT_INTERRUPTED));
    assert_eq!(
        printed(interrupted("alice goes on without you")),
        ("alice goes on without you\n".into(), EXIT_INTERRUPTED)
    );
    assert_eq!(
        printed(Error::new(OutputClosed).context("failed to print")),
        (String::new(), EXIT_OUTPUT_CLOSED)
    );
    assert_eq!(printed(anyhow!("x")).1, EXIT_FAILURE);
}

#[test]
fn several_errors_are_a_line_each() {
    let (mut console, captured) = Console::for_test("", false);
    let invalid = Failure {
        object: Some(("Session".into(), "a".into())),
        ..server(
            FailureKind::Invalid,
            "Invalid",
            "Session \"a\" is invalid: spec.x: Required value",
        )
    };
    let errors = [
        with_hint(
            server(
                FailureKind::NotFound,
                "NotFound",
                "sessions.streaming.platform \"a\" not found",
            ),
            "look",
        ),
        anyhow!(invalid),
        with_hint(anyhow!("other"), "look"),
    ];
    assert_eq!(print_errors(&mut console, &errors, LIST), EXIT_FAILURE);
    assert_eq!(
        captured.stderr(),
        "Error from server (NotFound): sessions.streaming.platform \"a\" not found\n\
         Error from server (Invalid): Session \"a\" is invalid: spec.x: Required value\nerror: other\nhint: look\n"
    );
    let errors = [
        anyhow!("x"),
        anyhow!(Failure::client_side(FailureKind::Interrupted, "")),
    ];
    assert_eq!(print_errors(&mut console, &errors, LIST), EXIT_INTERRUPTED);
}

#[test]
fn nothing_is_coloured_and_nothing_is_dumped() {
    let (mut console, captured) = Console::for_test("", true);
    print_error(&mut console, &anyhow!("evil \x1b[31m").context("x"), LIST);
    assert_eq!(captured.stderr(), "error: x: evil ^[[31m\n");
    let dump = line_of(anyhow!(std::io::Error::other("disk")).context("failed"));
    assert_eq!(dump, "error: failed: disk\n");
}

#[test]
fn context_on_an_ordinary_result_is_kept() {
    let error = "x"
        .parse::<u8>()
        .context("invalid number \"x\"")
        .unwrap_err();
    assert_eq!(
        line_of(error),
        "error: invalid number \"x\": invalid digit found in string\n"
    );
}

#[test]
fn evidence_stands_between_the_error_and_its_hints() {
    let cause = session_engine::diagnosis::Cause {
        message: "container \"main\" of pod \"x\" ended with exit code 3".into(),
        evidence: vec![
            "log of container \"main\", last lines:".into(),
            "  bo\x1bom".into(),
        ],
        remedy: Some("mend it".into()),
        ..session_engine::diagnosis::Cause::default()
    };
    let told = |error: anyhow::Error| {
        let (mut console, captured) = Console::for_test("", true);
        print_error(&mut console, &error, "kubectl session create");
        captured.stderr()
    };
    let shown = told(cause.to_error("session \"s\" did not become ready"));
    assert!(
        shown.starts_with("error: session \"s\" did not become ready: container \"main\" of pod \"x\" ended with exit code 3\n  log of container \"main\", last lines:\n    bo^[om\n"),
        "{shown:?}"
    );
    assert!(shown.ends_with(" mend it\n"), "{shown:?}");
    let shown = told(cause.attach_to(anyhow::anyhow!("timed out")));
    assert!(
        shown.starts_with(
            "error: timed out\n  container \"main\" of pod \"x\" ended with exit code 3\n    log of"
        ),
        "{shown:?}"
    );
}

#[test]
fn an_interruption_of_many_sessions_is_printed_once() {
    let interrupted = |name: &str| {
        let error: Error = Failure::client_side(FailureKind::Interrupted, "interrupted").into();
        with_hint(
            error,
            format!("finish it with: kubectl session stop {name}"),
        )
    };
    let mut errors: Vec<Error> = ["a", "b", "c", "d", "e"].map(interrupted).into();
    errors.insert(2, anyhow!("no"));
    let (mut console, captured) = Console::for_test("", false);
    assert_eq!(print_errors(&mut console, &errors, LIST), EXIT_INTERRUPTED);
    assert_eq!(
        captured.stderr(),
        "interrupted\nerror: no\n\
         hint: finish it with: kubectl session stop a\n\
         hint: finish it with: kubectl session stop b\n\
         hint: finish it with: kubectl session stop c\n\
         hint: other sessions are unfinished, too; run the same command again to finish them\n"
    );
}
