//! The API server's Table (`as=Table;v=v1;g=meta.k8s.io`), in which the server renders the cells and the client lays them out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One page of a Table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Table {
    /// List metadata: `resourceVersion`, `continue`, `remainingItemCount`.
    pub metadata: Value,
    /// Columns; they may be absent in all pages but the first.
    pub column_definitions: Vec<Column>,
    /// Rows, one an object.
    pub rows: Vec<Row>,
}

/// A column of a Table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Column {
    /// Heading; printed in upper case.
    pub name: String,
    /// OpenAPI type: `string`, `integer`, `date`, …
    pub r#type: String,
    /// OpenAPI format: `name`, `password`, …
    pub format: String,
    /// Description of the column.
    pub description: String,
    /// Priority: 0 is always shown, others only with `-o wide`.
    pub priority: i32,
}

/// A row of a Table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Row {
    /// Cells, one a column.
    pub cells: Vec<Value>,
    /// The object, its metadata alone, or null, depending on `includeObject`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub object: Value,
}

impl Table {
    /// Builds a Table on the client. `columns` are headings, and true for those that are shown without `-o wide`; each row must have
    /// as many cells.
    pub fn from_rows(columns: &[(&str, bool)], rows: Vec<Row>) -> Self {
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

    /// Returns the token of the next page; `None` on the last page.
    pub fn continue_token(&self) -> Option<&str> {
        self.metadata
            .get("continue")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
    }

    /// Returns the position of the column with that heading, ignoring case.
    pub fn column_index(&self, heading: &str) -> Option<usize> {
        self.column_definitions
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(heading))
    }
}
