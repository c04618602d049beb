//! `--cron`: what is taken is written as it is read, and has the five fields of a CronJob or a word for them.
#![no_main]

use session_shared::objects::cron_expression::CronExpression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(cron) = text.parse::<CronExpression>() else {
        return;
    };
    let written = cron.to_string();
    assert_eq!(written.parse::<CronExpression>().expect("it was taken"), cron);
    assert_eq!(written, text.trim());
    let is_word = written.starts_with('@');
    assert!(is_word || written.split_whitespace().count() == 5, "{written:?}");
    assert!(!written.contains("TZ="), "{written:?}");
});
