//! The scenarios. Long because each of them is here, as data.

use crate::scenario::Figure::{
    AtMost, Beyond, Medians, OurPart, Ours, Quotient, Rival, RivalPart, Rounds,
};
use crate::scenario::Measure::{AfterInput, AfterOutput, Memory};
use crate::scenario::{
    Code, Count, Figure, SET_UP, STAGE, Scenario, SetUp, Setting, Stage, Who, count, race,
};
use crate::{
    create, diagnosis, forward, hostile_text, render, requests, roster, sessions, size, snapshot,
};

const fn value(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        default: Some(default),
        help,
    }
}

const fn switch(name: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        default: None,
        help,
    }
}

/// The flag of every scenario.
pub(crate) const NO_BUILD: Setting = switch(
    "no-build",
    "Measure the release programs that are there, stale or not",
);

const SCENARIO: Scenario = Scenario {
    name: "",
    about: "",
    settings: &[],
    stages: &[],
    alone: None,
};

const fn by(more: Code) -> Stage {
    Stage {
        more: Some(more),
        ..STAGE
    }
}

const ADMIN: SetUp = SetUp {
    who: Who::Admin,
    ..SET_UP
};
const FULL: SetUp = SetUp {
    fill: true,
    ..ADMIN
};
const SHELL: SetUp = SetUp {
    commands: &["session create one --template shell"],
    ..SET_UP
};

/// Of the medians: a fifteenth.
const START: Figure = Medians(1.0 / 15.0);
/// Of the medians of rounds: 1.0, and a tenth for noise.
const AS_FAST: Figure = Rounds(1.1);
/// Milliseconds between an end and the program's, beyond what kubectl takes.
const END: Figure = Beyond(20.0);

const PODS: &str = "Of them, how many have a Pod";

