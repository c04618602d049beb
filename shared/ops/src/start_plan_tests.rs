use super::*;

fn session(asked: &str, answered: &str) -> Session {
    serde_json::from_value(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"},
        "spec": {"userId": "u", "startRequest": asked}, "status": {"startRequest": answered,
            "applied": {"templateUID": "T", "templateGeneration": 2}},
    }))
    .unwrap()
}

#[test]
fn a_request_is_newer_than_all_before_it() {
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    for (asked, answered, wanted) in [
        (
            "2026-01-01T11:00:00Z",
            "2026-01-01T11:00:00Z",
            "2026-01-01T12:00:00Z",
        ),
        (
            "2026-01-01T12:00:00Z",
            "2026-01-01T11:00:00Z",
            "2026-01-01T12:00:01Z",
        ),
        ("no time", "2026-01-01T13:00:00Z", "2026-01-01T13:00:01Z"),
    ] {
        assert_eq!(next_start_request(&session(asked, answered), now), wanted);
    }
}

#[test]
fn a_template_is_the_same_while_uid_and_generation_are() {
    let template = |uid: &str, generation: i64| -> SessionTemplate {
        serde_json::from_value(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate",
            "metadata": {"name": "t", "uid": uid, "generation": generation}, "spec": {"manifest": ""}}))
        .unwrap()
    };
    let change = |uid, generation| {
        template_lookup::template_change(&session("", ""), Some(&template(uid, generation)))
    };
    assert_eq!(change("T", 2), None);
    assert!(change("T", 3).unwrap().ends_with("(generation 2, now 3)"));
    assert!(change("U", 2).unwrap().contains("created again"));
    assert_eq!(
        template_lookup::template_change(&session("", ""), None),
        None
    );
}
