use super::*;

fn talk(color: Colour) -> VerbosityFlags {
    VerbosityFlags {
        quiet: false,
        color,
    }
}

#[test]
fn data_and_everything_else_go_to_different_streams() {
    let (mut console, captured) = Console::for_test("", false);
    console.print("a").unwrap();
    console.print_line("b").unwrap();
    console.print_error_line("c");
    console.note("d");
    console.hint("e");
    assert_eq!(
        (captured.stdout().as_str(), captured.stderr().as_str()),
        ("ab\n", "c\nnote: d\nhint: e\n")
    );
}

#[test]
fn a_warning_is_said_once() {
    let (mut console, captured) = Console::for_test("", false);
    for text in [
        "spec.a is deprecated",
        "spec.b\nis too",
        "spec.a is deprecated",
    ] {
        console.warn(text);
    }
    assert_eq!(
        captured.stderr(),
        "Warning: spec.a is deprecated\nWarning: spec.b is too\n"
    );
}

#[test]
fn escapes_of_others_do_not_reach_a_terminal_and_files_get_them() {
    let evil = "\x1b]0;x\x07\n";
    let (mut console, captured) = Console::for_test("", true);
    console.print(evil).unwrap();
    console.print_error_line(evil.trim_end());
    console.warn(evil);
    assert_eq!(captured.stdout(), "^[]0;x^G\n");
    assert!(
        captured.stderr().starts_with("^[]0;x^G\n"),
        "{:?}",
        captured.stderr()
    );
    let (mut console, captured) = Console::for_test("", false);
    console.print(evil).unwrap();
    console.print_error_line(evil.trim_end());
    assert_eq!(captured.stdout(), evil);
    assert_eq!(captured.stderr(), "^[]0;x^G\n");
}

#[test]
fn colours_need_a_terminal_whatever_is_asked_for() {
    let red = AnsiColor::Red.on_default();
    for colour in [Colour::Auto, Colour::Always, Colour::Never] {
        let (mut console, captured) = Console::for_test("", false);
        console.apply_flags(&talk(colour));
        console.print_styled(&console.styled(red, "x")).unwrap();
        console.warn("w");
        console.hint("h");
        assert!(
            !format!("{}{}", captured.stdout(), captured.stderr()).contains('\x1b'),
            "{colour:?}"
        );
    }
}

#[test]
fn colours_follow_the_environment_unless_told_otherwise() {
    let red = AnsiColor::Red.on_default();
    let painted = |colour, no_color, capable| {
        let (mut console, _) = Console::for_test("", true);
        (console.no_color, console.capable) = (no_color, capable);
        console.apply_flags(&talk(colour));
        console.styled(red, "x\x1b").contains('\x1b')
    };
    assert!(painted(Colour::Auto, false, true));
    assert!(!painted(Colour::Auto, true, true));
    assert!(!painted(Colour::Auto, false, false));
    assert!(painted(Colour::Always, true, false));
    assert!(!painted(Colour::Never, false, true));
    let (console, _) = Console::for_test("", true);
    assert_eq!(console.styled(red, "x\x1b"), "\x1b[31mx^[\x1b[0m");
}

#[test]
fn a_dumb_terminal_gets_no_live_line() {
    use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};
    let (mut console, captured) = Console::for_test("", true);
    console.capable = false;
    console.progress().tell(ProgressEvent::Waiting {
        stage: WaitStage::Binding,
        object: "pod/x".into(),
        detail: String::new(),
    });
    assert_eq!(captured.stderr(), "");
}

#[test]
fn a_deletion_asks_as_kubectl_does() {
    let names = ["session.streaming.platform/alice".to_owned()];
    let (mut console, captured) = Console::for_test("y\n", true);
    assert!(
        console
            .confirm(&deletion_preview(&names), DELETION_QUESTION)
            .unwrap()
    );
    assert_eq!(
        captured.stdout(),
        "You are about to delete the following 1 resource(s):\nsession.streaming.platform/alice\n\
         Do you want to continue? (y/N): "
    );
}

#[test]
fn only_y_is_yes() {
    let answer = |input| {
        Console::for_test(input, true)
            .0
            .confirm(&[], "Sure?")
            .unwrap()
    };
    for yes in ["y", "Y\n", " y \r\n"] {
        assert!(answer(yes), "{yes:?}");
    }
    let long = "y".repeat(5_000);
    for no in ["", "\n", "n\n", "yes\n", "\ny\n", "\u{0}", long.as_str()] {
        assert!(!answer(no), "{no:?}");
    }
}

#[test]
fn every_question_reads_its_own_line() {
    let (mut console, _) = Console::for_test("n\ny\n", true);
    assert!(!console.confirm(&[], "One?").unwrap());
    assert!(console.confirm(&[], "Two?").unwrap());
    assert!(!console.confirm(&[], "Three?").unwrap());
}

#[test]
fn a_closed_pipe_is_an_error_of_its_own_and_a_closed_standard_error_is_none() {
    let (mut console, captured) = Console::for_test("", false);
    captured.close_stdout();
    captured.close_stderr();
    let error = console.print_line("x").unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&OutputClosed));
    console.print_error_line("lost");
    console.warn("lost");
    assert_eq!(captured.stderr(), "");
}

#[test]
fn only_a_terminal_can_be_asked() {
    assert!(Console::for_test("", true).0.can_prompt());
    assert!(!Console::for_test("y", false).0.can_prompt());
    assert_eq!(Console::for_test("", false).0.width(), 80);
}

#[test]
fn nothing_is_wrapped_where_a_program_reads() {
    let (mut console, _) = Console::for_test("", false);
    assert_eq!(console.wrap_width(), Some(80), "as COLUMNS says");
    console.columns = 0;
    assert_eq!(console.wrap_width(), None);
    assert_eq!(console.width(), 80);
}
