//! `template params`: lists the parameters of a template or manifest.

use anyhow::Result;
use serde_json::Value;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::report::format::{Format, FormatSet};
use session_shared::template::{Manifest, Parameters};
use session_shared::verb::Environment;

use crate::args::TemplateParamsArgs;
use crate::parameter_view;
use crate::template_input::{self, TemplateSource};

/// Lists the parameters of a template.
///
/// # Errors
/// If the template does not exist or is invalid, or the output format is invalid.
pub(crate) async fn run(
    args: TemplateParamsArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let TemplateParamsArgs {
        template,
        output,
        no_headers,
    } = args;
    let place = template_input::template_source(&template)?;
    let format = Format::parse(output.as_deref(), FormatSet::All, no_headers, false)?;
    let chosen = match &place {
        TemplateSource::File(file) => {
            let console = &mut environment.console;
            template_input::read_from_file(file, &template.replacements, console)?
        }
        TemplateSource::Builtin(name) => template_input::read_builtin(name)?,
        TemplateSource::Cluster(name) => {
            template_input::read_from_cluster(&environment.connect(connection).await?, name).await?
        }
    };
    let manifest = Manifest::parse(chosen.manifest())?;
    let parameters = Parameters::merge(chosen.declared_parameters(), &manifest)?;
    let all = parameter_view::parameter_views(&manifest, &parameters, chosen.declared_parameters());
    if all.is_empty() && matches!(format, Format::Text { .. }) {
        environment.console.print_error_line("No parameters found");
        return Ok(());
    }
    let text = match format {
        Format::Text { wide } => parameter_view::parameters_table(&all, wide, no_headers),
        Format::Objects(printer) if printer.is_name() => all
            .iter()
            .map(|one| format!("{}\n", one.parameter.name))
            .collect(),
        Format::Objects(mut printer) => {
            let all: Vec<Value> = all
                .iter()
                .map(parameter_view::ParameterView::to_json)
                .collect();
            let output = output.unwrap_or_default();
            if output.starts_with("custom-columns") {
                printer.print_list(&all)?
            } else {
                printer.print_object(&serde_json::json!({ "parameters": all }))?
            }
        }
    };
    environment.console.print(&text)
}
