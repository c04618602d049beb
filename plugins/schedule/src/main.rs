//! The binary of one verb.

fn main() -> std::process::ExitCode {
    session_shared::verb::main::<kubectl_session_schedule::Schedule>()
}
