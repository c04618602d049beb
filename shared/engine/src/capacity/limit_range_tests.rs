//! Tests of LimitRanges: defaults, and every bound with its words.

use super::*;

fn pod(resources: Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "resources": resources}]}})
}

fn range(item: Value) -> Value {
    json!({"metadata": {"name": "limits"}, "spec": {"limits": [item]}})
}

fn container_range(mut item: Value) -> Value {
    item["type"] = "Container".into();
    range(item)
}

fn with_defaults(resources: Value, range: Value) -> Value {
    let mut objects = [pod(resources)];
    apply_limit_defaults(&mut objects, &[range]);
    objects[0]["spec"]["containers"][0]["resources"].clone()
}

/// The rule that a container of these resources violates after the defaults.
fn violation(resources: Value, item: Value) -> Option<String> {
    let (mut objects, ranges) = ([pod(resources)], [container_range(item)]);
    apply_limit_defaults(&mut objects, &ranges);
    find_limit_violation(&objects, &ranges).map(|found| found.rule)
}

#[test]
fn defaults_are_for_containers_that_set_none() {
    let defaults = || {
        container_range(
            json!({"default": {"cpu": "2", "memory": "1Gi"}, "defaultRequest": {"cpu": "500m", "memory": "1Gi"}}),
        )
    };
    assert_eq!(
        with_defaults(json!({}), defaults()),
        json!({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}})
    );
    // A missing request is the container's own limit before a LimitRange is asked.
    assert_eq!(
        with_defaults(json!({"limits": {"cpu": "4"}}), defaults())["requests"],
        json!({"cpu": "4", "memory": "1Gi"})
    );
    let pods = range(json!({"type": "Pod", "max": {"cpu": "1"}}));
    assert_eq!(with_defaults(json!({}), pods), json!({}));
    // Without a LimitRange the object is as it was.
    let mut objects = [json!({"kind": "Pod", "spec": {"containers": [{"name": "main"}]}})];
    let before = objects.clone();
    apply_limit_defaults(&mut objects, &[]);
    assert_eq!(objects, before);
}

#[test]
fn init_containers_and_templates_get_defaults_too() {
    let item = container_range(json!({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}));
    let mut objects = [
        json!({"kind": "StatefulSet", "spec": {"template": {"spec": {
        "initContainers": [{"name": "i"}], "containers": [{"name": "main"}]}}}}),
    ];
    apply_limit_defaults(&mut objects, &[item]);
    let spec = &objects[0]["spec"]["template"]["spec"];
    assert_eq!(spec["initContainers"][0]["resources"]["limits"]["cpu"], "1");
    assert_eq!(spec["containers"][0]["resources"]["requests"]["cpu"], "1");
}

#[test]
fn a_pod_with_limits_gets_its_requests_before_its_containers_get_defaults() {
    let defaults = || container_range(json!({"default": {"cpu": "700m", "memory": "1Gi"}}));
    let own = |limits: Value, first: Value, ranges: &[Value]| {
        let mut objects = [pod(first)];
        let main = objects[0]["spec"]["containers"][0].clone();
        objects[0]["spec"]["containers"] = json!([main, {"name": "other"}]);
        objects[0]["spec"]["resources"] = limits;
        apply_limit_defaults(&mut objects, ranges);
        objects[0]["spec"]["resources"]["requests"].clone()
    };
    let limit = || json!({"limits": {"cpu": "2"}});
    let first = || json!({"requests": {"cpu": "100m", "memory": "5Mi"}, "limits": {"example.com/foo": "1"}});
    for ranges in [&[defaults()][..], &[]] {
        assert_eq!(
            own(limit(), first(), ranges),
            json!({"cpu": "100m", "memory": "5Mi"})
        );
        assert_eq!(own(limit(), json!({}), ranges), json!({"cpu": "2"}));
        let requests = json!({"requests": {"cpu": "1"}});
        assert_eq!(own(requests, first(), ranges), json!({"cpu": "1"}));
    }
}

#[test]
fn every_bound_of_a_container_has_its_words() {
    let cpu = |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
    for (resources, item, rule) in [
        (
            json!({}),
            json!({"min": {"cpu": "1"}}),
            Some("minimum cpu usage per Container is 1, but no request is specified"),
        ),
        (
            cpu("500m", "2"),
            json!({"min": {"cpu": "1"}}),
            Some("minimum cpu usage per Container is 1, but request is 500m"),
        ),
        (
            cpu("1", "2"),
            json!({"min": {"cpu": "1"}, "max": {"cpu": "2"}}),
            None,
        ),
        (
            json!({}),
            json!({"max": {"cpu": "2"}}),
            Some("maximum cpu usage per Container is 2, but no limit is specified"),
        ),
        (
            cpu("1", "4"),
            json!({"max": {"cpu": "2"}}),
            Some("maximum cpu usage per Container is 2, but limit is 4"),
        ),
        (
            cpu("1", "4"),
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            Some("cpu max limit to request ratio per Container is 2, but provided ratio is 4"),
        ),
        (
            cpu("1", "2"),
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            None,
        ),
        (
            cpu("1", "1501m"),
            json!({"maxLimitRequestRatio": {"cpu": "1500m"}}),
            Some(
                "cpu max limit to request ratio per Container is 1500m, but provided ratio is 1501m",
            ),
        ),
        (
            json!({}),
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            Some(
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
        ),
        (
            json!({"requests": {"cpu": "1"}}),
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            Some(
                "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
            ),
        ),
        (
            json!({"requests": {"cpu": "4"}}),
            json!({"default": {"cpu": "2"}}),
            Some("default cpu limit per Container is 2, but request is 4"),
        ),
        (
            json!({"requests": {"cpu": "1"}}),
            json!({"default": {"cpu": "2"}}),
            None,
        ),
    ] {
        assert_eq!(
            violation(resources.clone(), item.clone()).as_deref(),
            rule,
            "{resources} {item}"
        );
    }
}

#[test]
fn a_pod_is_bounded_by_the_sum_of_its_containers() {
    let main = json!({"name": "main", "resources": {"limits": {"memory": "1Gi"}}});
    let pod =
        json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [main, main]}});
    let ranges = [range(json!({"type": "Pod", "max": {"memory": "1536Mi"}}))];
    let found = find_limit_violation(&[pod], &ranges).unwrap();
    assert_eq!(found.subject, "Pod \"a\"");
    assert_eq!(found.range, "limits");
    assert_eq!(
        found.rule,
        "maximum memory usage per Pod is 1536Mi, but limit is 2Gi"
    );
}

#[test]
fn claims_are_bounded_wherever_they_stand() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "home"}, "spec": {"resources": {"requests": {"storage": "30Gi"}}}});
    let set = json!({"kind": "StatefulSet", "metadata": {"name": "a"}, "spec": {"volumeClaimTemplates": [claim]}});
    let ranges = [range(
        json!({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "20Gi"}}),
    )];
    for (object, subject) in [
        (claim.clone(), "claim \"home\""),
        (set, "claim \"home\" of StatefulSet \"a\""),
    ] {
        let found = find_limit_violation(&[object], &ranges).unwrap();
        assert_eq!(found.subject, subject);
        assert_eq!(
            found.rule,
            "maximum storage usage per PersistentVolumeClaim is 20Gi, but request is 30Gi"
        );
    }
    let mut small = claim;
    small["spec"]["resources"]["requests"]["storage"] = "500Mi".into();
    let found = find_limit_violation(&[small], &ranges).unwrap();
    assert_eq!(
        found.rule,
        "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"
    );
}
