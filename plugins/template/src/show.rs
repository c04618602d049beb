//! `template show`: prints one template.

use anyhow::Result;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::report::format::Format;
use session_shared::template::{Manifest, Parameters, Problems};
use session_shared::verb::Environment;

use crate::args::TemplateShowArgs;
use crate::template_input::{self, TemplateInput};
use crate::view;

/// Prints a template as text or as an object.
///
/// # Errors
/// If the template does not exist, or the output format is invalid.
pub(crate) async fn run(
    args: TemplateShowArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let TemplateShowArgs {
        name,
        builtin,
        output,
    } = args;
    let name = template_input::parse_template_name(&name)?;
    let format = Format::from_object_flags(&output)?;
    let chosen = if builtin {
        template_input::read_builtin(&name)?
    } else {
        template_input::read_from_cluster(&environment.connect(connection).await?, &name).await?
    };
    let TemplateInput::Template(found) = &chosen else {
        return Ok(());
    };
    match format {
        Format::Objects(mut printer) => environment
            .console
            .print(&printer.print_object(&found.object)?),
        Format::Text { .. } => {
            // An invalid template is shown as far as it can be parsed.
            let read = Manifest::parse(&found.manifest).and_then(|manifest| {
                let parameters = Parameters::merge(&found.template.spec.parameters, &manifest)?;
                Ok((manifest, parameters))
            });
            for problem in read.as_ref().err().map(problem_lines).unwrap_or_default() {
                environment.console.warn(&problem);
            }
            let text = view::template_text(&found.template, read.as_ref().ok());
            environment.console.print(&text)
        }
    }
}

/// Returns the problems of an error, one line each.
fn problem_lines(error: &anyhow::Error) -> Vec<String> {
    let all = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Problems>());
    match all {
        Some(problems) => problems.iter().map(ToString::to_string).collect(),
        None => vec![error.to_string()],
    }
}
