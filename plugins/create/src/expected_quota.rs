//! The ResourceQuota that a converted file expects in its namespace. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use session_shared::encode::shell;
use session_shared::quantity::Quantity;
use session_shared::template::InputForm;

/// The ResourceQuota that a file expects; empty for one that expects none.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExpectedQuota {
    /// `spec.hard`.
    hard: BTreeMap<String, String>,
    /// Arguments of `quota set` that set it.
    arguments: String,
}

impl ExpectedQuota {
    /// Returns the quota that the file expects, which has this form.
    pub(crate) fn of_file(file: &str, form: InputForm, hard: BTreeMap<String, String>) -> Self {
        let flag = match form {
            InputForm::NvimConfig => "--config",
            _ => "-f",
        };
        let arguments = match file {
            // Standard input cannot be read again.
            "-" => {
                let pairs: Vec<String> = hard
                    .iter()
                    .map(|(key, amount)| format!("{key}={amount}"))
                    .collect();
                format!("--hard {}", pairs.join(","))
            }
            file => format!("{flag} {}", shell::quote_word(file)),
        };
        Self { hard, arguments }
    }

    /// Returns a warning with its remedy if no quota of the namespace has every expected amount.
    pub(crate) fn missing_warning(
        &self,
        namespace: &str,
        quotas: &[Value],
    ) -> Option<(String, String)> {
        let mut quotas = quotas.iter();
        if self.hard.is_empty() || quotas.any(|quota| has_amounts(quota, &self.hard)) {
            return None;
        }
        let arguments = &self.arguments;
        Some((
            format!(
                "namespace {namespace:?} has no ResourceQuota with the amounts that the file expects; create makes none"
            ),
            format!("kubectl session quota set {arguments} -n {namespace}"),
        ))
    }
}

fn has_amounts(quota: &Value, expected: &BTreeMap<String, String>) -> bool {
    expected.iter().all(|(key, amount)| {
        let found = quota["spec"]["hard"][key]
            .as_str()
            .and_then(|text| text.parse::<Quantity>().ok());
        found.is_some_and(|found| {
            amount
                .parse::<Quantity>()
                .is_ok_and(|amount| amount == found)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quota_with_the_amounts_is_enough() {
        let hard = BTreeMap::from([
            ("limits.cpu".to_owned(), "8".to_owned()),
            ("requests.memory".to_owned(), "8Gi".to_owned()),
        ]);
        let expected = |file| ExpectedQuota::of_file(file, InputForm::Sindri, hard.clone());
        let quota = |memory: &str| json!({"spec": {"hard": {"limits.cpu": "8000m", "requests.memory": memory, "pods": "9"}}});
        let warning = |file, quotas: &[Value]| expected(file).missing_warning("q", quotas);
        assert_eq!(warning("a", &[quota("4Gi"), quota("8192Mi")]), None);
        for (file, command) in [
            (
                "my env.yaml",
                "kubectl session quota set -f 'my env.yaml' -n q",
            ),
            (
                "-",
                "kubectl session quota set --hard limits.cpu=8,requests.memory=8Gi -n q",
            ),
        ] {
            assert_eq!(warning(file, &[quota("4Gi")]).unwrap().1, command);
        }
        assert_eq!(ExpectedQuota::default().missing_warning("q", &[]), None);
    }
}
