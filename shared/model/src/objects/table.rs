//! The API server's Table (`as=Table;v=v1;g=meta.k8s.io`): the server prints, we lay out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A page of a Table, as the server sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Table {
    /// `resourceVersion`, `continue`, `remainingItemCount`.
    pub metadata: Value,
    /// The columns; a page that continues another may have none.
    pub column_definitions: Vec<Column>,
    /// One row an object.
    pub rows: Vec<Row>,
}

/// A column of a Table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Column {
    /// Heading as the definition writes it; printed in upper case.
    pub name: String,
    /// `string`, `integer`, `date`, …
    pub r#type: String,
    /// `name`, `password`, …
    pub format: String,
    /// For `kubectl explain`.
    pub description: String,
    /// 0 is always shown, everything else only with `-o wide`.
    pub priority: i32,
}

/// A row of a Table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Row {
    /// As many as there are columns.
    pub cells: Vec<Value>,
    /// The object, or its metadata alone, or nothing, as `includeObject` asked.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub object: Value,
}

impl Table {
    /// One of objects that the server has no columns for. Headings, and whether they are shown without `-o wide`; each row has
    /// as many cells.
    pub fn of(columns: &[(&str, bool)], rows: Vec<Row>) -> Self {
        let column = |(name, shown): &(&str, bool)| Column {
            name: (*name).to_owned(),
            r#type: "string".into(),
            format: if *name == "Name" { "name" } else { "" }.to_owned(),
            priority: i32::from(!shown),
            ..Column::default()
        };
        Self {
            column_definitions: columns.iter().map(column).collect(),
            rows,
            ..Self::default()
        }
    }

    /// The token for the next page, `None` on the last.
    pub fn continue_token(&self) -> Option<&str> {
        self.metadata
            .get("continue")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
    }

    /// Position of the column of that heading, whatever its case.
    pub fn column(&self, heading: &str) -> Option<usize> {
        self.column_definitions
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(heading))
    }
}
