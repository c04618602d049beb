//! `cargo release-archives`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use session_krew::platform::Platform;
use session_krew::program;
use session_krew::release::{Release, Rules};

/// Builds the umbrella for this machine's platform, packs it, and writes krew's manifest, an index and checksums.
///
/// Other platforms are built on machines of their own: their archives are put into the folder, and --gather writes the manifest for all.
#[derive(Parser)]
#[command(name = "release-archives", bin_name = "cargo release-archives")]
struct Arguments {
    /// Pack this program instead of building one, which takes minutes
    #[arg(long, value_name = "FILE", conflicts_with = "verbs")]
    binary: Option<PathBuf>,
    /// Pack the verbs' own programs too, in a second archive
    #[arg(long)]
    verbs: bool,
    /// Build nothing: write manifest, index and checksums for the archives that are in the folder
    #[arg(long, conflicts_with_all = ["binary", "verbs"])]
    gather: bool,
    /// Build and write nothing: check what is in the folder
    #[arg(long, conflicts_with_all = ["binary", "verbs", "gather"])]
    check: bool,
    /// The folder users download the archives from; the release's page on the repository without this
    #[arg(long, value_name = "ADDRESS", conflicts_with = "check")]
    url: Option<String>,
    /// Where everything is written; target/release-archives without this
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
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| program::target_folder().join("release-archives"));
    let release = Release::in_folder(folder.clone())?;
    if !arguments.check {
        if !arguments.gather {
            pack(&arguments, &release)?;
        }
        release.write_papers(arguments.url.as_deref())?;
    }
    release.check(Rules::Release)?;
    let mut text = String::new();
    for archive in release.archives()? {
        text.push_str(&format!(
            "{}  {:.2} MB  sha256 {}\n",
            archive.name,
            archive.size as f64 / 1e6,
            archive.sha256
        ));
    }
    text.push_str(&format!("{}\n", program::shown(&folder).display()));
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print")
}

fn pack(arguments: &Arguments, release: &Release) -> Result<()> {
    let platform = Platform::host()?;
    let umbrella = match &arguments.binary {
        Some(program) => program.clone(),
        None => program::build(platform, &["kubectl-session".to_owned()])?.remove(0),
    };
    release.pack(platform, &umbrella)?;
    if arguments.verbs {
        release.pack_verbs(platform, &program::build(platform, &program::verbs()?)?)?;
    }
    Ok(())
}
