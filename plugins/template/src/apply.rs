//! `template apply`: creates or updates templates from a file.

use anyhow::{Result, bail};
use serde_json::Value;
use session_shared::client::DryRun;
use session_shared::failure;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::objects::Untyped;
use session_shared::objects::resource::SESSION_TEMPLATE;
use session_shared::ops::Cluster;
use session_shared::report::mutation::apply_verb;
use session_shared::template::Severity;
use session_shared::verb::Environment;

use crate::args::TemplateApplyArgs;
use crate::plan::TemplateNaming;
use crate::{plan, template_input, view};

/// Applies the templates of a file.
///
/// # Errors
/// All problems of the file, before the first request; then the requests that failed.
pub(crate) async fn run(
    args: TemplateApplyArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: check the file
    let TemplateApplyArgs {
        filename,
        replacements,
        name,
        description,
        primary,
        output,
        write_flags,
    } = args;
    let console = &mut environment.console;
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    let mut mutations = mutation.printer();
    let source = template_input::read_source(&filename, &replacements, &mut environment.console)?;
    let naming = TemplateNaming {
        name,
        description,
        primary,
    };
    let plan = plan::plan_apply(&source, &naming)?;
    let broken = plan::has_errors(&plan.findings);
    for finding in &plan.findings {
        match finding.severity {
            _ if broken => environment
                .console
                .print_error_line(view::finding_text(finding).trim_end()),
            Severity::Info => {}
            _ => environment.console.warn_with_hint(
                &finding.problem.to_string(),
                finding.problem.hint.as_deref(),
            ),
        }
    }
    if broken {
        // The findings have been printed with their hints.
        bail!(
            "cannot apply {}: lint found {}",
            source.name(),
            plan::count_findings(&plan.findings)
        );
    }
    // writes
    let cluster = environment.connect(connection).await?;
    let mut errors = Vec::new();
    for object in &plan.objects {
        match apply_template(&cluster, object, &mutation).await {
            Ok((after, change)) => environment
                .console
                .print(&mutations.print_result(&after, change)?)?,
            Err(error) => errors.push(error),
        }
    }
    failure::combine_errors(errors)
}

/// Applies a template. A client-side dry run sends no writes and reports an existing template as configured, because only the
/// server knows whether it would change.
async fn apply_template(
    cluster: &Cluster,
    object: &Value,
    mutation: &MutationOptions,
) -> Result<(Value, &'static str)> {
    let name = Untyped(object).name();
    let before = template_input::with_setup_hint(cluster.get(&SESSION_TEMPLATE, "", name).await)?;
    let write = &mutation.write;
    if mutation.dry_run == DryRun::Client {
        let change = match before {
            Some(_) => "configured",
            None => "created",
        };
        return Ok((object.clone(), change));
    }
    if let Some(before) = &before {
        cluster
            .upgrade_managed_fields(&SESSION_TEMPLATE, "", name, before, write)
            .await?;
    }
    let after = cluster
        .apply(&SESSION_TEMPLATE, "", name, object, write)
        .await?;
    let change = apply_verb(before.as_ref(), &after);
    Ok((after, change))
}
