//! ResourceQuotas, and which of their resources binds.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use session_shared::capacity::quota_usage::{QuotaUsage, find_bottleneck};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::resource::RESOURCE_QUOTA;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::TablePrinter;
use session_shared::verb::Environment;

use super::quota_view;
use crate::intent::ListIntent;

/// Number of namespaces with a quota that is used up which are named.
const NAMED: usize = 5;

/// Prints the quotas.
///
/// # Errors
/// The server's refusal; an invalid path to sort by.
pub(super) async fn show_quotas(
    intent: &ListIntent,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let cluster = environment.connect(connection).await?;
    let quotas = cluster.list(&RESOURCE_QUOTA, intent.scope(&cluster), &intent.select);
    let mut quotas: Vec<Value> = quotas.await?.items;
    quotas.iter_mut().for_each(quota_view::add_figures);
    if let Some(path) = intent.sort_by().filter(|_| !quotas.is_empty()) {
        sort::sort_objects(&mut quotas, path)?;
    }
    let now = environment.now();
    let console = &mut environment.console;
    if let Format::Objects(printer) = &intent.format {
        return console.print(&printer.clone().print_list(&quotas)?);
    }
    let mut options = intent.table_options(intent.all_namespaces);
    options.kind = intent.output.show_kind.then(|| RESOURCE_QUOTA.singular());
    let mut printer = TablePrinter::new(options);
    let bars = console.stdout_is_terminal();
    printer.add_page(&quota_view::quota_table(&quotas, bars, now));
    console.print(&printer.flush())?;
    if quotas.is_empty() {
        let namespace = (!intent.all_namespaces).then(|| cluster.namespace());
        console.print_error_line(&no_resources_message(namespace));
        if let Some(namespace) = namespace.filter(|_| !intent.is_narrowed()) {
            console.hint(&format!(
                "no ResourceQuota limits what sessions take here; set one with: kubectl session quota set -n {namespace} --max-sessions 100"
            ));
        }
        return Ok(());
    }
    let usages: Vec<QuotaUsage> = quotas.iter().filter_map(QuotaUsage::of).collect();
    match intent.all_namespaces {
        true => describe_namespaces(&usages, console),
        false => describe_namespace(&usages, console),
    }
    Ok(())
}

/// Tells which resource of a namespace binds, which it may not have, and which quotas are not counted yet.
fn describe_namespace(usages: &[QuotaUsage], console: &mut Console) {
    if let Some(found) = find_bottleneck(usages) {
        console.note(&found.describe());
    }
    for quota in usages {
        let forbidden = quota.resources.iter().filter(|usage| usage.is_forbidden());
        let forbidden: Vec<&str> = forbidden.map(|usage| usage.resource.as_str()).collect();
        if !forbidden.is_empty() {
            let resources = forbidden.join(", ");
            console.note(&format!("quota {:?} allows no {resources}", quota.name));
        }
        if quota.is_uncounted() {
            let name = &quota.name;
            console.note(&format!(
                "what is used of quota {name:?} is not known: the cluster has not counted it yet"
            ));
        }
    }
}

/// Tells in which namespaces a quota is used up, or else where one binds first.
fn describe_namespaces(usages: &[QuotaUsage], console: &mut Console) {
    let mut by_namespace: BTreeMap<&str, Vec<QuotaUsage>> = BTreeMap::new();
    for usage in usages {
        let quotas = by_namespace.entry(&usage.namespace).or_default();
        quotas.push(usage.clone());
    }
    let found = by_namespace
        .values()
        .filter_map(|quotas| find_bottleneck(quotas));
    let exhausted: Vec<_> = found.filter(|found| found.usage.is_exhausted()).collect();
    let tightest = find_bottleneck(usages).filter(|_| exhausted.is_empty());
    for found in exhausted.iter().copied().take(NAMED).chain(tightest) {
        let namespace = &found.quota.namespace;
        console.note(&format!("namespace {namespace:?}: {}", found.describe()));
    }
    match exhausted.len().saturating_sub(NAMED) {
        0 => {}
        1 => console.note("1 more namespace has used up a quota"),
        more => console.note(&format!("{more} more namespaces have used up a quota")),
    }
}
