//! The rules that hold for every verb, as one table: a row is a command, a column a rule. The cells are golden files,
//! `tests/golden/rules-RULE.txt`: what each command answers, or why the rule does not concern it.
//! Long because every rule for every verb stands here.

#[path = "rules/scene.rs"]
mod scene;
#[path = "rules/usage.rs"]
mod usage;

use kubectl_session_cleanup::Cleanup;
use kubectl_session_connect::Connect;
use kubectl_session_create::Create;
use kubectl_session_delete::Delete;
use kubectl_session_extend::Extend;
use kubectl_session_list::List;
use kubectl_session_logs::Logs;
use kubectl_session_quota::Quota;
use kubectl_session_resize::Resize;
use kubectl_session_schedule::Schedule;
use kubectl_session_setup::Setup;
use kubectl_session_snapshot::Snapshot;
use kubectl_session_start::Start;
use kubectl_session_status::Status;
use kubectl_session_stop::Stop;
use kubectl_session_template::Template;
use serde_json::json;
use session_shared::verb::{Verb, VerbEntry};
use session_support::session_fixture::{SESSIONS, controller_lease, pods_of_others};
use session_support::{Answer, FakeApi, Recorded, golden};

use crate::play::{Play, Played};
use scene::{claim_of_another, objects, server, session, stalled};

type Run = fn(Play<'_>, &str) -> Played;

/// A row: a command about session `alice`, and how its verb is run.
struct Row {
    command: &'static str,
    run: Run,
}

const fn row<V: Verb>(command: &'static str) -> Row {
    Row {
        command,
        run: |play, words| play.run::<V>(words),
    }
}

/// Every verb with the least that it needs to do its work.
const ROWS: &[Row] = &[
    row::<Create>("create alice --template tool"),
    row::<List>("list alice"),
    row::<Status>("status alice"),
    row::<Logs>("logs alice"),
    row::<Connect>("connect alice -- true"),
    row::<Stop>("stop alice"),
    row::<Start>("start alice"),
    row::<Extend>("extend alice --by 1h"),
    row::<Resize>("resize alice --cpu 2"),
    row::<Schedule>("schedule set alice --stop 20:00"),
    row::<Snapshot>("snapshot create alice"),
    row::<Snapshot>("snapshot list alice"),
    row::<Snapshot>("snapshot clone alice copy"),
    row::<Delete>("delete alice --delete-data -y"),
    row::<Cleanup>("cleanup --all -y"),
    row::<Quota>("quota show --by session"),
    row::<Quota>("quota usage"),
    row::<Quota>("quota set --max-sessions 9"),
    row::<Template>("template list"),
    row::<Template>("template delete tool"),
    row::<Setup>("setup"),
];

impl Row {
    fn verb(&self) -> &'static str {
        self.command.split(' ').next().unwrap()
    }

    fn words(&self) -> &'static str {
        self.command.strip_prefix(self.verb()).unwrap().trim()
    }

    /// Runs the command with more flags, which stand before what is run in a container.
    fn run(&self, api: &FakeApi, flags: &str) -> Played {
        (self.run)(Play::on(api), &self.with(flags))
    }

    fn with(&self, flags: &str) -> String {
        match self.words().split_once(" -- ") {
            Some((words, run)) => format!("{words} {flags} -- {run}"),
            None => format!("{} {flags}", self.words()),
        }
    }

    /// True for commands that act on a session that is there.
    fn takes_a_session(&self) -> bool {
        self.words().contains("alice") && self.verb() != "create"
    }
}

fn run_of(verb: &str) -> Run {
    let found = ROWS.iter().find(|row| row.verb() == verb);
    found.unwrap_or_else(|| panic!("no row for {verb}")).run
}

/// A column.
struct Rule {
    name: &'static str,
    except: &'static [Exceptions],
}

/// Commands, by their first words, and why a rule does not concern them.
type Exceptions = &'static [(&'static str, &'static str)];

impl Rule {
    /// Asks `cell` for the answer of each command that the rule concerns.
    fn holds(&self, cell: impl Fn(&Row) -> String) {
        let mut text = String::new();
        let mut used = 0;
        for row in ROWS {
            let mut except = self.except.iter().copied().flatten();
            let except = except.find(|(command, _)| {
                let rest = row.command.strip_prefix(command);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            });
            text.push_str(&format!("$ {}\n", row.command));
            match except {
                Some((_, why)) => {
                    used += 1;
                    text.push_str(&format!("# {why}\n"));
                }
                None => text.push_str(&cell(row)),
            }
        }
        assert!(
            used >= self.except.concat().len(),
            "{}: an exception for no command",
            self.name
        );
        golden(&format!("rules-{}.txt", self.name), &text);
    }
}

const READS: &str = "reads only";
const READERS: Exceptions = &[
    ("list", READS),
    ("status", READS),
    ("logs", READS),
    ("snapshot list", READS),
    ("quota show", READS),
    ("quota usage", READS),
    ("template list", READS),
];

