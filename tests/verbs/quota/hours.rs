//! `quota set --hours`.

use serde_json::{Value, json};
use session_shared::labels::SESSION_HOURS;
use session_support::{FakeApi, golden};

use crate::quota;

fn budgets(api: &FakeApi) -> Option<Value> {
    let quota = api.object("resourcequotas", "default", "session-hours")?;
    quota["metadata"]["annotations"].get(SESSION_HOURS).cloned()
}

#[test]
fn budgets_are_kept_beside_those_of_others_in_a_quota_without_limits() {
    let api = FakeApi::stateful();
    let mut text = String::new();
    for words in [
        "set --hours user=alice:none",
        "set --hours user=alice:40/week --hours user=*:8/day",
        "set --hours user=alice:40/week",
        "set --hours user=alice:20/month --dry-run=client -o jsonpath={.metadata.annotations}",
        "show",
        "set --hours user=bob:1/day --hours user=*:none",
        "set --hours user=alice:40",
        "set --hours alice:40/week",
        "set --hours user=alice:40/week --hours user=alice:8/day",
    ] {
        text.push_str(&format!("$ {words}\n{}", quota(&api, words).text()));
    }
    assert_eq!(
        budgets(&api).unwrap(),
        r#"{"alice":"40/week","bob":"1/day"}"#
    );
    quota(&api, "set --hours user=alice:none --hours user=bob:none").done();
    assert_eq!(budgets(&api), None);
    let object = api
        .object("resourcequotas", "default", "session-hours")
        .unwrap();
    assert_eq!(object["spec"], json!({}));
    golden("quota-set-hours.txt", &text);
}
