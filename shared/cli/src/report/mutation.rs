//! Results of verbs that write: kubectl's sentence about an object, its name, or the object.

use anyhow::Result;
use serde_json::Value;

use super::escape;
use super::format::{self, Format};
use session_client::DryRun;
use session_model::objects::ResourceType;

/// Printer of the results of a verb that writes.
#[derive(Debug)]
pub struct MutationPrinter {
    format: Format,
    dry_run: DryRun,
}

impl MutationPrinter {
    /// Returns a printer for a format and a dry-run mode.
    pub(crate) fn new(format: Format, dry_run: DryRun) -> Self {
        Self { format, dry_run }
    }

    /// Formats the result of one object: `session.streaming.platform/alice created`, with `(dry run)` or `(server dry
    /// run)` if nothing was stored. `verb` is the participle that kubectl uses: created, configured, unchanged,
    /// patched, stopped, …
    ///
    /// # Errors
    /// The JSONPath of the format fails on the object.
    pub fn print_result(&mut self, object: &Value, verb: &str) -> Result<String> {
        match &mut self.format {
            Format::Text { .. } => Ok(format!(
                "{} {verb}{}\n",
                format::kind_and_name(object),
                dry_run_suffix(self.dry_run)
            )),
            Format::Objects(printer) => printer.print_object(object),
        }
    }

    /// Formats a deletion: `session.streaming.platform "alice" deleted from q namespace`; cluster-scoped objects have
    /// no namespace.
    pub fn print_deleted(
        &self,
        resource: &ResourceType,
        name: &str,
        namespace: &str,
        force: bool,
    ) -> String {
        let kind = resource.singular();
        let name = escape::escape_line(name);
        if let Format::Objects(printer) = &self.format
            && printer.is_name()
        {
            return format!("{kind}/{name}\n");
        }
        let verb = if force { "force deleted" } else { "deleted" };
        let place = match namespace {
            _ if !resource.namespaced => String::new(),
            "" => String::new(),
            namespace => format!(" from {namespace} namespace"),
        };
        format!(
            "{kind} \"{name}\" {verb}{place}{}\n",
            dry_run_suffix(self.dry_run)
        )
    }
}

/// Returns kubectl's words behind a line that tells what a dry run would do; nothing without one.
pub fn dry_run_suffix(dry_run: DryRun) -> &'static str {
    match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    }
}

/// Returns kubectl's message on standard error for an empty list; without a namespace for all of them.
pub fn no_resources_message(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("No resources found in {namespace} namespace."),
        None => "No resources found".to_owned(),
    }
}

/// Returns the participle for an applied object by comparing the server's answer with the object before.
pub fn apply_verb(before: Option<&Value>, after: &Value) -> &'static str {
    match before {
        None => "created",
        Some(before) if without_server_fields(before) == without_server_fields(after) => {
            "unchanged"
        }
        Some(_) => "configured",
    }
}

/// Returns an object without the fields that the server maintains.
fn without_server_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "resourceVersion", "generation"] {
            metadata.shift_remove(field);
        }
    }
    if let Some(object) = object.as_object_mut() {
        object.shift_remove("status");
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::format::FormatSet;
    use serde_json::json;
    use session_model::objects::resource::{NAMESPACE, SESSION, SESSION_TEMPLATE};

    fn mutations(output: &str, dry_run: DryRun) -> MutationPrinter {
        MutationPrinter::new(
            Format::parse(output, FormatSet::Object, false, false).unwrap(),
            dry_run,
        )
    }

    fn alice() -> Value {
        json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "alice"}})
    }

    #[test]
    fn a_sentence_says_what_was_done() {
        let text = |dry_run| {
            mutations("", dry_run)
                .print_result(&alice(), "created")
                .unwrap()
        };
        assert_eq!(
            text(DryRun::None),
            "session.streaming.platform/alice created\n"
        );
        assert_eq!(
            text(DryRun::Client),
            "session.streaming.platform/alice created (dry run)\n"
        );
        assert_eq!(
            text(DryRun::Server),
            "session.streaming.platform/alice created (server dry run)\n"
        );
    }

    #[test]
    fn a_deletion_says_from_where() {
        let plain = mutations("", DryRun::None);
        assert_eq!(
            plain.print_deleted(&SESSION, "alice", "q", false),
            "session.streaming.platform \"alice\" deleted from q namespace\n"
        );
        assert_eq!(
            plain.print_deleted(&SESSION, "alice", "q", true),
            "session.streaming.platform \"alice\" force deleted from q namespace\n"
        );
        assert_eq!(
            plain.print_deleted(&SESSION_TEMPLATE, "lab", "q", false),
            "sessiontemplate.streaming.platform \"lab\" deleted\n"
        );
        assert_eq!(
            mutations("", DryRun::Server).print_deleted(&NAMESPACE, "q", "", false),
            "namespace \"q\" deleted (server dry run)\n"
        );
        assert_eq!(
            mutations("", DryRun::Client).print_deleted(&SESSION, "alice", "q", false),
            "session.streaming.platform \"alice\" deleted from q namespace (dry run)\n"
        );
    }

    #[test]
    fn a_name_or_the_object_takes_the_place_of_the_sentence() {
        let mut name = mutations("name", DryRun::Server);
        assert_eq!(
            name.print_result(&alice(), "created").unwrap(),
            "session.streaming.platform/alice\n"
        );
        assert_eq!(
            name.print_deleted(&SESSION, "alice", "q", false),
            "session.streaming.platform/alice\n"
        );
        let yaml = mutations("yaml", DryRun::Client)
            .print_result(&alice(), "created")
            .unwrap();
        assert_eq!(
            yaml,
            "apiVersion: streaming.platform/v1\nkind: Session\nmetadata:\n  name: alice\n"
        );
    }

    #[test]
    fn an_empty_list_names_the_place() {
        assert_eq!(
            no_resources_message(Some("q")),
            "No resources found in q namespace."
        );
        assert_eq!(no_resources_message(None), "No resources found");
    }

    #[test]
    fn a_change_is_what_the_server_made_of_it() {
        let before = json!({ "metadata": { "name": "x", "resourceVersion": "1" }, "spec": { "a": 1 }, "status": {} });
        let same =
            json!({ "metadata": { "name": "x", "resourceVersion": "2" }, "spec": { "a": 1 } });
        let other = json!({ "metadata": { "name": "x" }, "spec": { "a": 2 } });
        assert_eq!(apply_verb(None, &same), "created");
        assert_eq!(apply_verb(Some(&before), &same), "unchanged");
        assert_eq!(apply_verb(Some(&before), &other), "configured");
    }
}
