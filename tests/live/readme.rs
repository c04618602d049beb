//! The examples of README.md, run as they stand there, in order, on the embedded cluster.
//!
//! ```text
//! README.md ─► blocks of sh and console ─► Example: command, printed lines ─► bash ─► exit code, lines of the same form
//! ```
//!
//! Lines are compared by their form: numbers, times, sizes and generated names may differ, and a name that was printed
//! is used in the commands that follow. Rows of tables, indented lines and `...` are not compared.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use session_cluster::Image;

use crate::world::{World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "readme_examples_run_in_order",
        examples_run_in_order,
    )]
}

const README: &str = include_str!("../../README.md");
/// Words of commands that other tests run (packages, the demo), and of examples for an admin's own cluster.
const ELSEWHERE: [&str; 6] = [
    "cargo ",
    "krew ",
    "git ",
    "cleanup.yaml",
    "session-cleanup",
    "setup namespace",
];
/// A command whose NAME or SESSION the reader fills in.
const INCOMPLETE: &str = "volumesnapshotcontent NAME";

/// A command of a page and the lines below it.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) command: String,
    printed: Vec<String>,
}

/// The commands of README.md outside the installation, in order.
fn examples(namespace: &str) -> Vec<Example> {
    let demo = format!("{namespace}-demo");
    let readme = README
        .replace("-n docs", &format!("-n {namespace}"))
        .replace(".docs.svc", &format!(".{namespace}.svc"))
        .replace("namespace \"docs\"", &format!("namespace \"{namespace}\""))
        .replace(
            "from docs namespace",
            &format!("from {namespace} namespace"),
        )
        .replace("-n session-demo", &format!("-n {demo}"))
        .replace(".session-demo.svc", &format!(".{demo}.svc"))
        .replace("-n team", &format!("-n {namespace}"));
    let mut examples = parse_examples(&readme);
    let is_elsewhere = |command: &str| {
        command.contains(INCOMPLETE) || ELSEWHERE.iter().any(|word| command.contains(word))
    };
    examples.retain(|example| !is_elsewhere(&example.command));
    examples
}

/// Returns the commands of the blocks of sh and console of a page, in order.
pub(crate) fn parse_examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut block = "";
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("```") {
            block = kind.trim();
            continue;
        }
        let command = match block {
            "sh" => line.split("    #").next().map(str::trim),
            "console" => line.strip_prefix("$ "),
            _ => continue,
        };
        match (command, examples.last_mut()) {
            (Some(command), _) if command.is_empty() || command.starts_with('#') => {}
            (Some(command), _) => examples.push(Example {
                command: command.to_owned(),
                printed: Vec::new(),
            }),
            (None, Some(last)) => last.printed.push(line.to_owned()),
            (None, None) => {}
        }
    }
    examples
}

/// Returns what has to be so before a command, and what README.md tells in words: the lifetime of alice is over, and
/// there are files to copy.
fn before(command: &str, namespace: &str) -> Option<String> {
    let session = "kubectl session";
    if command.starts_with("kubectl session cleanup --expired") && command.contains("/dev/null") {
        return Some(format!(
            "{session} start alice --restart --expires-in 1s -y -q -n {namespace} && sleep 2"
        ));
    }
    command.contains("--to alice.tar.gz").then(|| {
        format!(
            "{session} connect alice -n {namespace} -- sh -c 'mkdir src; echo a > src/main.rs; echo b > data'"
        )
    })
}

/// The shell of a reader: a folder with docs/examples, kubectl and the plugin on PATH.
pub(crate) struct Shell {
    folder: tempfile::TempDir,
    kubeconfig: std::path::PathBuf,
    /// Names printed in the page, and those printed here.
    names: BTreeMap<String, String>,
    last_code: i32,
    forwards: Vec<(Child, BufReader<ChildStdout>)>,
}

