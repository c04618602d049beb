//! `cargo demo [--context C]`: the suite from nothing to a page in a session, and what to type next.
//!
//! On the context that is named, else on the embedded cluster, which it starts. Every command is shown before it runs, and
//! what it prints is what it printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use session_cluster::Cluster;
use session_krew::program::{shown, target_folder, workspace};

/// Where the demo's sessions live.
const NAMESPACE: &str = "session-demo";
/// What it is made from.
const EXAMPLE: &str = "docs/examples/web.yaml";

/// Show the suite at work.
#[derive(Parser, Debug)]
#[command(name = "cargo demo", about)]
struct Args {
    /// Context of your kubeconfig to use; without one, a Kubernetes of its own is built and started on this machine
    #[arg(long)]
    context: Option<String>,
}

/// How the demo reaches its cluster.
struct Stage {
    binary: PathBuf,
    context: Option<String>,
    kubeconfig: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line for the person who watches; where nobody does any more there is nothing left to say.
fn show(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn run(args: &Args) -> Result<()> {
    let binary = build()?;
    let lease = if args.context.is_none() {
        Some(Cluster::shared()?)
    } else {
        None
    };
    let stage = Stage {
        binary,
        context: args.context.clone(),
        kubeconfig: lease.as_ref().map(|cluster| cluster.admin_kubeconfig()),
    };
    stage.session(&["setup"])?;
    let greeting = "GREETING=Hello from a session";
    let name = stage.create(&[
        "create",
        "demo",
        "--generate-name",
        "-f",
        EXAMPLE,
        "--set",
        greeting,
        "--create-namespace",
    ])?;
    stage.session(&["list", "-o", "wide"])?;
    stage.session(&["status", &name])?;
    stage.session(&[
        "connect",
        &name,
        "--",
        "sh",
        "-c",
        "echo \"I am $(id -un) on $(hostname), my password has ${#WEB_PASSWORD} characters\"",
    ])?;
    stage.page(&name)?;
    stage.next(&name);
    Ok(())
}

/// The suite's umbrella: `SESSION_BINARY` where somebody has built it already, else what cargo builds now.
fn build() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("SESSION_BINARY") {
        return std::path::absolute(binary).context("SESSION_BINARY is no path");
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    show("$ cargo build -p kubectl-session");
    let status = Command::new(cargo)
        .args(["build", "--quiet", "-p", "kubectl-session"])
        .current_dir(workspace())
        .status();
    ensure!(
        status.context("failed to run cargo")?.success(),
        "the suite does not build"
    );
    std::path::absolute(target_folder().join("debug/kubectl-session"))
        .context("CARGO_TARGET_DIR is no path")
}

impl Stage {
    fn dress(&self, command: &mut Command) {
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        if let Some(context) = &self.context {
            command.args(["--context", context]);
        }
        command.args(["--namespace", NAMESPACE]);
        command.current_dir(workspace());
    }

    fn command(&self, program: &Path, shown: &str, args: &[&str]) -> Command {
        // What follows `--` is the command in the container: our own flags come before it.
        let end = args
            .iter()
            .position(|word| *word == "--")
            .unwrap_or(args.len());
        let words = |args: &[&str]| {
            args.iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (ours, theirs) = (words(&args[..end]), words(&args[end..]));
        show(format!("\n$ {shown} {ours} -n {NAMESPACE} {theirs}").trim_end());
        let mut command = Command::new(program);
        command.args(&args[..end]);
        self.dress(&mut command);
        command.args(&args[end..]);
        command
    }

    fn session(&self, args: &[&str]) -> Result<()> {
        let status = self.command(&self.binary, "kubectl session", args).status();
        ensure!(
            status.context("failed to run the suite")?.success(),
            "kubectl session {} failed",
            args.join(" ")
        );
        Ok(())
    }

    /// Creates the session and gives its name, which is all that stands on standard output.
    fn create(&self, args: &[&str]) -> Result<String> {
        let output = self
            .command(&self.binary, "kubectl session", args)
            .stderr(Stdio::inherit())
            .output();
        let output = output.context("failed to run the suite")?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        show(&line);
        ensure!(output.status.success(), "the session did not come up");
        let name = line
            .split(' ')
            .next()
            .and_then(|object| object.split_once('/'))
            .map(|(_, name)| name.to_owned());
        name.with_context(|| format!("no session in {line:?}"))
    }

    /// Opens the session's web port and shows the page.
    fn page(&self, name: &str) -> Result<()> {
        let words = ["connect", name, "--port-forward", ":http"];
        let mut command = self.command(&self.binary, "kubectl session", &words);
        let mut forward = Forward(
            command
                .stdout(Stdio::piped())
                .spawn()
                .context("failed to run the suite")?,
        );
        // Kept until the end: it would die of a closed pipe as soon as it has something to say.
        let mut said = BufReader::new(forward.0.stdout.take().context("no output")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        show(line.trim_end());
        let Some(port) = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("127.0.0.1:"))
        else {
            bail!("no port in {line:?}");
        };
        show(&format!("$ curl http://127.0.0.1:{port}/"));
        show(page(port.parse()?)?.trim_end());
        Ok(())
    }

    fn next(&self, name: &str) {
        show("\nIt is yours. What to type next:");
        match (&self.kubeconfig, &self.context) {
            (Some(_), _) => {
                show("  eval \"$(cargo cluster env)\"        # kubectl and the cluster of the demo")
            }
            (None, Some(context)) => show(&format!("  kubectl config use-context {context}")),
            (None, None) => {}
        }
        let folder = self.binary.parent().unwrap_or(&self.binary);
        let here = match shown(folder) {
            below if below.is_relative() => "$PWD/",
            _ => "",
        };
        show(&format!(
            "  export PATH=\"{here}{}:$PATH\"   # kubectl finds its plugin there",
            shown(folder).display()
        ));
        show("  kubectl session template list");
        show("  kubectl session create alice --template shell");
        show(&format!("  kubectl session delete {name} -n {NAMESPACE}"));
        if self.kubeconfig.is_some() {
            show("  cargo cluster down                 # ends and removes the cluster");
        }
    }
}

/// A port-forward that ends with the demo.
struct Forward(Child);

impl Drop for Forward {
    fn drop(&mut self) {
        // It may have ended by itself: either way there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One GET, as simple as it can be: the server closes the connection after its answer.
fn page(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .with_context(|| format!("nothing answers on port {port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the page is no HTTP answer")?;
    ensure!(
        head.contains(" 200 "),
        "the page answers {:?}",
        head.lines().next().unwrap_or_default()
    );
    Ok(body.to_owned())
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}
