//! Output of rows that are no API objects, in the formats of `-o`.

use anyhow::Result;
use clap::Args as Group;
use serde_json::Value;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, FormatSet};

/// Output flags of subcommands that print rows of their own.
#[derive(Group, Clone, Debug)]
pub struct RowOutputFlags {
    /// Output format. One of: (json, yaml, kyaml, name, wide, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// If true, omit the headings of tables and custom columns
    #[arg(help_heading = "Output", long)]
    pub no_headers: bool,
}

/// A checked output format, and whether tables have headings.
#[derive(Debug)]
pub(crate) struct RowFormat {
    format: Format,
    has_columns: bool,
    pub(crate) no_headers: bool,
}

impl RowFormat {
    /// Reads the flags.
    ///
    /// # Errors
    /// An unknown format or an invalid template.
    pub(crate) fn parse(flags: RowOutputFlags) -> Result<Self> {
        let RowOutputFlags { output, no_headers } = flags;
        let output = output.unwrap_or_default();
        Ok(Self {
            format: Format::parse(output.as_str(), FormatSet::All, no_headers, false)?,
            has_columns: output.starts_with("custom-columns"),
            no_headers,
        })
    }

    /// True for the table, false for formats of objects.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.format, Format::Text { .. })
    }

    /// Prints the rows. `text` makes the table, given whether it is wide; `document` is what the formats of objects print, apart from
    /// columns, which print its member `list`, and names, which print the member `name` of each.
    ///
    /// # Errors
    /// The template of the format fails on a row.
    pub(crate) fn print(
        self,
        console: &mut Console,
        document: &Value,
        list: &str,
        text: impl FnOnce(bool) -> String,
    ) -> Result<()> {
        let rows = document[list].as_array().map_or(&[][..], Vec::as_slice);
        let text = match self.format {
            Format::Text { wide } => text(wide),
            Format::Objects(printer) if printer.is_name() => {
                let names = rows.iter().filter_map(|row| row["name"].as_str());
                names.map(|name| format!("{name}\n")).collect()
            }
            Format::Objects(mut printer) if self.has_columns => printer.print_list(rows)?,
            Format::Objects(mut printer) => printer.print_object(document)?,
        };
        console.print(&text)
    }
}
