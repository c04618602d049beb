//! `cargo image`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use session_krew::{image, program};

/// Writes the container image of the suite as an OCI archive: one static program, run by nobody, no shell; no Docker is needed.
///
/// Import it on a node with `ctr -n k8s.io images import FILE`, or push it with `skopeo copy oci-archive:FILE docker://NAME`.
#[derive(Parser)]
#[command(name = "image", bin_name = "cargo image")]
struct Arguments {
    /// Pack this program, which must be static, instead of building one, which takes minutes
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// What the image is called
    #[arg(long, value_name = "NAME", default_value = image::NAME)]
    name: String,
    /// Where it is written; target/image without this
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let platform = image::platform()?;
    let program = match arguments.binary {
        Some(program) => program,
        None => program::build(platform, &["kubectl-session".to_owned()])?.remove(0),
    };
    let folder = arguments
        .out
        .unwrap_or_else(|| program::target_folder().join("image"));
    let (path, digest) = image::write(&program, platform, &arguments.name, &folder)?;
    let size = path
        .metadata()
        .with_context(|| format!("cannot look at {}", path.display()))?
        .len();
    let text = format!(
        "{}  {:.2} MB  {digest}\n{}\n",
        arguments.name,
        size as f64 / 1e6,
        program::shown(&path).display()
    );
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print")
}
