//! Label and field selectors, as far as the tests of this project use them.

use serde_json::Value;

/// Which objects of a collection are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub(crate) namespace: String,
    pub(crate) labels: String,
    pub(crate) fields: String,
}

impl Selector {
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let namespace = object
            .pointer("/metadata/namespace")
            .and_then(Value::as_str)
            .unwrap_or_default();
        (self.namespace.is_empty() || self.namespace == namespace)
            && terms(&self.labels)
                .iter()
                .all(|term| label_matches(term, object))
            && terms(&self.fields)
                .iter()
                .all(|term| field_matches(term, object))
    }
}

/// Splits at commas outside parentheses.
fn terms(text: &str) -> Vec<String> {
    let (mut all, mut term, mut depth) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            all.push(std::mem::take(&mut term));
        } else {
            term.push(c);
        }
    }
    all.push(term);
    all.into_iter()
        .map(|term| term.trim().to_owned())
        .filter(|term| !term.is_empty())
        .collect()
}

fn equality(term: &str) -> Option<(&str, bool, &str)> {
    let (key, value) = term.split_once('=')?;
    if let Some(key) = key.strip_suffix('!') {
        return Some((key.trim(), false, value.trim()));
    }
    Some((key.trim(), true, value.trim_start_matches('=').trim()))
}

fn label_matches(term: &str, object: &Value) -> bool {
    let label = |key: &str| {
        object
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(key))
            .and_then(Value::as_str)
    };
    for (word, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((key, set)) = term.split_once(word) {
            let set: Vec<&str> = set
                .trim()
                .trim_matches(['(', ')'])
                .split(',')
                .map(str::trim)
                .collect();
            return label(key.trim()).is_some_and(|value| set.contains(&value)) == wanted;
        }
    }
    if let Some((key, wanted, value)) = equality(term) {
        return (label(key) == Some(value)) == wanted;
    }
    match term.strip_prefix('!') {
        Some(key) => label(key.trim()).is_none(),
        None => label(term).is_some(),
    }
}

fn field_matches(term: &str, object: &Value) -> bool {
    let Some((key, wanted, value)) = equality(term) else {
        panic!("no field selector: {term:?}")
    };
    let pointer = format!("/{}", key.replace('.', "/"));
    let found = match object.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    (found == value) == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_select() {
        let object = json!({"metadata": {"name": "x", "namespace": "n", "labels": {"a": "1", "b": "2"}}, "involvedObject": {"uid": "u"}});
        let labels = |text: &str| {
            Selector {
                labels: text.into(),
                ..Selector::default()
            }
            .matches(&object)
        };
        for text in [
            "",
            "a",
            "a=1",
            "a==1,b=2",
            "a!=2",
            "a in (1,3)",
            "a notin (2),!c",
            "c!=1",
        ] {
            assert!(labels(text), "{text:?}");
        }
        for text in ["c", "a=2", "a in (2)", "!a", "a notin (1,2)"] {
            assert!(!labels(text), "{text:?}");
        }
        let fields = |text: &str| {
            Selector {
                fields: text.into(),
                ..Selector::default()
            }
            .matches(&object)
        };
        assert!(fields("metadata.name=x,involvedObject.uid=u") && !fields("metadata.name!=x"));
    }
}
