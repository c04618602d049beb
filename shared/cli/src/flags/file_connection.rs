//! Namespace and context that a file names.
//!
//! ```text
//! converted file ─► adopt_file_connection ─► ConnectionFlags, SourceNamespace::Default ─┐
//! Kubernetes object ─► SourceNamespace::Required ───────────────────────────────────────┴─► resolve_namespace
//! ```

use anyhow::{Error, Result, anyhow};
use session_model::failure::{FailureKind, has_kind, with_hint};
use session_template::Conversion;

use super::connection::ConnectionFlags;
use super::non_empty;
use crate::report::console::Console;

/// Namespace that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceNamespace {
    /// Namespace of a Kubernetes object: must be the command's, as in kubectl.
    Required(String),
    /// Namespace of a converted file, used if the command line has none.
    Default(String),
}

/// Returns the namespace of a command whose file names `named`; `current` is that of the connection.
///
/// # Errors
/// An object of another namespace, in kubectl's words.
pub fn resolve_namespace(named: Option<&SourceNamespace>, current: &str) -> Result<String> {
    match named {
        Some(SourceNamespace::Default(named)) => Ok(named.clone()),
        Some(SourceNamespace::Required(named)) if named != current => Err(anyhow!(
            "the namespace from the provided object {named:?} does not match the namespace {current:?}. You must pass \
             '--namespace={named}' to perform this operation."
        )),
        _ => Ok(current.to_owned()),
    }
}

/// Makes namespace and context of the file those of the connection. A flag goes first, with a note if it differs. Returns the
/// file's namespace if it is used.
pub fn adopt_file_connection(
    file: &str,
    converted: &Conversion,
    connection: &mut ConnectionFlags,
    console: &mut Console,
) -> Option<String> {
    let mut adopt = |flag: &mut Option<String>, found: &Option<String>, what: &str| {
        let found = found.clone()?;
        match flag.as_deref().filter(|given| !given.is_empty()) {
            None => *flag = Some(found.clone()),
            Some(given) if given == found => {}
            Some(given) => {
                console.note(&format!(
                    "{what} {given:?} of the command line is used, not {found:?} of {file}"
                ));
                return None;
            }
        }
        Some(found)
    };
    let is_given = non_empty(&connection.context).is_some();
    let context = adopt(&mut connection.context, &converted.context, "context");
    connection.context_file = context.filter(|_| !is_given).map(|_| file.to_owned());
    adopt(&mut connection.namespace, &converted.namespace, "namespace")
}

/// Returns what a converted file names, to be appended to what it is: `, namespace "dev", context "prod"`.
pub fn describe_connection(converted: &Conversion) -> String {
    let named = [
        ("namespace", &converted.namespace),
        ("context", &converted.context),
    ];
    let named = named.into_iter();
    named
        .filter_map(|(what, name)| Some(format!(", {what} {:?}", name.as_ref()?)))
        .collect()
}

/// Adds to an error of the kubeconfig which file names the context, if one does.
pub(crate) fn with_file_hint(error: Error, connection: &ConnectionFlags) -> Error {
    match (&connection.context_file, &connection.context) {
        (Some(file), Some(context)) if has_kind(&error, FailureKind::InvalidConfiguration) => {
            let hint = format!("choose a context with --context: {file} names {context:?}");
            with_hint(error, hint)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::{ErrorWithHint, Failure};

    fn adopted(flag: Option<&str>) -> ConnectionFlags {
        let (mut console, _) = Console::for_test("", false);
        let mut connection = ConnectionFlags {
            context: flag.map(str::to_owned),
            ..ConnectionFlags::default()
        };
        let converted = Conversion {
            context: Some("prod".to_owned()),
            ..Conversion::default()
        };
        adopt_file_connection("a.yaml", &converted, &mut connection, &mut console);
        connection
    }

    #[test]
    fn an_unknown_context_of_a_file_is_told_with_the_file() {
        let hint = |connection: &ConnectionFlags, kind| {
            let error = Failure::client_side(kind, "context was not found".to_owned()).into();
            let error = with_file_hint(error, connection);
            let found = error.downcast_ref::<ErrorWithHint>();
            found.map(|found| found.hint.clone())
        };
        let unknown = FailureKind::InvalidConfiguration;
        assert_eq!(
            hint(&adopted(None), unknown).as_deref(),
            Some("choose a context with --context: a.yaml names \"prod\"")
        );
        assert_eq!(hint(&adopted(None), FailureKind::Unreachable), None);
        for flag in ["prod", "dev"] {
            assert_eq!(hint(&adopted(Some(flag)), unknown), None, "{flag}");
        }
    }

    #[test]
    fn an_object_of_another_namespace_is_refused() {
        let required = SourceNamespace::Required("q".to_owned());
        let default = SourceNamespace::Default("q".to_owned());
        let resolve = |named: Option<&_>, current| resolve_namespace(named, current).ok();
        assert_eq!(resolve(Some(&required), "q").as_deref(), Some("q"));
        assert_eq!(resolve(Some(&required), "p"), None);
        assert_eq!(resolve(Some(&default), "p").as_deref(), Some("q"));
        assert_eq!(resolve(None, "p").as_deref(), Some("p"));
    }
}
