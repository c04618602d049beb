//! Prints a client-side dry run of `create`, which sends no write.

use anyhow::Result;
use serde_json::Value;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, kind_and_name};

use crate::intent::Intent;
use crate::plan::NewSession;

/// Prints the Session, ready to apply; with `--rendered` the session's objects instead, without owner references. Secrets
/// with secret values are omitted and named on standard error.
///
/// # Errors
/// A failed template of `-o`; closed standard output.
pub(crate) fn print_dry_run(
    intent: &Intent,
    subject: &NewSession,
    console: &mut Console,
) -> Result<()> {
    for warning in &subject.rendered.rendering.warnings {
        console.warn(warning);
    }
    if !intent.rendered.rendered {
        let session = subject.session_object(&intent.session.metadata);
        let mut mutations = intent.mutation.printer();
        return console.print(&mutations.print_result(&session, "created")?);
    }
    let shown: Vec<Value> = subject.start(&intent.use_existing, None).owned_objects();
    for withheld in &subject.rendered.withheld {
        let parameters = withheld.parameters.join(", ");
        console.print_error_line(&format!(
            "omitted: secret {:?}, which holds secret values ({parameters})",
            withheld.name
        ));
    }
    let text = match intent.mutation.format.clone() {
        // Text output has one line for each object.
        Format::Text { .. } => shown
            .iter()
            .map(|object| format!("{} created (dry run)\n", kind_and_name(object)))
            .collect(),
        Format::Objects(mut printer) => printer.print_list(&shown)?,
    };
    console.print(&text)
}
