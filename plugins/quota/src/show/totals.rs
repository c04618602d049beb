//! What sessions take together: `--by`.

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::session_totals::sum_totals;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::resource::{RESOURCE_QUOTA, SESSION};
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::TablePrinter;
use session_shared::verb::Environment;

use super::totals_view::{self, TotalsView};
use crate::intent::ListIntent;
use crate::session_objects::{Extent, read_session_objects};

/// Prints what each group takes.
///
/// # Errors
/// Flags for which the rows have no objects; the server's refusal to list sessions; an invalid path to sort by.
pub(super) async fn show_totals(
    intent: &ListIntent,
    grouping: Grouping,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    check_columns(intent, grouping)?;
    let cluster = environment.connect(connection).await?;
    let is_selection = intent.is_narrowed();
    // Unless sessions are selected, or each has its own row, objects of no session count, too.
    let extent = match is_selection || grouping == Grouping::Session {
        true => Extent::Sessions,
        false => Extent::Everything,
    };
    let scope = intent.scope(&cluster);
    let observed = read_session_objects(&cluster, scope, &intent.select, extent).await?;
    let mut objects = observed.objects;
    objects.is_selection = is_selection;
    let now = environment.now();
    let rows = sum_totals(&objects, grouping, now);
    let view = TotalsView::new(&objects, grouping);
    let mut documents: Vec<Value> = rows.iter().map(|row| view.document(row)).collect();
    if let Some(path) = intent.sort_by().filter(|_| !documents.is_empty()) {
        sort::sort_objects(&mut documents, path)?;
    }
    let console = &mut environment.console;
    for plural in observed.unlistable {
        console.note(&match plural == RESOURCE_QUOTA.plural {
            true => "objects of no session are left out: no permission to list ResourceQuotas, which count them".to_owned(),
            false => format!("{plural} not counted: no permission to list them"),
        });
    }
    match &intent.format {
        Format::Objects(printer) if printer.is_name() => {
            let names = documents.iter().filter_map(totals_view::resource_name);
            let names: String = names.map(|name| format!("{name}\n")).collect();
            console.print(&names)
        }
        Format::Objects(printer) => console.print(&printer.clone().print_list(&documents)?),
        Format::Text { .. } => {
            let is_by_session = grouping == Grouping::Session;
            let mut options = intent.table_options(is_by_session && intent.all_namespaces);
            options.kind = intent.output.show_kind.then(|| SESSION.singular());
            let mut printer = TablePrinter::new(options);
            printer.add_page(&view.table(&documents, now));
            console.print(&printer.flush())?;
            if documents.is_empty() {
                let namespace = (!intent.all_namespaces).then(|| cluster.namespace());
                console.print_error_line(&no_resources_message(namespace));
            }
            Ok(())
        }
    }
}

/// Refuses labels and kinds of rows that are no objects.
fn check_columns(intent: &ListIntent, grouping: Grouping) -> Result<()> {
    let flags = &intent.output;
    let given = [
        (flags.show_labels, "--show-labels"),
        (!flags.label_columns.is_empty(), "--label-columns"),
        (flags.show_kind, "--show-kind"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, flag)) if grouping != Grouping::Session => Err(usage_error(format!(
            "{flag} needs rows that are objects: omit it, or use --by session"
        ))),
        _ => Ok(()),
    }
}
