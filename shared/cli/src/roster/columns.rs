//! Header of a roster: which column is which. Pure.

use anyhow::{Result, anyhow, bail};
use session_model::failure::with_hint;
use session_model::names::ParameterName;

/// Names of the column of users.
const USER_NAMES: [&str; 3] = ["user", "user_id", "email"];

/// Columns of a roster by their positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) user: usize,
    pub(super) name: Option<usize>,
    pub(super) template: Option<usize>,
    pub(super) preset: Option<usize>,
    pub(super) namespace: Option<usize>,
    pub(super) timeout: Option<usize>,
    /// Every other column: a parameter of the template.
    pub(super) parameters: Vec<(usize, String)>,
    /// Number of columns.
    pub(super) count: usize,
}

impl Columns {
    /// Reads the header. Blanks around a name are dropped; the case of the suite's own columns does not matter.
    ///
    /// # Errors
    /// No column of users or two, a column twice, a name that no parameter can have, another separator than the comma.
    pub(super) fn parse<'h>(header: impl Iterator<Item = &'h str>) -> Result<Self> {
        let header: Vec<&str> = header.map(str::trim).collect();
        require_commas(&header)?;
        let mut columns = Self {
            count: header.len(),
            ..Self::default()
        };
        let mut user: Option<usize> = None;
        for (at, column) in header.iter().enumerate() {
            let own = column.to_ascii_lowercase();
            let field = match own.as_str() {
                word if USER_NAMES.contains(&word) => &mut user,
                "name" => &mut columns.name,
                "template" => &mut columns.template,
                "preset" => &mut columns.preset,
                "namespace" => &mut columns.namespace,
                "timeout" => &mut columns.timeout,
                _ => {
                    columns.add_parameter(at, column)?;
                    continue;
                }
            };
            if let Some(before) = field.replace(at) {
                let before = header.get(before).copied().unwrap_or_default();
                bail!("columns {before:?} and {column:?} have the same meaning");
            }
        }
        columns.user = user.ok_or_else(|| {
            let error = anyhow!("no column \"user\", \"user_id\" or \"email\" in the first line");
            with_hint(
                error,
                "name the columns in the first line: user,name,template",
            )
        })?;
        Ok(columns)
    }

    fn add_parameter(&mut self, at: usize, column: &str) -> Result<()> {
        if column.is_empty() {
            bail!("column {} has no name", at + 1);
        }
        if column.parse::<ParameterName>().is_err() {
            let error = anyhow!("column {column:?} is neither known nor the name of a parameter");
            return Err(with_hint(
                error,
                "the first line names the columns: name it after a parameter of the template, or remove it; known are: user, name, template, preset, namespace, timeout",
            ));
        }
        if self.parameters.iter().any(|(_, other)| other == column) {
            bail!("column {column:?} is there twice");
        }
        self.parameters.push((at, column.to_owned()));
        Ok(())
    }
}

/// Checks that the columns are separated by commas: spreadsheets of some languages write semicolons.
fn require_commas(header: &[&str]) -> Result<()> {
    let [only] = header else {
        return Ok(());
    };
    for (separator, name) in [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")] {
        if only.contains(separator) {
            let error = anyhow!("columns are separated by {name}, not by commas");
            return Err(with_hint(
                error,
                "save the roster as CSV with commas (RFC 4180)",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<Columns> {
        Columns::parse(header.split(','))
    }

    #[test]
    fn columns_are_found_by_name() {
        let columns = parse(" Email ,SIZE,name,Timeout,IMAGE").unwrap();
        assert_eq!((columns.user, columns.count), (0, 5));
        assert_eq!((columns.name, columns.timeout), (Some(2), Some(3)));
        let parameters = [(1, "SIZE".to_owned()), (4, "IMAGE".to_owned())];
        assert_eq!(columns.parameters, parameters);
        for word in USER_NAMES {
            assert!(parse(word).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        for (header, reason) in [
            ("", "column 1 has no name"),
            ("name,template", "no column \"user\""),
            ("alice@example.com,shell", "neither known"),
            (
                "user,email",
                "columns \"user\" and \"email\" have the same meaning",
            ),
            (
                "user,name,Name",
                "columns \"name\" and \"Name\" have the same meaning",
            ),
            ("user,SIZE,SIZE", "column \"SIZE\" is there twice"),
            ("user,,SIZE", "column 2 has no name"),
            ("user,First Name", "column \"First Name\" is neither known"),
            ("user;name", "separated by semicolons"),
            ("user\tname", "separated by tabs"),
        ] {
            let error = parse(header).unwrap_err().to_string();
            assert!(error.contains(reason), "{header:?}: {error}");
        }
    }
}
