//! Quantities: what is read is written as the same amount, and stays as it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_shared::quantity::Quantity;

fuzz_target!(|text: &str| {
    let Ok(quantity) = text.parse::<Quantity>() else {
        return;
    };
    let written = quantity.to_string();
    let again: Quantity = written.parse().expect("what is written is read");
    assert_eq!(again, quantity, "{text:?} {written:?}");
    assert_eq!(again.to_string(), written);
    assert_eq!(quantity.is_negative(), quantity < Quantity::ZERO);
    let _ = (quantity.value(), quantity.add(&again));
    let _ = (quantity.multiply(i64::MAX), quantity.scale_ratio(&again, &quantity));
});
