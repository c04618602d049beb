//! The umbrella.

fn main() -> std::process::ExitCode {
    kubectl_session::main(std::env::args_os().collect())
}
