//! The program `kubectl-session`.

fn main() -> std::process::ExitCode {
    kubectl_session::main(std::env::args_os().collect())
}
