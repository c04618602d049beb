//! The parameters of a template as shown to a user who creates a session. Pure.

use serde_json::Value;
use session_shared::api::{Parameter, ParameterType};
use session_shared::report::table;
use session_shared::template::{Manifest, Parameters, Placeholder};

use crate::empty_cell::{NONE, or_none};

/// A parameter with its effective default and whether a value is required.
#[derive(Debug)]
pub(crate) struct ParameterView<'a> {
    pub(crate) parameter: &'a Parameter,
    pub(crate) required: bool,
    declared: bool,
    default: Value,
}

/// Returns all parameters of a template, declared or not.
pub(crate) fn parameter_views<'a>(
    manifest: &Manifest,
    parameters: &'a Parameters,
    declared: &[Parameter],
) -> Vec<ParameterView<'a>> {
    let placeholders = manifest.placeholders();
    let asked = |parameter: &'a Parameter| {
        let name = &parameter.name;
        let required = parameters.is_required(name);
        ParameterView {
            parameter,
            required,
            declared: declared.iter().any(|one| one.name == *name),
            default: match parameter.kind {
                ParameterType::Secret if required => Value::Null,
                ParameterType::Secret => {
                    let own = placeholders.iter().find(|one| one.name == *name);
                    secret_default(parameter, own).into()
                }
                _ => parameters.default(name).map_or(Value::Null, Value::from),
            },
        }
    };
    parameters.iter().map(asked).collect()
}

/// Returns the text shown as the default of a secret: generated, or hidden if the manifest has a default.
fn secret_default(parameter: &Parameter, placeholder: Option<&Placeholder>) -> &'static str {
    let written = placeholder.is_some_and(|one| one.uses.iter().all(|at| at.default.is_some()));
    if written && parameter.generate.is_none() {
        "<hidden>"
    } else {
        "<generated>"
    }
}

impl ParameterView<'_> {
    /// Returns the parameter as a JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = serde_json::to_value(self.parameter).unwrap_or_default();
        object["type"] = self.parameter.kind.as_str().into();
        object["required"] = self.required.into();
        object["declared"] = self.declared.into();
        if self.parameter.kind == ParameterType::Secret {
            object["generated"] = (self.default == "<generated>").into();
        } else if !self.default.is_null() {
            object["default"] = self.default.clone();
        }
        object
    }

    fn table_row(&self, wide: bool) -> Vec<String> {
        let parameter = self.parameter;
        let default = match self.default.as_str() {
            None => NONE,
            Some("") => "\"\"",
            Some(default) => default,
        };
        let mut row = vec![
            parameter.name.clone(),
            parameter.kind.as_str().to_owned(),
            default.to_owned(),
            self.required.to_string(),
            or_none(parameter.description.as_deref().unwrap_or_default()),
        ];
        if wide {
            row.push(or_none(&parameter.options.join(",")));
            row.push(format_range(parameter));
            row.push(or_none(parameter.pattern.as_deref().unwrap_or_default()));
        }
        row
    }
}

fn format_range(parameter: &Parameter) -> String {
    match (parameter.minimum, parameter.maximum) {
        (None, None) => NONE.to_owned(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("from {least}"),
        (None, Some(most)) => format!("to {most}"),
    }
}

/// Formats the table of parameters.
pub(crate) fn parameters_table(
    asked: &[ParameterView<'_>],
    wide: bool,
    no_headers: bool,
) -> String {
    let headings = [
        "NAME",
        "TYPE",
        "DEFAULT",
        "REQUIRED",
        "DESCRIPTION",
        "OPTIONS",
        "RANGE",
        "PATTERN",
    ];
    let shown = if wide { headings.len() } else { 5 };
    let rows: Vec<Vec<String>> = asked.iter().map(|one| one.table_row(wide)).collect();
    let headings: Vec<&str> = headings.into_iter().take(shown).collect();
    table::format_table(&headings, &rows, no_headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_have_one_end() {
        let of = |minimum, maximum| {
            format_range(&Parameter {
                minimum,
                maximum,
                ..Parameter::default()
            })
        };
        let all = [
            of(None, None),
            of(Some(1), None),
            of(None, Some(8)),
            of(Some(1), Some(8)),
        ];
        assert_eq!(all, ["<none>", "from 1", "to 8", "1 to 8"]);
    }

    #[test]
    fn a_secret_is_never_said() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: \"${A:-hunter2}\", b: \"${B}\", c: \"${C:-hunter2}\"}\n";
        let source = session_shared::template::Source::new("f", text).unwrap();
        let manifest = Manifest::parse(&source).unwrap();
        let mut generated = Parameter::new("C", ParameterType::Secret);
        generated.generate = Some(Default::default());
        let mut required = Parameter::new("B", ParameterType::Secret);
        required.required = Some(true);
        let declared = [required, generated];
        let found = Parameters::merge(&declared, &manifest).unwrap();
        let asked = parameter_views(&manifest, &found, &declared);
        let rows: Vec<String> = asked
            .iter()
            .map(|one| one.table_row(false)[..4].join(" "))
            .collect();
        assert_eq!(
            rows,
            [
                "B secret <none> true",
                "C secret <generated> false",
                "A secret <hidden> false"
            ]
        );
        let json: Vec<Value> = asked.iter().map(ParameterView::to_json).collect();
        assert!(!format!("{json:?}").contains("hunter2"));
    }
}