impl Shell {
    /// Opens one whose docs/examples have the text that `edit` makes of theirs.
    pub(crate) fn open(world: &World, edit: impl Fn(&str) -> String) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let examples = folder.path().join("docs/examples");
        std::fs::create_dir_all(&examples)?;
        for file in std::fs::read_dir(root.join("docs/examples"))? {
            let file = file?;
            let text = std::fs::read_to_string(file.path())?;
            std::fs::write(examples.join(file.file_name()), edit(&text))?;
        }
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs)?;
        std::os::unix::fs::symlink(World::binary(), programs.join("kubectl-session"))?;
        std::os::unix::fs::symlink(world.cluster.kubectl_path(), programs.join("kubectl"))?;
        Ok(Self {
            folder,
            kubeconfig: world.cluster.admin_kubeconfig(),
            names: BTreeMap::new(),
            last_code: 0,
            forwards: Vec::new(),
        })
    }

    fn command(&self, script: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = self.folder.path().join("bin");
        let mut command = Command::new("bash");
        let script = format!("exec 2>&1; (exit {}); {script}", self.last_code);
        command
            .args(["-c", &script])
            .current_dir(self.folder.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("PATH", format!("{}:{path}", programs.display()))
            .stdin(Stdio::null());
        command
    }

    /// Replaces the names printed in the page by those printed here.
    fn translate(&self, text: &str) -> String {
        let replace = |text: String, (from, to): (&String, &String)| text.replace(from, to);
        self.names.iter().rev().fold(text.to_owned(), replace)
    }

    /// Runs an example and compares what it prints.
    pub(crate) fn run(&mut self, example: &Example) -> Result<()> {
        let command = self.translate(&example.command);
        let about = || format!("$ {command}");
        if command.contains("--port-forward") {
            return self.forward(&command, example).with_context(about);
        }
        let output = run(&mut self.command(&command)).with_context(about)?;
        self.last_code = output.code;
        let printed: Vec<&str> = output.stdout.lines().collect();
        self.compare(example, &printed)
            .with_context(|| format!("{}\n{}exit code {}", about(), output.stdout, output.code))?;
        let fails = example
            .printed
            .iter()
            .any(|line| line.starts_with("error: "));
        let exits = match command.contains("exit 3") {
            true => 3,
            false => i32::from(fails),
        };
        ensure!(
            output.code == exits,
            "{}\n{}\nexit code {}",
            about(),
            output.stdout,
            output.code
        );
        Ok(())
    }

    /// Starts a forward, which lasts until the test's end. Its local port is any free one.
    fn forward(&mut self, command: &str, example: &Example) -> Result<()> {
        let command = without_local_port(command);
        let mut child = self
            .command(&format!("exec {command}"))
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let read = stdout.read_line(&mut line);
        // A closed output would end the forward at its first connection.
        self.forwards.push((child, stdout));
        read?;
        let first = Example {
            command,
            printed: example.printed.iter().take(1).cloned().collect(),
        };
        self.compare(&first, &[line.trim_end()])
    }

    /// Finds a line of the same form for every line of the example, in any order: the streams are two.
    fn compare(&mut self, example: &Example, printed: &[&str]) -> Result<()> {
        let mut left: Vec<&str> = printed.to_vec();
        for wanted in comparable_lines(&example.printed) {
            let wanted = self.translate(wanted);
            let has_form = |line: &&str| has_form_of(line, &wanted);
            let at = left.iter().position(has_form);
            let at = at.with_context(|| format!("the page has the line {wanted:?}"))?;
            let line = left.remove(at);
            for (from, to) in words(&wanted).zip(words(line)) {
                // Names with a time in them, and addresses.
                if from != to && from.chars().filter(char::is_ascii_digit).count() > 4 {
                    self.names.insert(from.to_owned(), to.to_owned());
                }
            }
        }
        Ok(())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for (child, _) in &mut self.forwards {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns a command of a forward without its local port.
fn without_local_port(command: &str) -> String {
    match command.split_once("--port-forward ") {
        Some((before, ports)) => {
            let ports = ports.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}--port-forward {ports}")
        }
        None => command.to_owned(),
    }
}

/// Returns the lines that are compared: no rows of tables, no indented lines, no `...`.
fn comparable_lines(printed: &[String]) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut is_table = false;
    for line in printed {
        let heading = line.split(' ').next().unwrap_or_default();
        if heading.len() > 3 && heading.chars().all(|c| c.is_ascii_uppercase()) {
            is_table = true;
        } else if is_table {
            let first = line.split(' ').next().unwrap_or_default();
            is_table = !(first.ends_with(':') || line.ends_with(" stopped"));
            if is_table {
                continue;
            }
        }
        let is_shown = !line.is_empty() && !line.starts_with(' ') && *line != "...";
        if is_shown && !line.starts_with("Handling connection") {
            lines.push(line.as_str());
        }
    }
    lines
}

fn has_form_of(line: &str, wanted: &str) -> bool {
    match wanted.split_once("...") {
        Some((begin, _)) => form(line).starts_with(form(begin).trim_end()),
        // The second name of one second ends in -2.
        None => form(line).replace("-0-0-0", "-0-0") == form(wanted),
    }
}

/// Returns the names and numbers of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let parts = line.split(|c: char| !(c.is_ascii_alphanumeric() || "-.:".contains(c)));
    parts.filter(|part| !part.is_empty())
}

