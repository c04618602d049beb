//! One namespace, and the suite run in it: undisturbed, or with one thing that goes wrong.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use session_support::{At, Real};

use crate::state::State;

const API: &str = "streaming.platform/v1";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// So long controllers may take until what was begun is done.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a run of the suite ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; 137 for SIGKILL.
    pub(crate) code: i32,
    /// Standard output, then standard error.
    pub(crate) said: String,
    /// Every request, `METHOD /path?query`.
    pub(crate) requests: Vec<String>,
    /// Whether the fault happened: so many requests were made.
    pub(crate) disturbed: bool,
}

/// A namespace, deleted when this is dropped.
pub(crate) struct Place {
    pub(crate) real: Real,
    pub(crate) name: String,
    /// A file with a template of the namespace's name.
    pub(crate) file: tempfile::NamedTempFile,
    kubeconfig: PathBuf,
    /// What the suite remembers: not among what it remembers of the user's own sessions.
    remembered: tempfile::TempDir,
    /// What every namespace has from the beginning.
    given: State,
}

impl Place {
    /// A new one.
    pub(crate) fn new(real: &Real, kubeconfig: &Path) -> Result<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("faults-{:x}-{number}", std::process::id());
        let object =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let (code, said) = real.ask(
            Method::POST,
            "/api/v1/namespaces",
            "application/json",
            &object,
        );
        ensure!(code == 201, "no namespace: {said}");
        let template = format!(
            "apiVersion: {API}\nkind: SessionTemplate\nmetadata: {{name: {name}}}\nspec:\n  manifest: |\n    \
             apiVersion: v1\n    kind: Pod\n    metadata: {{name: \"x-${{SESSION_ID}}\"}}\n    \
             spec: {{containers: [{{name: main, image: x}}]}}\n"
        );
        let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        std::fs::write(file.path(), template)?;
        let mut place = Self {
            real: real.clone(),
            name,
            file,
            kubeconfig: kubeconfig.to_owned(),
            remembered: tempfile::tempdir()?,
            given: State::default(),
        };
        // Pods made before its ServiceAccount are refused.
        place.until("a ServiceAccount and the CA's ConfigMap", |state| {
            state.objects.len() >= 2
        })?;
        place.given = State::read(&place.real, &place.name);
        Ok(place)
    }

    /// What is there that was not there from the beginning.
    pub(crate) fn state(&self) -> State {
        let mut state = State::read(&self.real, &self.name);
        state
            .objects
            .retain(|key, _| !self.given.objects.contains_key(key));
        state
    }

    /// Reads until `wanted` is true, and returns what is there then; controllers need a moment.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&State) -> bool) -> Result<State> {
        let state = self.settled(wanted);
        state.map_err(|state| anyhow!("{what}: still not there:\n{}", state.text()))
    }

    /// The same; in vain, it returns what is there in the end.
    pub(crate) fn settled(&self, wanted: impl Fn(&State) -> bool) -> Result<State, State> {
        let until = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(25);
        loop {
            let state = self.state();
            if wanted(&state) {
                return Ok(state);
            }
            if Instant::now() > until {
                return Err(state);
            }
            std::thread::sleep(pause);
            // What takes long is not to be kept from it by those who look.
            pause = (pause * 2).min(Duration::from_millis(400));
        }
    }

    /// Runs the suite in this namespace, and lets one thing go wrong.
    pub(crate) fn disturbed(&self, args: &[&str], at: Option<At>) -> Result<Run> {
        let proxy = self.real.faulty(at, &self.name);
        let child = self.spawn(args, proxy.kubeconfig())?;
        proxy.client_is(child.id());
        let (code, said) = ended(child)?;
        proxy.settle();
        Ok(Run {
            code,
            said,
            requests: proxy.requests(),
            disturbed: proxy.happened(),
        })
    }

    /// Runs the suite in this namespace, straight to the server.
    pub(crate) fn run(&self, args: &[&str]) -> Result<Run> {
        let (code, said) = ended(self.spawn(args, &self.kubeconfig)?)?;
        Ok(Run {
            code,
            said,
            requests: Vec::new(),
            disturbed: false,
        })
    }

    /// The same; it must succeed.
    pub(crate) fn succeeds(&self, args: &[&str]) -> Result<()> {
        let run = self.run(args)?;
        ensure!(
            run.code == 0,
            "{args:?} ends with {}: {}",
            run.code,
            run.said
        );
        Ok(())
    }

    /// Takes the Session away and nothing that it owns.
    pub(crate) fn orphan(&self) -> Result<()> {
        let options = json!({ "propagationPolicy": "Orphan" });
        let path = format!("/apis/{API}/namespaces/{}/sessions/s", self.name);
        let (code, said) = self
            .real
            .ask(Method::DELETE, &path, "application/json", &options);
        ensure!(code == 200, "{said}");
        self.settled(|state| state.get("Session/s").is_none())
            .map(drop)
            .map_err(|_| anyhow!("the Session stays"))
    }

    /// The session's time has been over for long.
    pub(crate) fn expire(&self) -> Result<()> {
        let patch = json!({ "status": { "expiresAt": "2020-01-01T00:00:00Z" } });
        let path = format!("/apis/{API}/namespaces/{}/sessions/s/status", self.name);
        let (code, said) =
            self.real
                .ask(Method::PATCH, &path, "application/merge-patch+json", &patch);
        ensure!(code == 200, "{said}");
        Ok(())
    }

    fn spawn(&self, args: &[&str], kubeconfig: &Path) -> Result<Child> {
        Command::new(program())
            .args(["--namespace", &self.name])
            .args(args)
            .env("KUBECONFIG", kubeconfig)
            .env("XDG_STATE_HOME", self.remembered.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{args:?} does not start"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::env::var_os("SESSION_CLUSTER_KEEP").is_some() {
            return;
        }
        let template = format!("/apis/{API}/sessiontemplates/{}", self.name);
        for path in [format!("/api/v1/namespaces/{}", self.name), template] {
            let _ = self
                .real
                .ask(Method::DELETE, &path, "application/json", &Value::Null);
        }
    }
}

/// What is tested: `SESSION_BINARY`, a release build say, or else what cargo has built for this test.
pub(crate) fn program() -> PathBuf {
    let given = std::env::var_os("SESSION_BINARY").map(PathBuf::from);
    given.unwrap_or_else(|| env!("CARGO_BIN_EXE_kubectl-session").into())
}

/// Waits for the end of a child. What it says is little: a pipe holds all of it.
fn ended(mut child: Child) -> Result<(i32, String)> {
    use std::os::unix::process::ExitStatusExt;
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("a child without streams");
    };
    let mut said = String::new();
    out.read_to_string(&mut said)?;
    err.read_to_string(&mut said)?;
    let status = child.wait()?;
    let signal = status.signal().map(|signal| 128 + signal);
    Ok((status.code().or(signal).unwrap_or(-1), said))
}
