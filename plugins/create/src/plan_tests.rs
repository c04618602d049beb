use serde_json::{Value, json};
use session_shared::reconcile::Rendering;

use super::*;

fn subject(objects: Vec<Value>, secrets: &[(&str, &str)]) -> NewSession {
    let secrets = secrets
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let rendering = Rendering {
        objects,
        secrets: secrets.collect(),
        ..Rendering::default()
    };
    NewSession {
        name: "a".parse().unwrap(),
        spec: SessionSpec::default(),
        rendered: RenderOutput {
            rendering,
            withheld: Vec::new(),
            parameters: BTreeMap::new(),
            notes: Vec::new(),
            max_name_length: 63,
        },
        ownership: Ownership {
            session: "a".parse().unwrap(),
            session_uid: None,
            namespace: "ns".parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            command_token: "r".into(),
            template: Some("tool".into()),
            primary: None,
        },
    }
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}})
}

#[test]
fn the_parameters_secret_is_data_and_there_only_where_there_is_something_to_hold() {
    let start =
        |secrets: &[(&str, &str)]| subject(Vec::new(), secrets).start(&[], Some("u-1".into()));
    assert!(start(&[]).parameters_secret().is_none());
    assert!(start(&[]).parameters_plan().is_empty());
    let secret = start(&[("PASSWORD", "x")]).parameters_secret().unwrap();
    assert_eq!(secret["metadata"]["name"], "session-a-parameters");
    assert_eq!(secret["stringData"], json!({"PASSWORD": "x"}));
    assert!(secret["metadata"].get("ownerReferences").is_none());
    assert_eq!(
        secret["metadata"]["annotations"][labels::SESSION_UID],
        "u-1"
    );
}

#[test]
fn a_session_keeps_the_labels_of_its_file_but_ours_go_before() {
    let given = json!({"labels": {"team": "red", labels::USER: "forged"}, "annotations": {labels::USER_ID: "forged", "x": "y"},
        "finalizers": ["nobody/asked"], "ownerReferences": [{}]});
    let session = subject(Vec::new(), &[]).session_object(&given);
    let metadata = &session["metadata"];
    assert_eq!(metadata["labels"]["team"], "red");
    assert_ne!(metadata["labels"][labels::USER], "forged");
    assert_eq!(
        metadata["annotations"][labels::USER_ID],
        "alice@example.com"
    );
    assert_eq!(metadata["annotations"]["x"], "y");
    assert!(metadata.get("finalizers").is_none());
    assert!(metadata.get("ownerReferences").is_none());
}

#[test]
fn a_client_dry_run_owns_nothing() {
    let start = subject(
        vec![
            claim(),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}),
        ],
        &[],
    )
    .start(&[], None);
    let owners = |object: &Value| {
        let metadata = &object["metadata"];
        (
            metadata["name"].clone(),
            metadata.get("ownerReferences").cloned(),
        )
    };
    let found: Vec<_> = start.owned_objects().iter().map(owners).collect();
    assert_eq!(found, [(json!("c"), None), (json!("p"), None)]);
}
