//! A thousand command lines that nobody would type.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use session_support::run_binary;

use crate::program::program;

const LINES: u64 = 1000;
const THREADS: u64 = 4;

/// Words that mean something, and words that do not. No server answers behind any of them.
const WORDS: [&str; 62] = [
    "create",
    "list",
    "delete",
    "template",
    "setup",
    "help",
    "options",
    "show",
    "render",
    "lint",
    "apply",
    "params",
    "alice",
    "",
    "-",
    "--",
    "---",
    "-n",
    "-n=",
    "--namespace",
    "x",
    "-A",
    "-o",
    "json",
    "yaml",
    "wide",
    "name",
    "jsonpath={.x",
    "jsonpath={range .items[*]}{end}",
    "custom-columns=A:.b",
    "-w",
    "-l",
    "a=b",
    "--dry-run",
    "--dry-run=client",
    "--dry-run=server",
    "--wait=false",
    "--timeout=1ms",
    "--timeout",
    "-1",
    "--template",
    "--set",
    "A=b",
    "--set-file",
    "A=/nowhere",
    "-f",
    "/nowhere",
    "--gpu",
    "0.25",
    "--cpu=2",
    "--expires-in",
    "99999999999999999999",
    "--user-id",
    "\u{202e}ä",
    "--rendered",
    "-y",
    "-i",
    "-q",
    "--all",
    "--remove",
    "--bogus",
    "-Zq",
];

/// Multiply and shift: good enough for a dice, and the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn word(&mut self) -> OsString {
        match self.below(20) {
            0 => OsStr::from_bytes(b"\xff\x00\xfe".split(|byte| *byte == 0).next().unwrap())
                .to_owned(),
            1 => "x".repeat(self.below(5000)).into(),
            2 => {
                let length = self.below(6);
                let letters = (0..length).map(|_| char::from(32 + self.below(95) as u8));
                letters.collect::<String>().into()
            }
            _ => WORDS[self.below(WORDS.len())].into(),
        }
    }

    fn line(&mut self) -> Vec<OsString> {
        let count = self.below(9);
        (0..count).map(|_| self.word()).collect()
    }
}

#[test]
fn no_command_line_makes_it_panic() {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for line in (thread..LINES).step_by(THREADS as usize) {
                    check(line);
                }
            });
        }
    });
}

fn check(seed: u64) {
    let args = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1).line();
    // Nobody listens on port 1.
    let config = "/dev/null";
    let environment = [("KUBECONFIG", config), ("PATH", "/nowhere")];
    let mut all: Vec<OsString> = vec!["--server=http://127.0.0.1:1".into()];
    if seed.is_multiple_of(4) {
        all.clear();
    }
    all.extend(args);
    let output = run_binary(program(), &all, &environment, "");
    assert!(
        [0, 1, 141].contains(&output.code),
        "{seed}: {all:?}: {output:?}"
    );
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(!text.contains("panicked"), "{seed}: {all:?}: {output:?}");
    assert!(
        !text.contains("For more information, try"),
        "{seed}: {all:?}: {output:?}"
    );
}
