//! Command lines that cannot be meant: each is answered as kubectl does, without a request.
//!
//! Long because it is the table of them.

use session_support::{FakeApi, golden};

use super::run_of;
use crate::play::Play;

/// Verb, golden file and command lines. `illegal`: the verb's own checks; `usage`: those of the flags.
const USAGE: &[(&str, &str, &[&str])] = &[
    (
        "create",
        "create-usage.txt",
        &[
            "alice --bogus",
            "alice -Z",
            "alice --template",
            "alice -f",
            "alice --template tool --timeout soon",
            "alice --template tool --wait=perhaps",
            "alice bob --template tool",
            "alice",
            "alice --template a -f b",
            "alice --template a --primary Pod/x",
            "alice --template a --rendered",
        ],
    ),
    (
        "list",
        "list-illegal.txt",
        &[
            "alice -A",
            "alice -l a=b",
            "alice --field-selector a=b",
            "--phase broken",
            "Alice",
            "--user-id=",
            "-o bogus",
            "-o jsonpath",
            "-o jsonpath={.x",
            "-o custom-columns=x",
        ],
    ),
    (
        "list",
        "list-usage.txt",
        &[
            "--bogus",
            "-Z",
            "--sort-by",
            "-n",
            "--show-labels=x",
            "-L",
            "--chunk-size=x",
        ],
    ),
    (
        "status",
        "status-illegal.txt",
        &[
            "Alice",
            "alice --wait-for up",
            "alice -w --timeout 1s",
            "alice -w --wait-for ready",
            "alice -o wide",
            "alice -o jsonpath={.x",
        ],
    ),
    (
        "status",
        "status-usage.txt",
        &["", "a b", "a --bogus", "a --timeout=x", "a --wait-for"],
    ),
    (
        "logs",
        "logs-illegal.txt",
        &[
            "pr -c main --all-containers",
            "pr --since=1m --since-time=2026-03-01T12:00:00Z",
            "pr --since=-1m",
            "pr --since-time=yesterday",
            "pr --tail=-2",
            "pr --limit-bytes=-1",
            "pr a/b/c",
            "PR",
            "pod/pr",
        ],
    ),
    (
        "logs",
        "logs-usage.txt",
        &[
            "",
            "pr --bogus",
            "pr -Z",
            "pr -c",
            "pr --tail=x",
            "pr --tail=99999999999999999999",
            "pr --limit-bytes=1k",
            "pr --follow=x",
            "pr --since=soon",
            "pr -v=x",
            "pr a b",
        ],
    ),
    (
        "connect",
        "connect-illegal.txt",
        &[
            "Alice",
            "pod/alice",
            "alice --open --print",
            "alice --ssh --ssh-config",
            "alice -o json",
            "alice --print -o yaml",
            "alice --stdio 0",
            "alice --stdio 70000",
            "alice --stdio no_such_port",
            "alice --stdio 22 --method shell",
            "alice --open -- true",
            "alice --ssh -t",
        ],
    ),
    (
        "stop",
        "stop-illegal.txt",
        &[
            "",
            "alice -l a=b",
            "alice --all",
            "pod/alice",
            "Alice",
            "alice --dry-run=maybe",
            "alice -o wide",
        ],
    ),
    (
        "stop",
        "stop-usage.txt",
        &[
            "alice --bogus",
            "alice -l",
            "alice --timeout=x",
            "alice --skip-sync=x",
        ],
    ),
    (
        "start",
        "start-illegal.txt",
        &[
            "",
            "alice -l a=b",
            "alice --all",
            "pod/alice",
            "Alice",
            "alice --set IMAGE",
            "alice --set-file PASSWORD=/no/such/file",
            "alice --expires-in -1",
            "alice --expires-in soon",
            "alice --expires-in 9223372036854775807",
            "alice --expires-in 99999999999999999999s",
            "--all --trust-manifest",
            "alice --dry-run=maybe",
            "alice -o wide",
        ],
    ),
    (
        "start",
        "start-usage.txt",
        &[
            "alice --bogus",
            "alice -l",
            "alice --timeout=x",
            "alice --skip-sync",
        ],
    ),
    (
        "extend",
        "extend-illegal.txt",
        &[
            "--by 1h",
            "alice",
            "alice --by 0",
            "alice --by never",
            "alice --by -1h",
            "alice --by 99999999999999999999s",
            "alice --by 9223372036854775807",
            "alice --by 106751991167301d",
            "alice --by 1h-",
            "alice --by=",
            "alice --by soon",
            "alice --until tomorrow",
            "alice --until 2026-03-01T11:00:00Z",
            "alice --until 99999-01-01T00:00:00Z",
            "alice --by 1h --no-expiry",
            "Alice --by 1h",
        ],
    ),
    (
        "extend",
        "extend-usage.txt",
        &["alice --bogus", "alice --by", "alice --no-expiry=x"],
    ),
    (
        "resize",
        "resize-illegal.txt",
        &[
            "alice",
            "alice --cpu 0",
            "alice --cpu -1",
            "alice --memory 2GB",
            "alice --memory -1Gi",
            "alice --storage 0",
            "alice --storage -1Gi",
            "alice --storage full",
            "alice --memory much",
            "pod/alice --cpu 1",
            "Alice --cpu 1",
            "alice --cpu 1 --dry-run=maybe",
        ],
    ),
    (
        "resize",
        "resize-usage.txt",
        &[
            "--cpu 1",
            "alice bob --cpu 1",
            "alice --bogus",
            "alice --cpu",
            "alice --cpu 1 --skip-sync",
        ],
    ),
    (
        "delete",
        "delete-illegal.txt",
        &[
            "",
            "alice -l a=b",
            "alice --all",
            "--all -l a=b",
            "pod/alice",
            "Alice",
            "alice --dry-run=maybe",
            "alice -o json",
            "alice --keep-data --delete-data",
            "alice --snapshot-data --class Bad",
        ],
    ),
    (
        "delete",
        "delete-usage.txt",
        &[
            "alice --bogus",
            "alice -Z",
            "alice -l",
            "alice --timeout=x",
            "alice --wait=x",
            "alice --skip-sync=x",
        ],
    ),
    (
        "cleanup",
        "cleanup-illegal.txt",
        &[
            "",
            "--expired --max 0",
            "--expired --interval 0 -y",
            "--expired --interval 5m",
            "--expired --dry-run=maybe",
            "--kept-older-than 0",
            "--kept-older-than soon",
            "--snapshots-older-than never",
            "--snapshots-older-than -1d",
            "alice",
            "--expired -i -y",
            "--expired --interval 5m -i",
            "--snapshots-older-than 99999999999999999999s",
            "--kept-older-than 9223372036854775807d",
            "--kept-older-than=",
            "--interval 5m --snapshot-contents",
        ],
    ),
    (
        "cleanup",
        "cleanup-usage.txt",
        &[
            "--bogus",
            "--expired --interval soon",
            "--expired --interval -5m",
            "--expired --interval 99999999999999999999s",
            "--expired --max 99999999999999999999",
            "--expired --max some",
            "--expired --max -1",
        ],
    ),
    (
        "template",
        "template-usage.txt",
        &[
            "list -o bogus",
            "list --builtin -l a=b",
            "show Lab",
            "show pod/x",
            "show x -o wide",
            "params",
            "params x -f y",
            "params -f y --builtin",
            "render",
            "render x --name A",
            "render x --set A",
            "render x --set a-b=c",
            "render -f - --env-file -",
            "render x --builtin --primary Pod/x",
            "apply -f nowhere.yaml",
            "apply -f - --dry-run=maybe",
            "delete x -o json",
            "lint -f - -f -",
            "lint -f - -o name",
            "lint -f nowhere.yaml",
        ],
    ),
    (
        "setup",
        "setup-illegal.txt",
        &[
            "crd",
            "--force",
            "--dry-run=maybe",
            "-o wide",
            "crds roles x",
        ],
    ),
    (
        "setup",
        "setup-usage.txt",
        &[
            "--bogus",
            "-Z",
            "--timeout",
            "--timeout=x",
            "--remove=x",
            "-n",
        ],
    ),
];

/// Words of clap's that kubectl does not say.
const CLAP: [&str; 5] = ["Usage:", "For more information", "tip:", "[possible", "'--"];

#[test]
fn what_cannot_be_meant_is_told_before_any_request() {
    for (verb, file, lines) in USAGE {
        let mut text = String::new();
        for words in *lines {
            let api = FakeApi::stateful();
            let played = run_of(verb)(Play::on(&api), words);
            text.push_str(&format!("$ {verb} {words}\n{}", played.failed()));
            for clap in CLAP {
                assert!(!played.err.contains(clap), "{verb} {words}: {played:?}");
            }
            assert!(api.requests().is_empty(), "{verb} {words}");
        }
        golden(file, &text);
    }
}

#[test]
fn every_verb_is_in_the_table() {
    for entry in kubectl_session::VERBS {
        let listed = USAGE.iter().any(|(verb, ..)| *verb == entry.name);
        assert!(listed || entry.name == "snapshot", "{}", entry.name);
    }
}