/// The verbs that send requests: all but `version`, whose tests are in `session/version.rs`.
fn verbs_with_requests() -> impl Iterator<Item = &'static VerbEntry> {
    let verbs = kubectl_session::VERBS.iter();
    verbs.filter(|entry| entry.name != "version")
}

#[test]
fn every_verb_has_a_row() {
    for entry in verbs_with_requests() {
        assert!(
            ROWS.iter().any(|row| row.verb() == entry.name),
            "{}",
            entry.name
        );
    }
}

#[test]
fn a_client_dry_run_writes_nothing() {
    let rule = Rule {
        name: "dry-run-client",
        except: &[READERS, &[("connect", "writes only what start writes")]],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let played = row.run(&api, "--dry-run=client");
        assert_eq!(played.code, 0, "{played:?}");
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        assert!(api.executed().is_empty());
        let bare = row.run(&api, "--dry-run");
        let warning =
            "Warning: --dry-run is deprecated and can be replaced with --dry-run=client.\n";
        assert_eq!(
            (&bare.out, bare.err),
            (&played.out, format!("{warning}{}", played.err))
        );
        let wrong = row.run(&api, "--dry-run=maybe");
        let invalid =
            "error: Invalid dry-run value (maybe). Must be \"none\", \"server\", or \"client\".\n";
        assert_eq!(wrong.failed(), invalid);
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        format!("{}{}", played.out, played.err)
    });
}

#[test]
fn a_server_dry_run_keeps_everything() {
    let rule = Rule {
        name: "dry-run-server",
        except: &[READERS, &[("connect", "writes only what start writes")]],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let before = objects(&api);
        let played = row.run(&api, "--dry-run=server");
        assert_eq!(played.code, 0, "{played:?}");
        assert!(api.executed().is_empty(), "{}", row.command);
        assert_eq!(objects(&api), before, "{}", row.command);
        let sent: String = sent(&api)
            .iter()
            .map(|request| {
                let all = request.query("dryRun").as_deref() == Some("All")
                    || request.json()["dryRun"] == json!(["All"]);
                assert!(all, "{}: {}", row.command, request.line());
                format!("{} {}\n", request.method, request.path)
            })
            .collect();
        format!("{}{}{sent}", played.out, played.err)
    });
}

#[test]
fn a_cluster_without_the_api_is_told_how_to_get_it() {
    let rule = Rule {
        name: "no-api",
        except: &[&[
            ("setup", "installs it"),
            ("snapshot list", "reads another API, that of snapshots"),
        ]],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        api.unserve(SESSIONS)
            .unserve("sessiontemplates.streaming.platform");
        let played = row.run(&api, "");
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        let hint = "hint: install the API first: kubectl session setup\n";
        assert!(
            played.failed().ends_with(hint),
            "{}: {played:?}",
            row.command
        );
        played.err
    });
}

const NO_NAME: Exceptions = &[
    ("template", "knows no session"),
    ("setup", "knows no session"),
];
const NO_SESSION: Exceptions = &[
    ("create", "makes the session"),
    ("snapshot list", "lists what outlives sessions, too"),
    ("cleanup", "takes no names"),
    ("quota", "takes no names"),
];

#[test]
fn a_session_that_is_not_there_is_told() {
    let rule = Rule {
        name: "absent",
        except: &[NO_NAME, NO_SESSION],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let mut elsewhere = session(row.verb()).session();
        elsewhere["metadata"]["name"] = "nobody".into();
        elsewhere["metadata"]["namespace"] = "other".into();
        api.put(elsewhere);
        let words = row.words().replace("alice", "nobody");
        let played = (row.run)(Play::on(&api), &words);
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        played.failed().to_owned()
    });
}

#[test]
fn a_session_that_one_may_not_see_is_told_in_the_servers_words() {
    let rule = Rule {
        name: "refused",
        except: &[NO_NAME, NO_SESSION],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        for (group, plural) in [
            ("streaming.platform", "sessions"),
            ("snapshot.storage.k8s.io", "volumesnapshots"),
        ] {
            let refusal = Answer::forbidden("bob", "get", &format!("{plural}.{group}"), "default");
            let path = format!("/apis/{group}/v1/namespaces/default/{plural}");
            api.on("GET", &format!("{path}/alice"), refusal.clone());
            api.on("GET", &path, refusal);
        }
        let played = row.run(&api, "");
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        played.failed().to_owned()
    });
}

#[test]
fn a_session_that_is_being_deleted_is_left_alone() {
    let rule = Rule {
        name: "deleting",
        except: &[
            READERS,
            NO_NAME,
            &[
                ("create", "makes the session"),
                ("delete", "finishes the deletion"),
                ("quota set", "limits the namespace"),
            ],
        ],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let going =
            json!({"metadata": {"deletionTimestamp": crate::play::NOW, "finalizers": ["x/y"]}});
        session(row.verb()).session_fields(going).put(&api);
        let played = row.run(&api, "");
        assert_eq!(written(&api), [""; 0], "{}", row.command);
        assert!(api.executed().is_empty());
        assert_eq!(played.code, u8::from(row.takes_a_session()), "{played:?}");
        format!("{}{}", played.out, played.err)
    });
}

