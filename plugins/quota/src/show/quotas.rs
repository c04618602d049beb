//! ResourceQuotas, and which of their resources binds.

use std::collections::BTreeMap;

use anyhow::{Error, Result, anyhow};
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::capacity::hours_budget::BudgetUse;
use session_shared::capacity::quota_usage::{QuotaUsage, find_bottleneck};
use session_shared::failure::{self, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::Untyped;
use session_shared::objects::resource::RESOURCE_QUOTA;
use session_shared::ops::Cluster;
use session_shared::ops::hours_check::read_budgets_in_use;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::no_resources_message;
use session_shared::report::sort;
use session_shared::report::table::TablePrinter;
use session_shared::session_batch::run_concurrently;
use session_shared::verb::Environment;

use super::quota_view;
use crate::intent::ListIntent;

/// Number of namespaces with a quota that is used up which are named.
const NAMED: usize = 5;

/// Parses the names of quotas, each alone or as `-o name` prints it.
///
/// # Errors
/// A name that no quota can have; names of all namespaces or beside a selector.
pub(super) fn parse_names(words: &[String], intent: &ListIntent) -> Result<Vec<String>> {
    if !words.is_empty() && intent.all_namespaces {
        return Err(usage_error(
            "a resource cannot be retrieved by name across all namespaces",
        ));
    }
    if !words.is_empty() && intent.is_narrowed() {
        return Err(usage_error(
            "name cannot be provided when a selector is specified",
        ));
    }
    words.iter().map(|word| parse_name(word)).collect()
}

fn parse_name(word: &str) -> Result<String> {
    let (kind, name) = word.split_once('/').unwrap_or(("quota", word));
    if !["quota", "resourcequota", "resourcequotas"].contains(&kind) {
        return Err(usage_error(format!(
            "the resource type {kind:?} is not a ResourceQuota: {word:?}"
        )));
    }
    check_dns_subdomain(name)
        .map_err(|problem| anyhow!("invalid name of a quota {name:?}: {problem}"))?;
    Ok(name.to_owned())
}

/// Reads the quotas with these names, or all that the intent selects, and the errors of those that do not exist.
async fn read_quotas(
    cluster: &Cluster,
    intent: &ListIntent,
    names: &[String],
) -> Result<(Vec<Value>, Vec<Error>)> {
    if names.is_empty() {
        let quotas = cluster.list(&RESOURCE_QUOTA, intent.scope(cluster), &intent.select);
        return Ok((quotas.await?.items, Vec::new()));
    }
    let namespace = cluster.namespace();
    let reads = names.iter().map(|name| async move {
        let found = cluster.get(&RESOURCE_QUOTA, namespace, name).await?;
        let missing = || cluster.missing_object_error(&RESOURCE_QUOTA, namespace, name);
        anyhow::Ok(match found {
            Some(quota) => Ok(quota),
            None => Err(missing().await),
        })
    });
    let (mut quotas, mut missing) = (Vec::new(), Vec::new());
    for read in run_concurrently(reads).await {
        match read? {
            Ok(quota) => quotas.push(quota),
            Err(error) => missing.push(error),
        }
    }
    Ok((quotas, missing))
}

/// Prints the quotas with these names, or all that the intent selects.
///
/// # Errors
/// The server's refusal; a quota that does not exist; an invalid path to sort by.
pub(super) async fn show_quotas(
    intent: &ListIntent,
    names: &[String],
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let cluster = environment.connect(connection).await?;
    let (mut quotas, missing) = read_quotas(&cluster, intent, names).await?;
    quotas.iter_mut().for_each(quota_view::add_figures);
    let now = environment.now();
    let used_up = add_hours(&cluster, intent, &mut quotas, now, &mut environment.console).await?;
    if let Some(path) = intent.sort_by().filter(|_| !quotas.is_empty()) {
        sort::sort_objects(&mut quotas, path)?;
    }
    let is_objects = matches!(intent.format, Format::Objects(_));
    let console = &mut environment.console;
    match (&intent.format, quotas.as_slice()) {
        (Format::Objects(printer), [quota]) if names.len() == 1 => {
            console.print(&printer.clone().print_object(quota)?)?;
        }
        (Format::Objects(_), []) if !names.is_empty() => {}
        (Format::Objects(printer), quotas) => {
            console.print(&printer.clone().print_list(quotas)?)?;
        }
        (Format::Text { .. }, quotas) => {
            print_table(quotas, intent, console, now)?;
            used_up.iter().for_each(|note| console.note(note));
        }
    }
    if quotas.is_empty() && names.is_empty() && !is_objects {
        let namespace = (!intent.all_namespaces).then(|| cluster.namespace());
        tell_none(namespace, intent.is_narrowed(), console);
    }
    failure::combine_errors(missing)
}

/// Adds the budgets of running hours to the quotas. Returns a note for each that is used up.
async fn add_hours(
    cluster: &Cluster,
    intent: &ListIntent,
    quotas: &mut [Value],
    now: Timestamp,
    console: &mut Console,
) -> Result<Vec<String>> {
    let (scope, sink) = (intent.scope(cluster), &mut console.progress());
    let read = read_budgets_in_use(cluster, scope, quotas, now, sink).await?;
    let mut used_up = Vec::new();
    for (quota, budgets) in quotas.iter_mut().zip(read) {
        quota_view::add_hours(quota, &budgets);
        let in_namespace = match intent.all_namespaces {
            true => format!("namespace {:?}: ", Untyped(quota).home_namespace()),
            false => String::new(),
        };
        let ended = budgets.iter().filter_map(|one| {
            let used = one.used.filter(BudgetUse::is_used_up)?;
            Some(format!("{in_namespace}{}", used.refusal(&one.user)))
        });
        used_up.extend(ended);
    }
    Ok(used_up)
}

/// Tells that there is no quota, and how to set one.
fn tell_none(namespace: Option<&str>, is_narrowed: bool, console: &mut Console) {
    console.print_error_line(&no_resources_message(namespace));
    if let Some(namespace) = namespace.filter(|_| !is_narrowed) {
        console.hint(&format!(
            "no ResourceQuota limits what sessions take here; set one with: kubectl session quota set -n {namespace} --max-sessions 100"
        ));
    }
}

/// Prints the table, and below it what binds.
fn print_table(
    quotas: &[Value],
    intent: &ListIntent,
    console: &mut Console,
    now: Timestamp,
) -> Result<()> {
    let mut options = intent.table_options(intent.all_namespaces);
    options.kind = intent.output.show_kind.then(|| RESOURCE_QUOTA.singular());
    let mut printer = TablePrinter::new(options);
    let bars = console.stdout_is_terminal();
    printer.add_page(&quota_view::quota_table(quotas, bars, now));
    console.print(&printer.flush())?;
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
