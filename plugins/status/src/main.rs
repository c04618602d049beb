//! Binary `kubectl-session-status`.

fn main() -> std::process::ExitCode {
    session_shared::verb::main::<kubectl_session_status::Status>()
}
