//! Binary of the `snapshot` verb.

fn main() -> std::process::ExitCode {
    session_shared::verb::main::<kubectl_session_snapshot::Snapshot>()
}
