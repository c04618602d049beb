//! Tests of the record: bounds, sums of old runs, resizes.

use super::super::run_hours::{Window, count_usage};
use super::*;
use serde_json::json;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn amounts(cpu: &str) -> RunAmounts {
    RunAmounts {
        cpu: cpu.parse().ok(),
        storage: "10Gi".parse().ok(),
        ..RunAmounts::default()
    }
}

fn session(usage: &SessionUsage, annotation: Option<String>) -> Session {
    let annotations = annotation.map(|text| json!({RESIZED: text}));
    serde_json::from_value(
        json!({"metadata": {"name": "a", "annotations": annotations},
        "spec": {"userId": "u"}, "status": {"usage": usage}}),
    )
    .unwrap()
}

/// Records that many runs of half an hour, one an hour.
fn runs(count: usize) -> SessionUsage {
    let mut usage = SessionUsage::default();
    let mut at = time("2026-03-01T00:00:00Z");
    for _ in 0..count {
        begin_run(&mut usage, &amounts("2"), at);
        let end = at + jiff::SignedDuration::from_mins(30);
        end_run(&mut usage, RunEnd::Lasts, end);
        at += jiff::SignedDuration::from_hours(1);
    }
    usage
}

#[test]
fn old_runs_are_summed_and_nothing_is_lost() {
    let all = Window {
        from: time("2026-01-01T00:00:00Z"),
        until: time("2026-03-31T00:00:00Z"),
    };
    for count in [49, 50, 51, 120] {
        let usage = runs(count);
        assert_eq!(usage.runs.len(), count.min(MAX_RUNS), "{count}");
        assert_eq!(usage.earlier.is_some(), count > MAX_RUNS, "{count}");
        let used = count_usage(&usage, &all, RunEnd::Lasts).used;
        let runs = i128::try_from(count).unwrap();
        assert_eq!((used.runs, used.running), (runs, runs * 1800));
        assert_eq!(used.cpu, runs * 1800 * 2000);
        let days =
            time("2026-03-31T00:00:00Z").as_second() - time("2026-03-01T00:00:00Z").as_second();
        assert_eq!(
            used.storage,
            i128::from(days) * (10 << 30),
            "claims count throughout"
        );
    }
    let earlier = runs(120).earlier.unwrap();
    assert_eq!(
        (earlier.runs, earlier.since.as_str()),
        (70, "2026-03-01T00:00:00Z")
    );
    assert_eq!(earlier.until, "2026-03-03T22:00:00Z");
}

#[test]
fn the_whole_record_stays_small() {
    let size = serde_json::to_string(&runs(1000)).unwrap().len();
    assert!(size < 8000, "{size} bytes");
}

#[test]
fn a_start_that_goes_on_keeps_the_run_and_other_amounts_divide_it() {
    let mut usage = SessionUsage::default();
    begin_run(&mut usage, &amounts("2"), time("2026-03-01T08:00:00Z"));
    begin_run(&mut usage, &amounts("2000m"), time("2026-03-01T09:00:00Z"));
    assert_eq!(
        usage.current.as_ref().unwrap().start_time,
        "2026-03-01T08:00:00Z"
    );
    begin_run(&mut usage, &amounts("4"), time("2026-03-01T10:00:00Z"));
    assert_eq!(
        usage.runs[0].end_time.as_deref(),
        Some("2026-03-01T10:00:00Z")
    );
    assert_eq!(usage.current.unwrap().start_time, "2026-03-01T10:00:00Z");
}

#[test]
fn an_end_is_never_before_its_start_and_may_be_unknown() {
    let mut usage = SessionUsage::default();
    end_run(&mut usage, RunEnd::Lasts, time("2026-03-01T08:00:00Z"));
    assert_eq!(usage, SessionUsage::default());
    begin_run(&mut usage, &amounts("1"), time("2026-03-01T08:00:00Z"));
    let before = time("2026-03-01T07:00:00Z");
    end_run(&mut usage, RunEnd::After(before), before);
    assert_eq!(
        usage.runs[0].end_time.as_deref(),
        Some("2026-03-01T08:00:00Z")
    );
    assert_eq!(usage.runs[0].end_unknown, Some(true));
}

#[test]
fn resizes_of_an_annotation_divide_the_current_run_alone() {
    let mut usage = SessionUsage::default();
    begin_run(&mut usage, &amounts("1"), time("2026-03-01T08:00:00Z"));
    let (mut patch, grown) = (json!({}), time("2026-03-01T09:00:00Z"));
    let larger = RunAmounts {
        cpu: "2".parse().ok(),
        ..RunAmounts::default()
    };
    add_resize(&mut patch, &session(&usage, None), &larger, grown);
    let text = patch["metadata"]["annotations"][RESIZED].as_str().unwrap();
    let text = text.to_owned();
    let recorded = recorded_usage(&session(&usage, Some(text.clone())));
    assert_eq!(
        recorded.runs[0].end_time.as_deref(),
        Some("2026-03-01T09:00:00Z")
    );
    let current = recorded.current.unwrap();
    assert_eq!(current.cpu, Some(IntOrString::Text("2".into())));
    assert_eq!(current.storage, Some(IntOrString::Text("10Gi".into())));
    // The run after that does not know them, and its first resize drops them.
    let mut next = SessionUsage::default();
    begin_run(&mut next, &amounts("1"), time("2026-03-01T10:00:00Z"));
    let after = session(&next, Some(text));
    assert_eq!(recorded_usage(&after), next);
    add_resize(&mut patch, &after, &larger, time("2026-03-01T11:00:00Z"));
    let text = patch["metadata"]["annotations"][RESIZED].as_str().unwrap();
    assert!(!text.contains("09:00") && text.contains("11:00"), "{text}");
}

#[test]
fn an_annotation_of_nonsense_is_nothing() {
    let usage = runs(1);
    let after = session(&usage, Some("[{]".into()));
    assert_eq!(recorded_usage(&after), usage);
}

#[test]
fn gpus_of_all_kinds_are_summed_and_nothing_else_is_a_gpu() {
    let all = [
        "nvidia.com/gpu",
        "nvidia.com/gpu.shared",
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "nvidia.com/mig-1g.5gb",
        "cpu",
        "memory",
        "example.com/fpga",
        "hugepages-2Mi",
    ];
    let demand = all.map(|name| (format!("requests.{name}"), Quantity::from_units(1)));
    let found = RunAmounts::of_demand(&demand.into());
    assert_eq!(found.gpu, Some(Quantity::from_units(5)));
    assert_eq!(found.storage, None);
}
