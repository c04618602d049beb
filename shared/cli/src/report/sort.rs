//! `--sort-by`: objects, or rows of a Table, sorted by a field.
//!
//! Fields are compared as kubectl compares them: numbers by value, strings as quantities if all of them are quantities
//! (`9` before `10`, `500m` before `1`), else as text, which puts RFC 3339 times in order. Objects without the field
//! come first. Equal objects keep their order, where kubectl's is random.

use std::cmp::Ordering;

use anyhow::{Result, anyhow, bail};
use serde_json::{Number, Value};

use super::jsonpath::JsonPath;
use session_model::objects::table::Row;
use session_model::quantity::Quantity;

/// Sorts objects by the field at `path`, which needs neither dot nor braces.
///
/// # Errors
/// The path is invalid, no object has the field, or its values have no order.
pub fn sort_objects(objects: &mut Vec<Value>, path: &str) -> Result<()> {
    sort(objects, path, |object| object)
}

/// Sorts the rows of a Table by a field of their objects, which the server must have sent (`includeObject=Object`).
///
/// # Errors
/// As [`sort_objects`].
pub fn sort_rows(rows: &mut Vec<Row>, path: &str) -> Result<()> {
    sort(rows, path, |row| &row.object)
}

fn sort<T>(items: &mut Vec<T>, path: &str, object: impl Fn(&T) -> &Value) -> Result<()> {
    let field = JsonPath::parse_relaxed(path)
        .or_else(|_| JsonPath::parse(path))
        .map_err(|error| anyhow!("sorting error: {error}"))?;
    let mut fields = Vec::with_capacity(items.len());
    for item in items.iter() {
        fields.push(first_value(&field, object(item))?);
    }
    if items.is_empty() {
        return Ok(());
    }
    if fields.iter().all(Option::is_none) {
        let field = field.source();
        bail!("couldn't find any field with path {field:?} in the list of objects");
    }
    let keys = sort_keys(&fields)
        .map_err(|kind| anyhow!("cannot sort by field {:?}: {kind}", field.source()))?;
    let mut keyed: Vec<_> = keys.into_iter().zip(std::mem::take(items)).collect();
    keyed.sort_by(|(left, _), (right, _)| left.cmp(right));
    items.extend(keyed.into_iter().map(|(_, item)| item));
    Ok(())
}

/// Returns the first value that a path finds.
fn first_value(field: &JsonPath, object: &Value) -> Result<Option<Value>> {
    let found = field.find(object)?.into_iter().next().unwrap_or_default();
    Ok(found.into_iter().next().map(|value| value.into_owned()))
}

/// Sort key with a total order over all kinds of values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Missing,
    Null,
    Number(NumberOrder),
    Quantity(Quantity),
    Text(String),
}

fn sort_keys(fields: &[Option<Value>]) -> Result<Vec<SortKey>, &'static str> {
    let quantity = |text: &str| text.parse::<Quantity>().ok();
    let texts = fields.iter().flatten().filter_map(Value::as_str);
    let quantities = texts.clone().all(|text| quantity(text).is_some());
    let has_texts = texts.count() > 0;
    let key = |field: &Option<Value>| match field {
        None => Ok(SortKey::Missing),
        Some(Value::Null) => Ok(SortKey::Null),
        Some(Value::Number(_)) if has_texts => Err("number in one object, string in another"),
        Some(Value::Number(number)) => Ok(SortKey::Number(NumberOrder(number.clone()))),
        Some(Value::String(text)) => Ok(quantity(text)
            .filter(|_| quantities)
            .map_or_else(|| SortKey::Text(text.clone()), SortKey::Quantity)),
        Some(Value::Bool(_)) => Err("booleans have no order"),
        Some(Value::Array(_)) => Err("lists have no order"),
        Some(Value::Object(_)) => Err("objects have no order"),
    };
    fields.iter().map(key).collect()
}

/// Number ordered by value.
#[derive(Clone, Debug)]
struct NumberOrder(Number);

impl Ord for NumberOrder {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |number: &Number| {
            let signed = number.as_i64().map(i128::from);
            signed.or_else(|| number.as_u64().map(i128::from))
        };
        let float = |number: &Number| number.as_f64().unwrap_or_default();
        match (whole(&self.0), whole(&other.0)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => float(&self.0).total_cmp(&float(&other.0)),
        }
    }
}

impl PartialOrd for NumberOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for NumberOrder {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for NumberOrder {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The names of objects a, b, c, … that have those fields, in sorted order.
    fn sorted(fields: &[Value]) -> Result<String> {
        let named = fields.iter().zip('a'..).map(|(field, name)| {
            let mut object = json!({"name": name.to_string()});
            if *field != json!("absent") {
                object["f"] = field.clone();
            }
            object
        });
        let mut all: Vec<Value> = named.collect();
        sort_objects(&mut all, ".f")?;
        Ok(all.iter().filter_map(|o| o["name"].as_str()).collect())
    }

    #[test]
    fn fields_are_compared_by_what_they_are() {
        assert_eq!(sorted(&[json!(10), json!(9), json!(-1)]).unwrap(), "cba");
        assert_eq!(sorted(&[json!(1.5), json!(2), json!(1)]).unwrap(), "cab");
        assert_eq!(
            sorted(&[json!("10"), json!("9"), json!("500m")]).unwrap(),
            "cba"
        );
        assert_eq!(
            sorted(&[json!("1Gi"), json!("2000Mi"), json!("1G")]).unwrap(),
            "cab"
        );
        assert_eq!(
            sorted(&[json!("10"), json!("9"), json!("x")]).unwrap(),
            "abc"
        );
        let times = [
            json!("2026-01-02T00:00:00Z"),
            json!("2026-01-01T23:59:59Z"),
            json!("2025-12-31T00:00:00Z"),
        ];
        assert_eq!(sorted(&times).unwrap(), "cba");
    }

    #[test]
    fn objects_without_the_field_come_first_and_equal_ones_keep_their_order() {
        assert_eq!(
            sorted(&[json!("x"), json!("absent"), json!(null)]).unwrap(),
            "bca"
        );
        assert_eq!(
            sorted(&[json!("b"), json!("a"), json!("b"), json!("a")]).unwrap(),
            "bdac"
        );
        assert_eq!(sorted(&[]).unwrap(), "");
    }

    #[test]
    fn what_has_no_order_is_an_error() {
        let error = |fields: &[Value]| sorted(fields).unwrap_err().to_string();
        assert_eq!(
            error(&[json!("absent"), json!("absent")]),
            "couldn't find any field with path \"{.f}\" in the list of objects"
        );
        assert_eq!(
            error(&[json!(true)]),
            "cannot sort by field \"{.f}\": booleans have no order"
        );
        assert_eq!(
            error(&[json!({})]),
            "cannot sort by field \"{.f}\": objects have no order"
        );
        assert!(error(&[json!(1), json!("a")]).contains("number in one object, string in another"));
        let mut one = vec![json!({})];
        let error = sort_objects(&mut one, "{.a[").unwrap_err().to_string();
        assert!(error.starts_with("sorting error: "), "{error}");
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn rows_are_sorted_by_their_objects() {
        let row = |name: &str| Row {
            cells: vec![json!(name)],
            object: json!({"metadata": {"name": name}}),
        };
        let mut table = vec![row("b"), row("a")];
        sort_rows(&mut table, "metadata.name").unwrap();
        assert_eq!(table[0].cells[0], json!("a"));
        let mut bare = vec![Row::default()];
        assert!(sort_rows(&mut bare, "metadata.name").is_err());
    }
}
