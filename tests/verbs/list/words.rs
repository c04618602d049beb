//! Errors in the command line.

use std::path::Path;

use session_support::run_binary;

#[test]
fn a_number_that_is_none_is_told_with_its_flag() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-session-list"));
    for value in ["x", "-1", ""] {
        let flag = format!("--chunk-size={value}");
        let done = run_binary(program, &[flag.as_str()], &[], "");
        let begin = format!("error: invalid argument {value:?} for \"--chunk-size\" flag: ");
        assert!(done.stderr.starts_with(&begin), "{done:?}");
        let end = "\nSee 'kubectl session list --help' for usage.\n";
        assert!(done.stderr.ends_with(end), "{done:?}");
        assert_eq!(done.code, 1);
    }
}
