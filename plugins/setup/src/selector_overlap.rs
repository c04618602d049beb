//! Overlap of two label selectors: an object that both can select. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use session_shared::objects::Untyped;

/// Requirements of selectors on the value of one label.
#[derive(Debug, Default)]
struct LabelRequirement<'s> {
    /// The values of which it must have one; `None` for any.
    allowed: Option<BTreeSet<&'s str>>,
    denied: BTreeSet<&'s str>,
    must_exist: bool,
    must_be_absent: bool,
}

impl<'s> LabelRequirement<'s> {
    fn allow(&mut self, values: BTreeSet<&'s str>) {
        self.allowed = Some(match &self.allowed {
            Some(allowed) => allowed.intersection(&values).copied().collect(),
            None => values,
        });
    }

    /// Returns false if no object meets all requirements.
    fn can_be_met(&self) -> bool {
        match &self.allowed {
            Some(allowed) => !self.must_be_absent && !allowed.is_subset(&self.denied),
            None => !(self.must_be_absent && self.must_exist),
        }
    }
}

/// Returns false if no object can be selected by both, because what they require of a label excludes each other.
pub(crate) fn may_select_same(one: &Value, other: &Value) -> bool {
    let mut labels = BTreeMap::new();
    for selector in [one, other] {
        add_requirements(&mut labels, Untyped(selector));
    }
    labels.values().all(LabelRequirement::can_be_met)
}

fn add_requirements<'s>(
    labels: &mut BTreeMap<&'s str, LabelRequirement<'s>>,
    selector: Untyped<'s>,
) {
    let equal = selector.at("/matchLabels").and_then(Value::as_object);
    for (key, value) in equal.into_iter().flatten() {
        labels
            .entry(key)
            .or_default()
            .allow(value.as_str().into_iter().collect());
    }
    for expression in selector.items_at("/matchExpressions") {
        let Some(key) = expression.str_at("/key") else {
            continue;
        };
        let label = labels.entry(key).or_default();
        let values = expression.items_at("/values");
        let values: BTreeSet<&str> = values.filter_map(|value| value.0.as_str()).collect();
        match expression.str_at("/operator") {
            Some("In") => label.allow(values),
            Some("NotIn") => label.denied.extend(values),
            Some("Exists") => label.must_exist = true,
            Some("DoesNotExist") => label.must_be_absent = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_and_expressions_exclude_each_other() {
        let is = |value: &str| json!({"matchLabels": {"app": value}});
        let expression = |operator: &str, values: Value| {
            json!({"matchExpressions": [
            {"key": "app", "operator": operator, "values": values}]})
        };
        let list = |operator: &str, values: &[&str]| expression(operator, json!(values));
        let (exists, absent) = (
            expression("Exists", Value::Null),
            expression("DoesNotExist", Value::Null),
        );
        for (one, other, expected) in [
            (is("web"), is("web"), true),
            (is("web"), is("api"), false),
            (is("web"), json!({}), true),
            (is("web"), Value::Null, true),
            (is("web"), json!({"matchLabels": {"tier": "x"}}), true),
            (is("api"), list("In", &["web"]), false),
            (is("web"), list("In", &["web", "api"]), true),
            (list("In", &["a", "b"]), list("In", &["b", "c"]), true),
            (list("In", &["a"]), list("In", &["b", "c"]), false),
            (is("web"), list("NotIn", &["web"]), false),
            (is("web"), list("NotIn", &["api"]), true),
            (list("In", &["a", "b"]), list("NotIn", &["b"]), true),
            (list("NotIn", &["a"]), absent.clone(), true),
            (is("web"), exists.clone(), true),
            (is("web"), absent.clone(), false),
            (exists, absent, false),
        ] {
            assert_eq!(may_select_same(&one, &other), expected, "{one} {other}");
            assert_eq!(may_select_same(&other, &one), expected, "{other} {one}");
        }
    }
}