/// All scenarios.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "start",
        about: "Time to start: `--help` of the suite against `--help` of kubectl",
        settings: &[value("n", "300", "Rounds")],
        stages: &[Stage {
            races: &[
                race(
                    &["session --help"],
                    &["kubectl --help"],
                    &[
                        ("kubectl --help (the cluster's)", Rival),
                        ("kubectl-session / kubectl (the cluster's)", START),
                    ],
                ),
                race(
                    &["session --help"],
                    &["/usr/bin/kubectl --help"],
                    &[
                        ("kubectl --help (installed)", Rival),
                        ("kubectl-session / kubectl (installed)", START),
                    ],
                ),
            ],
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "list",
        about: "Time and memory of `list`, of nothing and of thousands, against `kubectl get`",
        settings: &[
            value("n", "300", "Rounds in the empty namespace"),
            value("full-n", "30", "Rounds in the full namespace"),
            value("sessions", "5000", "Sessions in the full namespace"),
            value("pods", "500", PODS),
        ],
        stages: &[
            Stage {
                set_up: ADMIN,
                races: &[race(
                    &["session list"],
                    &["kubectl get pods"],
                    &[
                        ("kubectl get pods, none there", Rival),
                        ("list, none there", Medians(0.1)),
                    ],
                )],
                ..STAGE
            },
            Stage {
                set_up: FULL,
                races: &[
                    race(
                        &["session list"],
                        &["kubectl get sessions"],
                        &[
                            ("kubectl get sessions, {sessions}", Rival),
                            ("list, {sessions} and {pods} Pods", Medians(1.0)),
                        ],
                    )
                    .rounds("full-n"),
                    // It hardly differs from run to run.
                    race(
                        &["session list"],
                        &["kubectl get sessions"],
                        &[
                            ("peak memory, kubectl get sessions, {sessions}", Rival),
                            (
                                "peak memory, list, {sessions} and {pods} Pods",
                                AtMost(100.0),
                            ),
                        ],
                    )
                    .rounds("5")
                    .measured(Memory),
                ],
                ..STAGE
            },
        ],
        ..SCENARIO
    },
    Scenario {
        name: "create",
        about: "Requests of a create by template, and its time beyond them",
        settings: &[
            value("n", "300", "Rounds"),
            switch("no-requests", "Only the time"),
            value("template", "shell", "Template of the timed creates"),
        ],
        stages: &[by(create::measure)],
        ..SCENARIO
    },
    Scenario {
        name: "roster",
        about: "Rate of `create --roster` beside the same requests from a sender, and resumption after kills",
        settings: &[
            // The rate of the server alone differs by a tenth from one round to the next.
            value("n", "6", "Rounds"),
            value("sessions", "500", "Sessions of the roster"),
            value("parallel", "16", "Sessions at the same time, of both sides"),
        ],
        stages: &[Stage {
            set_up: roster::SET_UP,
            ..by(roster::measure)
        }],
        ..SCENARIO
    },
    Scenario {
        name: "status",
        about: "Time and requests of `status` of a running shell against `kubectl describe pod`",
        settings: &[value("n", "300", "Rounds")],
        stages: &[Stage {
            set_up: SHELL,
            races: &[race(
                &["session status one"],
                &["kubectl describe pod shell-one"],
                &[
                    ("kubectl describe pod", Rival),
                    ("status", Medians(1.0 / 3.0)),
                ],
            )],
            counts: &[
                Count {
                    command: "kubectl describe pod shell-one",
                    at_most: None,
                },
                // Session, Pods, claims, snapshots, Secret; then template, schedule, events of the session and of the Pod, use
                // of the node.
                count("session status one", 10),
            ],
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "diagnosis",
        about: "Time from the first evidence of a cause to the words of `create` on a terminal",
        settings: &[value("n", "10", "Rounds")],
        stages: &[by(diagnosis::measure)],
        ..SCENARIO
    },
    Scenario {
        name: "connect",
        about: "Commands in a shell, run by `connect` and by `kubectl exec`; requests of verbs that look into a session",
        settings: &[value("n", "100", "Rounds")],
        stages: &[Stage {
            set_up: SHELL,
            races: &[
                race(
                    &["session connect one -c shell -- true"],
                    &["kubectl exec -i shell-one -- true"],
                    &[
                        ("kubectl exec -i -- true", Rival),
                        ("connect -- true", AS_FAST),
                    ],
                ),
                race(
                    &["session connect one -c shell -- echo last"],
                    &["kubectl exec -i shell-one -- echo last"],
                    &[
                        ("kubectl exec: last byte to end", Rival),
                        ("connect: last byte to end", Ours),
                        ("  beyond kubectl's", END),
                    ],
                )
                .measured(AfterOutput),
                race(
                    &["session connect one -c shell -- cat"],
                    &["kubectl exec -i shell-one -- cat"],
                    &[
                        ("kubectl exec -i: end of input to end", Rival),
                        ("connect: end of input to end", Ours),
                        ("  beyond kubectl's", END),
                    ],
                )
                .measured(AfterInput),
            ],
            counts: &[
                // The session and its Pods; then the upgrade.
                count("session connect one -- true", 3),
                count("session connect one --print -o json", 2),
                count("session logs one", 3),
                count("session list", 2),
                count("session list -o json", 2),
                count("session status one", 10),
            ],
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "forward",
        about: "`connect --port-forward` against `kubectl port-forward`, and how soon it is back after faults",
        settings: &[
            value("n", "200", "Rounds of connections"),
            value("streams", "5", "Rounds of 256 MiB each way"),
            value(
                "faults",
                "3",
                "Times that the Pod is replaced, and times that the API server dies",
            ),
            switch(
                "no-restart",
                "Let the API server live: nobody else can use the cluster while it does not",
            ),
        ],
        stages: &[Stage {
            set_up: forward::SET_UP,
            more: Some(forward::measure),
            ..STAGE
        }],
        alone: Some(forward::restart),
    },
    Scenario {
        name: "restart",
        about: "`stop` and `start` against `kubectl delete`, `apply` and `wait` of the same Pod",
        settings: &[value("n", "20", "Rounds")],
        stages: &[Stage {
            set_up: SetUp {
                files: &[
                    r#"{apiVersion: v1, kind: Pod, metadata: {name: "${SESSION_ID}"}, spec: {containers: [{name: main, image: "localhost/pause:1", imagePullPolicy: Never}]}}"#,
                    r#"{apiVersion: v1, kind: Pod, metadata: {name: theirs}, spec: {containers: [{name: main, image: "localhost/pause:1", imagePullPolicy: Never}]}}"#,
                ],
                commands: &[
                    "session create ours -f FILE",
                    "kubectl apply -f OTHER_FILE",
                    "kubectl wait --for=condition=Ready --timeout=60s pod/theirs",
                ],
                ..SET_UP
            },
            races: &[race(
                &["session stop ours -y", "session start ours"],
                &[
                    "kubectl delete pod theirs",
                    "kubectl apply -f OTHER_FILE",
                    "kubectl wait --for=condition=Ready --timeout=60s pod/theirs",
                ],
                &[
                    ("kubectl delete pod", RivalPart(0)),
                    ("stop", OurPart(0)),
                    ("kubectl apply", RivalPart(1)),
                    ("kubectl wait until Ready", RivalPart(2)),
                    ("start", OurPart(1)),
                    ("kubectl delete, apply, wait", Rival),
                    ("stop + start", AS_FAST),
                ],
            )],
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "snapshot",
        about: "`snapshot create` of a full claim against a bare VolumeSnapshot of it: the driver alone",
        settings: &[
            value("n", "10", "Rounds"),
            value("size", "1024", "MiB in the claim"),
        ],
        stages: &[Stage {
            set_up: snapshot::SET_UP,
            more: Some(snapshot::measure),
            clean_up: &["session delete one --delete-data -y"],
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "requests",
        about: "Requests of every verb, step by step through the life of a session with a claim",
        stages: &[requests::STAGE],
        ..SCENARIO
    },
    Scenario {
        name: "cleanup",
        about: "The plan of `cleanup --all` for sessions whose create was never finished",
        settings: &[
            value("n", "10", "Rounds"),
            value("sessions", "5000", "Sessions"),
            value("pods", "0", PODS),
        ],
        stages: &[Stage {
            set_up: FULL,
            races: &[
                // What the server needs to hand the sessions out.
                race(
                    &["session cleanup --all --dry-run=client"],
                    &["kubectl get sessions -o json"],
                    &[
                        ("kubectl get sessions -o json, {sessions}", Rival),
                        (
                            "plan of cleanup --all, {sessions} and {pods} Pods",
                            AtMost(2000.0),
                        ),
                        ("plan / kubectl", Quotient),
                    ],
                ),
                race(
                    &["session cleanup --all --dry-run=client"],
                    &["kubectl get sessions -o json"],
                    &[("peak memory of the plan", Ours)],
                )
                .rounds("1")
                .measured(Memory),
            ],
            more: Some(|scene, _| sessions::are_planned(scene)),
            ..STAGE
        }],
        ..SCENARIO
    },
    Scenario {
        name: "size",
        about: "Size of the programs: 9 MB for a verb's own, 12 MB for the one with all verbs",
        settings: &[value(
            "verbs",
            "create,list",
            "Verbs whose own programs are built and measured",
        )],
        alone: Some(size::measure),
        ..SCENARIO
    },
    Scenario {
        name: "template",
        about: "Hostile values and manifests: whether a value can create structure",
        settings: &[
            value("seed", "1", "Where the random texts begin"),
            value(
                "cases",
                "1000000",
                "Texts to try: of sixteen, one is a manifest and fifteen are values",
            ),
        ],
        alone: Some(hostile_text::measure),
        ..SCENARIO
    },
    Scenario {
        name: "render",
        about: "Time to parse and render a manifest of many objects",
        settings: &[value("objects", "1000", "Objects in the manifest")],
        alone: Some(render::measure),
        ..SCENARIO
    },
];
