//! Ctrl-C and its relatives, typed into a terminal while `create` waits.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use session_support::FakeApi;

use crate::layout::Layout;
use crate::program::server;

/// What the user's shell does: keeps the terminal's settings, runs the command in the foreground, and looks at them again.
const SHELL: &str = r#"
stty -a >before
trap : INT
sh -c 'echo $$ >pid; exec "$KUBECTL" session create bob --template tool'
echo $? >code
stty -a >after
"#;

/// A terminal with a shell in it, in a folder of its own.
struct Terminal {
    folder: tempfile::TempDir,
    script: Child,
    seen: Vec<u8>,
}

impl Terminal {
    fn open(layout: &Layout, kubectl: &Path, config: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shell"), SHELL).unwrap();
        let path = format!("{}:/usr/bin:/bin", layout.path.display());
        // script makes the terminal; a test that hangs is ended from outside.
        let mut script = Command::new("timeout");
        script.args([
            "60",
            "script",
            "--quiet",
            "--command",
            "sh ./shell",
            "/dev/null",
        ]);
        script
            .env_clear()
            .env("PATH", path)
            .env("HOME", folder.path())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1");
        script
            .env("KUBECONFIG", config)
            .env("KUBECTL", kubectl)
            .current_dir(folder.path());
        script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        Self {
            script: script.spawn().unwrap(),
            folder,
            seen: Vec::new(),
        }
    }

    /// Reads what is shown until it holds `words`.
    fn shows(&mut self, words: &str) {
        let stream = self.script.stdout.as_mut().unwrap();
        let mut bytes = [0; 4096];
        while !String::from_utf8_lossy(&self.seen).contains(words) {
            let count = stream.read(&mut bytes).unwrap();
            assert_ne!(
                count,
                0,
                "{:?} has no {words:?}",
                String::from_utf8_lossy(&self.seen)
            );
            self.seen.extend_from_slice(&bytes[..count]);
        }
    }

    fn types(&mut self, bytes: &[u8]) {
        let stream = self.script.stdin.as_mut().unwrap();
        stream.write_all(bytes).unwrap();
        stream.flush().unwrap();
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn signals(&self, name: &str) {
        let pid = self.file("pid");
        let status = Command::new("kill")
            .args([&format!("-{name}"), pid.trim()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits until the shell has ended; gives everything that was shown.
    fn ends(&mut self) -> String {
        self.script
            .stdout
            .as_mut()
            .unwrap()
            .read_to_end(&mut self.seen)
            .unwrap();
        drop(self.script.stdin.take());
        self.script.wait().unwrap();
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

/// Nothing is left that does not go with the session, and the session has a time to live.
fn all_is_owned(api: &FakeApi) {
    let session = api
        .object("sessions.streaming.platform", "default", "bob")
        .unwrap();
    let pod = api.object("pods", "default", "tool-bob").unwrap();
    assert_eq!(
        pod["metadata"]["ownerReferences"][0]["uid"],
        session["metadata"]["uid"]
    );
    let posted = api.writes();
    let posts = posted
        .iter()
        .filter(|request| request.method == "POST" && !request.path.ends_with("/events"));
    assert_eq!(posts.count(), 2, "{:?}", api.lines());
}

fn interrupted_by(code: u8, act: impl Fn(&mut Terminal)) {
    let layout = Layout::krews();
    let kubectl = session_cluster::kubectl_program().unwrap();
    let api = server();
    let listening = api.listen();
    let mut terminal = Terminal::open(&layout, &kubectl, listening.kubeconfig());
    terminal.shows("scheduling pod/tool-bob");
    act(&mut terminal);
    let shown = terminal.ends();
    assert_eq!(terminal.file("code"), format!("{code}\n"), "{shown:?}");
    assert_eq!(terminal.file("after"), terminal.file("before"));
    assert!(
        shown.contains("interrupted\r\nhint: session \"bob\" continues to start"),
        "{shown:?}"
    );
    let (hidden, back) = (shown.rfind("\x1b[?25l"), shown.rfind("\x1b[?25h"));
    assert!(hidden <= back, "the cursor is hidden: {shown:?}");
    all_is_owned(&api);
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was_and_nothing_without_owner() {
    interrupted_by(130, |terminal| terminal.types(b"\x03"));
}

#[test]
fn so_do_sigterm_and_sighup() {
    interrupted_by(143, |terminal| terminal.signals("TERM"));
    interrupted_by(129, |terminal| terminal.signals("HUP"));
}
