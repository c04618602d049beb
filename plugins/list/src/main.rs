//! Binary `kubectl-session-list`.

fn main() -> std::process::ExitCode {
    session_shared::verb::main::<kubectl_session_list::List>()
}
