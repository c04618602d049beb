//! Tests that no value creates structure.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use proptest::prelude::*;

use session_support::structure::{
    HOSTILE_VALUES, RandomText, StructureProperty, check_manifest_text,
};

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn hostile_values_stay_values() {
    let property = StructureProperty::new().unwrap();
    // A number whose last bit depends on the accuracy of the float parser; found by fuzzing.
    let number = "5_99999999999999999999999999999999999999999999999999999999";
    for value in HOSTILE_VALUES.into_iter().chain([number]) {
        property
            .check_value(value)
            .unwrap_or_else(|reason| panic!("{value:?}: {reason}"));
    }
}

#[test]
fn hostile_values_next_to_each_other_stay_values() {
    let property = StructureProperty::new().unwrap();
    for first in HOSTILE_VALUES {
        for second in HOSTILE_VALUES {
            let value = format!("{first}{second}");
            property
                .check_value(&value)
                .unwrap_or_else(|reason| panic!("{value:?}: {reason}"));
        }
    }
}

#[test]
fn ten_thousand_random_values_stay_values() {
    let property = StructureProperty::new().unwrap();
    let piece = prop_oneof![
        proptest::sample::select(HOSTILE_VALUES.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        any::<u64>().prop_map(|seed| RandomText::new(seed).value()),
    ];
    let value = proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    let mut runner = proptest::test_runner::TestRunner::new(cases(10_000));
    let tried = runner.run(&value, |value| {
        property.check_value(&value).map_err(TestCaseError::fail)
    });
    tried.unwrap();
}

#[test]
fn random_manifests_are_read_or_refused() {
    let mut random = RandomText::new(1);
    for _ in 0..3_000 {
        let text = random.manifest();
        if let Err(reason) = check_manifest_text(&text) {
            panic!("{text:?}: {reason}");
        }
    }
}
