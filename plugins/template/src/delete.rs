//! `template delete`: deletes templates of the cluster.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::TryStreamExt;
use serde_json::Value;
use session_shared::client::DeleteOptions as Deletion;
use session_shared::client::{DryRun, IncludeObject, ListOptions, Scope, not_found_error};
use session_shared::failure::{self, FailureKind};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::names::TemplateName;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{SESSION, SESSION_TEMPLATE};
use session_shared::objects::table::Table;
use session_shared::ops::Cluster;
use session_shared::session_batch::run_concurrently;
use session_shared::verb::Environment;

use crate::args::TemplateDeleteArgs;
use crate::template_input;

/// Number of sessions per page.
const PAGE_SIZE: u32 = 500;
/// Maximum number of sessions that are named in a note.
const NAMED_MAX: usize = 3;

/// Deletes templates by UID, and prints which sessions still use them.
///
/// # Errors
/// The templates that do not exist or cannot be deleted, after all others have been deleted.
pub(crate) async fn run(
    args: TemplateDeleteArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let TemplateDeleteArgs {
        names: words,
        ignore_not_found,
        output,
        write_flags,
    } = args;
    let mut names: Vec<TemplateName> = Vec::new();
    for word in &words {
        let name = template_input::parse_template_name(word)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let console = &mut environment.console;
    let mutation = MutationOptions::for_names(&write_flags, &output, console)?;
    let mutations = mutation.printer();
    // reads only
    let cluster = environment.connect(connection).await?;
    let (found, users) = futures::try_join!(
        get_templates(&cluster, &names),
        sessions_by_template(&cluster)
    )?;
    // writes
    let mut errors = Vec::new();
    for (name, template) in names.iter().zip(found) {
        let done = match template {
            Some(template) => delete_template(&cluster, &template, mutation.dry_run).await,
            None if ignore_not_found => continue,
            None => Err(not_found_error(&SESSION_TEMPLATE, name.as_str())),
        };
        if let Err(error) = done {
            errors.push(error);
            continue;
        }
        environment.console.print(&mutations.print_deleted(
            &SESSION_TEMPLATE,
            name.as_str(),
            "",
            false,
        ))?;
        if let Some(sessions) = users.as_ref().and_then(|users| users.get(name.as_str())) {
            environment
                .console
                .note(&still_used_note(name.as_str(), sessions));
        }
    }
    if users.is_none() {
        environment
            .console
            .note("sessions of the templates not checked: no permission to list sessions in all namespaces");
    }
    failure::combine_errors(errors)
}

async fn get_templates(cluster: &Cluster, names: &[TemplateName]) -> Result<Vec<Option<Value>>> {
    let reads = names.iter().map(|name| async move {
        template_input::with_setup_hint(cluster.get(&SESSION_TEMPLATE, "", name.as_str()).await)
    });
    run_concurrently(reads).await.into_iter().collect()
}

/// Deletes a template by UID, so that a template recreated in the meantime is not deleted.
async fn delete_template(cluster: &Cluster, template: &Value, dry_run: DryRun) -> Result<()> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let options = Deletion {
        uid: Untyped(template).uid().unwrap_or_default().to_owned(),
        dry_run: dry_run == DryRun::Server,
        ..Deletion::default()
    };
    let name = Untyped(template).name();
    cluster
        .delete(&SESSION_TEMPLATE, "", name, &options)
        .await
        .map(drop)
}

/// Returns the sessions of each template, or `None` if the caller may not list all sessions.
async fn sessions_by_template(cluster: &Cluster) -> Result<Option<BTreeMap<String, Vec<String>>>> {
    let mut pages = cluster.list_table_pages(
        &SESSION,
        Scope::All,
        &ListOptions::default(),
        PAGE_SIZE,
        IncludeObject::Metadata,
    );
    let (mut users, mut columns) = (BTreeMap::new(), Table::default());
    loop {
        match pages.try_next().await {
            Ok(Some(page)) => {
                if !page.column_definitions.is_empty() {
                    columns.column_definitions = page.column_definitions.clone();
                }
                add_sessions(&mut users, &page, &columns);
            }
            Ok(None) => return Ok(Some(users)),
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => return Ok(None),
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
                return Ok(Some(users));
            }
            Err(error) => return Err(error),
        }
    }
}

fn add_sessions(users: &mut BTreeMap<String, Vec<String>>, page: &Table, columns: &Table) {
    let Some(at) = columns.column_index("TEMPLATE") else {
        return;
    };
    for row in &page.rows {
        let template = row.cells.get(at).and_then(Value::as_str);
        let Some(template) = template.filter(|name| !name.is_empty()) else {
            continue;
        };
        let (namespace, name) = (
            Untyped(&row.object).namespace().unwrap_or_default(),
            Untyped(&row.object).name(),
        );
        let sessions = users.entry(template.to_owned()).or_default();
        sessions.push(format!("{namespace}/{name}"));
    }
}

fn still_used_note(template: &str, sessions: &[String]) -> String {
    let some: Vec<&str> = sessions
        .iter()
        .take(NAMED_MAX)
        .map(String::as_str)
        .collect();
    let more = if sessions.len() > NAMED_MAX {
        ", …"
    } else {
        ""
    };
    let (number, what) = match sessions.len() {
        1 => ("1 session".to_owned(), "continues until stopped"),
        number => (format!("{number} sessions"), "continue until stopped"),
    };
    format!(
        "{number} of template {template:?} {what}, but cannot be started again without the template: {}{more}",
        some.join(", ")
    )
}