#[test]
fn objects_of_others_with_the_sessions_labels_are_left_alone() {
    let rule = Rule {
        name: "others",
        except: &[],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let others: Vec<_> = pods_of_others("alice")
            .into_iter()
            .chain([claim_of_another()])
            .map(|other| api.put(other))
            .collect();
        api.forget_requests();
        let played = row.run(&api, "");
        assert_eq!(played.code, 0, "{}: {played:?}", row.command);
        let left = objects(&api);
        for other in others {
            assert!(left.contains(&other), "{}: {other}", row.command);
        }
        let entered =
            |line: &String| line.contains("/exec") && !line.contains("/pods/tool-alice/exec");
        assert!(!api.lines().iter().any(entered), "{:?}", api.lines());
        played.err
    });
}

#[test]
fn a_controller_that_is_alive_does_the_work() {
    let rule = Rule {
        name: "controller",
        except: &[
            READERS,
            &[
                ("connect", "starts as start does, only a stopped session"),
                ("resize", "sizes of running Pods are the client's"),
                ("schedule", "CronJobs are the client's"),
                ("snapshot", "snapshots are the client's"),
                ("template", "templates are the client's"),
                ("setup", "installs what the controller needs"),
            ],
        ],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        api.put(controller_lease());
        api.react(SESSIONS, scene::controlled);
        let played = row.run(&api, "");
        assert_eq!(played.code, 0, "{}: {played:?}", row.command);
        assert!(api.executed().is_empty(), "{}", row.command);
        format!("{}{}{}\n", played.out, played.err, written(&api).join("\n"))
    });
}

const WAITS: Exceptions = &[
    ("extend", "does not wait"),
    ("schedule", "does not wait"),
    ("cleanup", "waits as long as its rounds take"),
    ("template", "does not wait"),
];

#[test]
fn a_wait_that_takes_too_long_is_told_in_kubectls_words() {
    let rule = Rule {
        name: "timeout",
        except: &[READERS, WAITS],
    };
    rule.holds(|row| {
        let api = stalled(row.verb());
        let played = row.run(&api, "--timeout=50ms");
        assert_eq!(played.code, 1, "{}: {played:?}", row.command);
        format!("{}{}{}\n", played.out, played.err, written(&api).join("\n"))
    });
}

#[test]
fn ctrl_c_in_the_wait_tells_how_to_go_on() {
    let rule = Rule {
        name: "interrupted",
        except: &[READERS, WAITS],
    };
    rule.holds(|row| {
        let api = stalled(row.verb());
        let interrupt = session_shared::client::interrupt::Interrupt::default();
        let play = Play::on(&api).stopped_by(&interrupt);
        let played = std::thread::scope(|scope| {
            scope.spawn(|| {
                let begun = std::time::Instant::now();
                let waits = || api.lines().iter().any(|line| line.contains("watch="));
                while !waits() && begun.elapsed().as_secs() < 10 {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                // In any case, or a call that waits for something else would never end.
                interrupt.trigger();
                assert!(waits(), "{} does not wait", row.command);
            });
            (row.run)(play, row.words())
        });
        assert_eq!(played.code, 130, "{}: {played:?}", row.command);
        format!("{}{}{}\n", played.out, played.err, written(&api).join("\n"))
    });
}

const ONE: &str = "takes one name";

#[test]
fn one_that_fails_stops_no_other_and_nothing_found_is_no_error() {
    let rule = Rule {
        name: "several",
        except: &[
            NO_NAME,
            &[
                ("create", ONE),
                ("status", ONE),
                ("logs", ONE),
                ("connect", ONE),
                ("snapshot list", ONE),
                ("schedule", ONE),
                ("snapshot clone", ONE),
                ("cleanup", "takes no names"),
                ("quota", "takes no names"),
            ],
        ],
    };
    rule.holds(|row| {
        let api = server(row.verb());
        let words = row.words().replace("alice", "nobody alice");
        let one = (row.run)(Play::on(&api), &words);
        assert_eq!(one.code, 1, "{}: {one:?}", row.command);
        let empty = FakeApi::stateful();
        let none = (row.run)(Play::on(&empty), &row.words().replace("alice", "-l a=b"));
        assert_eq!((none.code, none.out.as_str()), (0, ""), "{none:?}");
        format!("{}{}{}", one.out, one.err, none.err)
    });
}

/// Requests that change something or would without a dry run, but for questions about the caller.
fn sent(api: &FakeApi) -> Vec<Recorded> {
    let all = api.requests().into_iter();
    all.filter(|request| request.method != "GET" && !request.path.ends_with("reviews"))
        .collect()
}

fn written(api: &FakeApi) -> Vec<String> {
    let writes = api.writes().into_iter();
    let writes = writes.filter(|request| !request.path.ends_with("reviews"));
    writes
        .map(|write| format!("{} {}", write.method, write.path))
        .collect()
}
