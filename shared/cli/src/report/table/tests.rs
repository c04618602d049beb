use std::time::Instant;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const FIXTURE: &str = include_str!("kubectl.txt");

fn options(flags: &[&str]) -> TableOptions {
    let mut options = TableOptions::default();
    for (at, flag) in flags.iter().enumerate() {
        match *flag {
            "-A" => options.namespace = true,
            "wide" => options.wide = true,
            "--no-headers" => options.no_headers = true,
            "--show-labels" => options.show_labels = true,
            "--show-kind" => options.kind = Some("session.streaming.platform".into()),
            "-L" => options.label_columns = flags[at + 1].split(',').map(str::to_owned).collect(),
            _ => {}
        }
    }
    options
}

#[test]
fn a_table_is_what_kubectl_prints() {
    // kubectl counts a wide character as one column, see `tab_writer`: a narrow one stands for it here.
    let fixture = FIXTURE.replace(['日', '本'], "x");
    let mut lines = fixture.lines().filter(|line| !line.starts_with('#'));
    let pages: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let flags: Vec<&str> = case["flags"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let pages: Vec<Table> =
            serde_json::from_value(pages["pages"][case["pages"].as_str().unwrap()].clone())
                .unwrap();
        let mut printer = TablePrinter::new(options(&flags));
        for page in &pages {
            printer.add_page(page);
        }
        let got = printer.flush();
        let none = case["err"]
            .as_str()
            .unwrap()
            .starts_with("No resources found");
        if got != case["out"].as_str().unwrap() || none != (printer.row_count() == 0) {
            wrong.push(format!(
                "{} {flags:?}\nkubectl:\n{}ours:\n{got}",
                case["pages"],
                case["out"].as_str().unwrap()
            ));
        }
        cases += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 100, "{cases}");
}

fn small(cells: &[&str]) -> Table {
    let column = |name: &str| Column {
        name: name.into(),
        ..Column::default()
    };
    let cells = cells.iter().map(|cell| json!(cell)).collect();
    Table {
        column_definitions: vec![column("Name"), column("Phase")],
        rows: vec![Row {
            cells,
            object: json!({"metadata": {"namespace": "q"}}),
        }],
        ..Table::default()
    }
}

#[test]
fn a_watch_keeps_earlier_widths_and_prints_the_heading_once() {
    let mut printer = TablePrinter::new(TableOptions::default());
    printer.add_page(&small(&["alice-in-chains", "running"]));
    assert_eq!(
        printer.flush(),
        "NAME              PHASE\nalice-in-chains   running\n"
    );
    let mut later = small(&["bob", "pending"]);
    later.column_definitions.clear();
    printer.add_page(&later);
    assert_eq!(printer.flush(), "bob               pending\n");
}

#[test]
fn options_follow_the_flags() {
    let flags = ListOutputFlags {
        output: Some("wide".into()),
        show_labels: true,
        label_columns: vec!["a".into()],
        ..ListOutputFlags::default()
    };
    let options = TableOptions::from_flags(&flags);
    assert!(options.wide && options.show_labels && !options.no_headers && !options.namespace);
    assert_eq!(options.label_columns, ["a"]);
}

#[test]
fn five_thousand_rows_take_no_time() {
    let columns = (0..7).map(|at| Column {
        name: format!("Column{at}"),
        ..Column::default()
    });
    let rows = (0..5_000).map(|row| Row {
        cells: (0..7)
            .map(|at| json!(format!("value-{at}-of-{row}")))
            .collect(),
        object: json!({"metadata": {"namespace": "default", "labels": {"a": "b"}}}),
    });
    let table = Table {
        column_definitions: columns.collect(),
        rows: rows.collect(),
        ..Table::default()
    };
    let start = Instant::now();
    let mut printer = TablePrinter::new(TableOptions {
        namespace: true,
        ..TableOptions::default()
    });
    printer.add_page(&table);
    let text = printer.flush();
    let took = start.elapsed();
    assert_eq!(text.lines().count(), 5_001);
    // A release build takes some 8 ms; this is a debug build, perhaps on a busy machine.
    println!("{took:?}");
    assert!(took.as_millis() < 1_000, "{took:?}");
}

#[test]
fn our_own_tables_look_the_same() {
    let rows = |rows: &[[&str; 3]]| {
        rows.iter()
            .map(|row| row.map(str::to_owned).to_vec())
            .collect::<Vec<_>>()
    };
    let table = rows(&[["a", "ünïcode", "x\ny"], ["longer", "", "\u{1b}[1m"]]);
    assert_eq!(
        format_table(&["Name", "b", "Last"], &table, false),
        "NAME     B         LAST\na        ünïcode   x...\nlonger             ^[[1m\n"
    );
    assert_eq!(
        format_table(&["A", "B", "C"], &rows(&[["x", "y", "z"]]), false),
        "A     B     C\nx     y     z\n"
    );
    assert_eq!(
        format_table(&["A", "B", "C"], &rows(&[["x", "y", ""]]), true),
        "x     y\n"
    );
    assert_eq!(format_table(&["A"], &[], false), "");
    // Rows of different length are laid out, too.
    assert_eq!(
        format_table(&["A", "B"], &[vec![], vec!["x".into()]], false),
        "A     B\n\nx\n"
    );
}

fn cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[a\\t\\n\\r\\x0b\\x0c\\x1b]{0,6}".prop_map(Value::from),
        Just(json!({"a": [1, null]})),
    ]
}

proptest! {
    #[test]
    fn no_table_panics_or_moves_the_cursor(
        pages in prop::collection::vec((
            prop::collection::vec(("\\PC{0,6}", -1..2_i32, prop::bool::ANY), 0..4),
            prop::collection::vec((prop::collection::vec(cell(), 0..6), prop::bool::ANY), 0..4),
        ), 0..4),
        flags in prop::collection::vec(prop::sample::select(vec!["-A", "wide", "--no-headers", "--show-labels", "--show-kind"]), 0..5),
    ) {
        let mut printer = TablePrinter::new(options(&flags));
        for (columns, rows) in pages {
            let column = |(name, priority, is_name): (String, i32, bool)| {
                let format = if is_name { "name".to_owned() } else { String::new() };
                Column { name, priority, format, r#type: "string".into(), ..Column::default() }
            };
            let object = |has: bool| if has { json!({"metadata": {"name": "x", "labels": {"a\n": 1}}}) } else { Value::Null };
            let page = Table {
                column_definitions: columns.into_iter().map(column).collect(),
                rows: rows.into_iter().map(|(cells, has)| Row { cells, object: object(has) }).collect(),
                ..Table::default()
            };
            printer.add_page(&page);
            let text = printer.flush();
            prop_assert!(!text.contains(['\x1b', '\r']));
        }
    }
}
