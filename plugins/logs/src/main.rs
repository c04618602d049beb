//! Binary `kubectl-session-logs`.

fn main() -> std::process::ExitCode {
    session_shared::verb::main::<kubectl_session_logs::Logs>()
}
