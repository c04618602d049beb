//! Rosters as spreadsheets and people write them, and every way to get one wrong.

use super::*;

fn roster(text: &str) -> Roster {
    Roster::parse("class.csv", text.as_bytes().to_vec()).unwrap()
}

/// Rows as `line:user/name`, or `line: what is wrong`.
fn rows(text: &str) -> Vec<String> {
    let roster = roster(text);
    let rows = roster.rows().map(|(line, row)| match row {
        Ok(row) => format!("{line}:{}/{}", row.user, row.name),
        Err(error) => format!("{line}: {error:#}"),
    });
    rows.collect()
}

#[test]
fn every_cell_has_its_place() {
    let roster = roster(
        "user,name,template,preset,namespace,timeout,SIZE,IMAGE\nalice@example.com, lab-1 ,lab,small,class-a,3h, 2Gi ,\n",
    );
    let (line, row) = roster.rows().next().unwrap();
    let row = row.unwrap();
    assert_eq!((line, row.name.as_str()), (2, "lab-1"));
    assert_eq!(row.template.unwrap().as_str(), "lab");
    assert_eq!(row.namespace.unwrap().as_str(), "class-a");
    assert_eq!(
        (row.preset.unwrap().as_str(), row.timeout.unwrap().as_str()),
        ("small", "3h")
    );
    // blanks are part of a parameter's value; an empty cell is none
    assert_eq!(
        row.parameters,
        BTreeMap::from([("SIZE".to_owned(), " 2Gi ".to_owned())])
    );
}

#[test]
fn a_name_is_made_of_the_user() {
    let made = rows("user\nalice\nbob@example.com\n");
    assert_eq!(made[0], "2:alice/alice");
    let again = labels::to_name_part("bob@example.com");
    assert_eq!(made[1], format!("3:bob@example.com/{again}"));
}

#[test]
fn byte_order_mark_quotes_and_mixed_line_ends_are_read() {
    let text = "\u{feff}user,NOTE\r\nalice,\"two\r\nlines, \"\"quoted\"\"\"\n\nbob,x\rcarol,y\r\n\r\n,\r\ndave,z";
    assert_eq!(
        rows(text),
        ["2:alice/alice", "5:bob/bob", "6:carol/carol", "9:dave/dave"]
    );
    let roster = roster(text);
    let (_, first) = roster.rows().next().unwrap();
    assert_eq!(
        first.unwrap().parameters["NOTE"],
        "two\r\nlines, \"quoted\""
    );
}

#[test]
fn every_wrong_row_is_told_with_its_line() {
    let text = "user,name,template,namespace\nalice,Lab,,\n,x,,\n=cmd(),x,,\n@SUM(A1),x,,\na\u{200b}b,x,,\nbob\nbob,x,Shell!,\nbob,x,,Class A\n";
    let rows = rows(text);
    let expected = [
        "2: invalid session name \"Lab\"",
        "3: the user is missing",
        "4: invalid user id \"=cmd()\": begins like a spreadsheet formula",
        "5: invalid user id \"@SUM(A1)\": begins like a spreadsheet formula",
        "6: user id \"a\\u{200b}b\" can be mistaken",
        "7: the line has 1 cell, the first line has 4",
        "8: invalid template name \"Shell!\"",
        "9: invalid namespace \"Class A\"",
    ];
    assert_eq!(rows.len(), expected.len(), "{rows:#?}");
    for (row, expected) in rows.iter().zip(expected) {
        assert!(row.starts_with(expected), "{row}");
    }
}

#[test]
fn an_open_quote_is_told_where_it_begins() {
    let rows = rows("user,NOTE\nalice,x\nbob,\"open\ncarol,y\n");
    assert_eq!(rows[0], "2:alice/alice");
    assert_eq!(rows[1], "3: a double quote is neither closed nor doubled");
    assert_eq!(rows.len(), 2);
}

#[test]
fn what_is_no_roster_is_refused() {
    for (text, reason) in [
        (&b""[..], "the file is empty"),
        (b"\r\n\n", "the file is empty"),
        (b"\xff\xfeu\0", "UTF-16"),
        (b"us\xffer\nalice\n", "not UTF-8"),
        (b"name\nalice\n", "no column \"user\""),
        (b"user,\"name\nalice,x\n", "double quote"),
    ] {
        let error = Roster::parse("f", text.to_vec()).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(reason), "{error}");
    }
    let rows: Vec<_> = Roster::parse("f", b"user,A\nalice,\xff\n".to_vec())
        .unwrap()
        .rows()
        .map(|(line, row)| format!("{line}: {:#}", row.unwrap_err()))
        .collect();
    assert_eq!(rows, ["2: cell 2 is not UTF-8"]);
}

#[test]
fn rows_of_a_large_roster_are_read_one_by_one() {
    let mut text = String::from("user,SIZE\n");
    for number in 0..200_000 {
        text.push_str(&format!("u{number},1Gi\n"));
    }
    let roster = roster(&text);
    let (line, last) = roster.rows().last().unwrap();
    assert_eq!((line, last.unwrap().user.as_str()), (200_001, "u199999"));
}
