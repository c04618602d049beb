//! A client-side dry run: exactly what the plan says, and no request that writes.

use anyhow::Result;
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, name};
use session_shared::report::mutation::Mutations;

use crate::intent::Intent;
use crate::plan::Subject;

/// Prints the Session alone, which can be applied; with `--rendered` the objects instead, without owners and without Secrets that
/// hold secret values, given or generated: those are named on standard error.
///
/// # Errors
/// When it cannot be printed.
pub(crate) fn dry_run(
    intent: &Intent,
    subject: &Subject,
    mut format: Format,
    console: &mut Console,
) -> Result<()> {
    for warning in &subject.rendered.rendering.warnings {
        console.warn(warning);
    }
    if !intent.rendered {
        let session = subject.session(&intent.metadata);
        return console.out(&Mutations::new(format, DryRun::Client).done(&session, "created")?);
    }
    let shown: Vec<Value> = subject.start(&intent.use_existing, "").objects();
    for withheld in &subject.rendered.withheld {
        let parameters = withheld.parameters.join(", ");
        console.err_line(&format!(
            "left out: secret {:?}, which holds secret values ({parameters})",
            withheld.name
        ));
    }
    let text = match &mut format {
        // The names of what would be made: all that a line each can hold.
        Format::Text { .. } => shown
            .iter()
            .map(|object| format!("{} created (dry run)\n", name(object)))
            .collect(),
        Format::Objects(printer) => printer.list(&shown)?,
    };
    console.out(&text)
}
