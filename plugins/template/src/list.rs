//! `template list`: lists the templates of the cluster or the built-in ones.

use anyhow::Result;
use futures::TryStreamExt;
use serde_json::Value;
use session_shared::client::{IncludeObject, ListOptions, Scope};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::non_empty;
use session_shared::flags::output::ListOutputFlags;
use session_shared::objects::resource::SESSION_TEMPLATE;
use session_shared::ops::Cluster;
use session_shared::report::format::{Format, ObjectPrinter};
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::{TableOptions, TablePrinter};
use session_shared::verb::Environment;

use crate::args::TemplateListArgs;
use crate::{template_input, view};

/// Lists templates.
///
/// # Errors
/// If a request fails, or the output format or sort path is invalid.
pub(crate) async fn run(
    args: TemplateListArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let TemplateListArgs {
        builtin,
        selecting,
        output,
    } = args;
    let format = Format::from_list_flags(&output)?;
    let (selector, field_selector) = (selecting.label_selector(), selecting.field_selector());
    if builtin {
        if !(selector.is_empty() && field_selector.is_empty()) {
            return Err(usage_error(
                "--builtin cannot be specified together with a selector",
            ));
        }
        return print_builtin(&output, format, environment);
    }
    let cluster = environment.connect(connection).await?;
    let select = selecting.options();
    match format {
        Format::Text { .. } => print_table(&cluster, &select, &output, environment).await,
        Format::Objects(printer) => {
            let list = cluster
                .list(&SESSION_TEMPLATE, Scope::Cluster, &select)
                .await;
            print_objects(
                template_input::with_setup_hint(list)?.items,
                printer,
                &output,
                environment,
            )
        }
    }
}

async fn print_table(
    cluster: &Cluster,
    select: &ListOptions,
    output: &ListOutputFlags,
    environment: &mut Environment,
) -> Result<()> {
    let sort_by = non_empty(&output.sort_by);
    // Only sorting by a path needs whole objects; metadata is a tenth of the bytes.
    let include = if sort_by.is_none() {
        IncludeObject::Metadata
    } else {
        IncludeObject::Object
    };
    let mut pages = cluster.list_table_pages(
        &SESSION_TEMPLATE,
        Scope::Cluster,
        select,
        select.limit,
        include,
    );
    let mut options = TableOptions::from_flags(output);
    options.kind = output.show_kind.then(|| SESSION_TEMPLATE.singular());
    let mut printer = TablePrinter::new(options);
    let mut sorted = None;
    while let Some(mut page) = template_input::with_setup_hint(pages.try_next().await)? {
        match &mut sorted {
            _ if sort_by.is_none() => printer.add_page(&page),
            None => sorted = Some(page),
            Some(whole) => whole.rows.append(&mut page.rows),
        }
    }
    if let Some(mut whole) = sorted.filter(|whole| !whole.rows.is_empty())
        && let Some(sort_by) = sort_by
    {
        sort::sort_rows(&mut whole.rows, sort_by)?;
        printer.add_page(&whole);
    }
    environment.console.print(&printer.flush())?;
    if printer.row_count() == 0 {
        environment
            .console
            .print_error_line(&no_resources_message(None));
    }
    Ok(())
}

fn print_objects(
    mut found: Vec<Value>,
    mut printer: ObjectPrinter,
    output: &ListOutputFlags,
    environment: &mut Environment,
) -> Result<()> {
    if let Some(sort_by) = non_empty(&output.sort_by)
        && !found.is_empty()
    {
        sort::sort_objects(&mut found, sort_by)?;
    }
    environment.console.print(&printer.print_list(&found)?)
}

fn print_builtin(
    output: &ListOutputFlags,
    format: Format,
    environment: &mut Environment,
) -> Result<()> {
    let mut found = template_input::builtin_objects()?;
    match format {
        Format::Objects(printer) => print_objects(found, printer, output, environment),
        Format::Text { .. } => {
            if let Some(sort_by) = non_empty(&output.sort_by) {
                sort::sort_objects(&mut found, sort_by)?;
            }
            environment
                .console
                .print(&view::builtin_table(&found, output.no_headers))
        }
    }
}
