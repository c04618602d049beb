//! Tests of [`ResumeFilter`] with recorded logs.

use super::*;

const A: &str = "2026-03-01T12:00:00.000000001Z";
const B: &str = "2026-03-01T14:00:00.000000002+02:00";

fn log(lines: &[(&str, &str)]) -> Vec<u8> {
    let lines = lines.iter().map(|(at, text)| format!("{at} {text}"));
    lines.collect::<String>().into_bytes()
}

#[test]
fn every_cut_is_mended_to_the_byte() {
    let whole = log(&[
        (A, "one\n"),
        (A, "one\n"),
        (B, "two\n"),
        (B, ""),
        (B, "two\n"),
    ]);
    let whole = [whole, log(&[(B, "\0\u{fffd}\n")])].concat();
    for stamped in [false, true] {
        let expected = ResumeFilter::new(stamped, None).filter(&whole);
        for cut in 0..=whole.len() {
            for again in 0..=whole.len() {
                let mut scanner = ResumeFilter::new(stamped, None);
                let mut out = scanner.filter(&whole[..cut]);
                scanner.reopen();
                out.extend(scanner.filter(&whole[..again]));
                scanner.reopen();
                out.extend(scanner.filter(&whole));
                assert_eq!(out, expected, "cut at {cut}, then at {again}");
            }
        }
    }
}

#[test]
fn times_are_taken_off_and_everything_else_passes() {
    let mut scanner = ResumeFilter::new(false, None);
    let mut out = scanner.filter(&log(&[(A, "\u{1b}[1m \0")]));
    out.extend(scanner.filter(b"\xff\xfe\n"));
    assert_eq!(out, b"\x1b[1m \0\xff\xfe\n");
}

#[test]
fn what_the_kubelet_says_is_no_log() {
    let mut scanner = ResumeFilter::new(false, None);
    assert!(scanner.filter(b"failed to open the file").is_empty());
    assert_eq!(
        scanner.take_server_message().unwrap(),
        "failed to open the file"
    );
    scanner.reopen();
    assert_eq!(scanner.filter(&log(&[(A, "one\n")])), b"one\n");
    assert!(scanner.filter(b"short").is_empty());
    assert_eq!(scanner.take_server_message(), None);
}

#[test]
fn only_so_many_bytes_are_given() {
    let mut scanner = ResumeFilter::new(true, Some(40));
    let out = scanner.filter(&log(&[(A, "one\n"), (B, "two\n")]));
    assert_eq!(out, format!("{A} one\n2026-").into_bytes());
    assert!(scanner.is_limit_reached());
}

#[test]
fn a_log_without_the_last_line_has_a_gap_unless_it_is_of_another_run() {
    let gap = |is_other_run: bool, reopened: &[(&str, &str)]| {
        let mut scanner = ResumeFilter::new(false, None);
        scanner.filter(&log(&[(A, "one\n"), (A, "two\n")]));
        if is_other_run {
            scanner.start_run();
        }
        scanner.reopen();
        scanner.filter(&log(reopened));
        scanner.take_gap()
    };
    let lost = LogGap {
        after: A.parse().unwrap(),
        before: B.parse().unwrap(),
    };
    assert_eq!(gap(false, &[(B, "later\n")]), Some(lost));
    assert_eq!(gap(false, &[(A, "two\n"), (B, "later\n")]), Some(lost));
    assert_eq!(
        gap(false, &[(A, "one\n"), (A, "two\n"), (B, "later\n")]),
        None
    );
    assert_eq!(gap(true, &[(B, "later\n")]), None);
}

#[test]
fn a_log_that_falls_silent_or_ends_without_its_last_line_has_a_gap_and_is_told_once() {
    let times = ["12:00:01", "12:00:02", "12:00:03"];
    let [first, second, third] =
        times.map(|time| format!("2026-03-01T{time}Z").parse::<Timestamp>().unwrap());
    let open = |reopened: &[(&str, &str)]| {
        let mut scanner = ResumeFilter::new(false, None);
        scanner.filter(&log(&[(A, "one\n"), (A, "two\n")]));
        scanner.reopen();
        scanner.filter(&log(reopened));
        scanner
    };
    let whole = [(A, "one\n"), (A, "two\n")];
    assert!(!open(&whole).misses_last_line());
    assert_eq!(open(&whole).take_open_gap(first), None);
    for reopened in [&[][..], &whole[1..]] {
        let mut scanner = open(reopened);
        assert!(scanner.misses_last_line());
        let gap = |after: Timestamp, before| Some(LogGap { after, before });
        assert_eq!(scanner.take_open_gap(first), gap(A.parse().unwrap(), first));
        assert!(!scanner.misses_last_line());
        assert_eq!(scanner.take_open_gap(second), None, "told");
        // Another connection is lost: it is told at the next line or at the end.
        scanner.reopen();
        assert!(!scanner.misses_last_line());
        assert_eq!(scanner.take_open_gap(second), gap(first, second));
        let later = format!("{third} later\n");
        scanner.filter(later.as_bytes());
        assert_eq!(scanner.take_gap(), None, "not reopened since");
    }
    let mut none = ResumeFilter::new(false, None);
    let lost = LogGap {
        after: first,
        before: second,
    };
    assert_eq!(none.take_lost_rest(first, second), lost);
}

#[test]
fn a_line_whose_end_is_lost_is_ended() {
    let mut scanner = ResumeFilter::new(false, None);
    let mut out = scanner.filter(&log(&[(A, "half")]));
    scanner.reopen();
    out.extend(scanner.filter(&log(&[(B, "next\n")])));
    assert_eq!(out, b"half\nnext\n");
}
