//! A session that is not there, that is another namespace's, or that one may not see: each verb says so, and writes nothing.

use serde_json::json;
use session_support::{Answer, FakeApi, golden};

use crate::program::{run, server, session};

/// Every verb that takes the name of a session that is there, with what else it wants.
const COMMANDS: [&str; 14] = [
    "list NAME",
    "status NAME",
    "logs NAME",
    "connect NAME -- true",
    "stop NAME -y",
    "start NAME",
    "start NAME --restart -y",
    "extend NAME --by 1h",
    "resize NAME --cpu 1",
    "resize NAME --storage 2Gi",
    "snapshot create NAME",
    "snapshot clone NAME copy",
    "snapshot restore NAME --in-place",
    "delete NAME -y",
];

/// What each of them says of a name, and that it writes nothing.
fn told(name: &str, happened: impl Fn(&FakeApi)) -> String {
    let mut text = String::new();
    for command in COMMANDS {
        let api = server();
        let group = "snapshot.storage.k8s.io/v1";
        api.serve(group, "VolumeSnapshot", "volumesnapshots", true);
        api.serve(group, "VolumeSnapshotClass", "volumesnapshotclasses", false);
        happened(&api);
        let command = command.replace("NAME", name);
        let output = run(&api.listen(), &command);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (1, ""),
            "{command}: {output:?}"
        );
        assert!(api.writes().is_empty(), "{command}: {:?}", api.lines());
        text.push_str(&format!("$ {command}\n{}", output.stderr));
    }
    text
}

#[test]
fn a_session_that_is_not_there_is_told_and_nothing_is_written() {
    golden("session-absent.txt", &told("nobody", |_| {}));
}

#[test]
fn a_session_of_another_namespace_is_not_there() {
    let elsewhere = |api: &FakeApi| {
        let mut nobody = session("nobody");
        nobody["metadata"]["namespace"] = "other".into();
        api.put(nobody);
        let metadata = json!({"name": "nobody", "namespace": "other"});
        api.put(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": metadata}));
    };
    golden("session-absent.txt", &told("nobody", elsewhere));
}

#[test]
fn a_session_that_one_may_not_see_is_told_in_the_servers_words() {
    let refused = |api: &FakeApi| {
        for (group, plural) in [
            ("streaming.platform", "sessions"),
            ("snapshot.storage.k8s.io", "volumesnapshots"),
        ] {
            let message = format!(
                "{plural}.{group} is forbidden: User \"bob\" cannot get resource \"{plural}\" in API group \"{group}\" in the namespace \"default\""
            );
            let path = format!("/apis/{group}/v1/namespaces/default/{plural}");
            for path in [path.clone(), format!("{path}/alice")] {
                api.on(
                    "GET",
                    &path,
                    Answer::status(403, "Forbidden", &message, json!({})),
                );
            }
        }
    };
    golden("session-refused.txt", &told("alice", refused));
}