/// Returns a line with `0` for every number, size, time and generated name, one blank between words.
fn form(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let bare = word.trim_matches(|c: char| "(),;".contains(c));
        let is_amount = bare.starts_with(|c: char| c.is_ascii_digit())
            && bare
                .chars()
                .all(|c| c.is_ascii_digit() || "dhms.KMGTi".contains(c));
        if is_amount {
            return word.replace(bare, "0");
        }
        let mut parts: Vec<String> = Vec::new();
        for part in word.split('-') {
            let digits = part.chars().filter(char::is_ascii_digit).count();
            let follows_time = parts.last().is_some_and(|last| last == "0");
            let end = part.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
            let (name, rest) = part.split_at(end.unwrap_or(part.len()));
            let is_random = follows_time && name.len() == 5 && digits < 5;
            parts.push(match (digits, is_random) {
                (_, true) => format!("0{}", without_numbers(rest)),
                (0, _) => part.to_owned(),
                _ => without_numbers(part),
            });
        }
        parts.join("-")
    });
    // A size below 1Ki is told in bytes.
    words.collect::<Vec<_>>().join(" ").replace("0 bytes", "0")
}

/// Returns a text with `0` for every run of digits.
fn without_numbers(text: &str) -> String {
    let mut form = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if form.ends_with('0') => {}
            true => form.push('0'),
            false => form.push(c),
        }
    }
    form
}

fn examples_run_in_order() -> Result<()> {
    let world = World::new("readme")?;
    world.cluster.wait_for_storage()?;
    world
        .cluster
        .import_image(&Image::busybox("docker.io/library/busybox:1.36")?)?;
    let namespace = world.namespace.name().to_owned();
    let mut shell = Shell::open(&world, str::to_owned)?;
    // The one object of the examples that has no namespace.
    let template = ["delete", "sessiontemplates", "notes", "--ignore-not-found"];
    let no_template = || world.cluster.kubectl_ok(&template, None).map(drop);
    let _ = no_template();
    let done = examples(&namespace).iter().try_for_each(|example| {
        if let Some(script) = before(&example.command, &namespace) {
            run(&mut shell.command(&script))?.exits(0)?;
        }
        shell.run(example)
    });
    let demo = format!("{namespace}-demo");
    let delete = [
        "delete",
        "namespace",
        &demo,
        "--ignore-not-found",
        "--wait=false",
    ];
    world.cluster.kubectl_ok(&delete, None)?;
    no_template()?;
    done
}
