//! The count of nodes as a table, as JSON and in words. Pure.

use serde_json::{Value, json};
use session_shared::capacity::node_pools::{NodePlan, PoolNodes, PoolRules, ResourceSize};
use session_shared::report::table;

use super::observe::Observed;
use session_shared::report::name_list::list_names;

/// Nodes that a note names.
const NAMED_NODES: usize = 5;

/// Formats the table and, below it, the arithmetic.
pub(crate) fn plan_table(
    plan: &NodePlan,
    observed: &Observed,
    rules: &PoolRules,
    wide: bool,
    no_headers: bool,
) -> String {
    let mut headings = vec![
        "NAME",
        "SESSIONS",
        "PER-NODE",
        "NEED",
        "NODES",
        "RANGE",
        "FIT",
        "NEED-BY-REQUESTS",
    ];
    let mut rows: Vec<Vec<String>> = plan.pools.iter().map(|pool| pool_row(pool, wide)).collect();
    let none = || "<none>".to_owned();
    let sessions: u64 = plan.pools.iter().map(|pool| pool.sessions).sum();
    rows.push(vec![
        "total".to_owned(),
        sessions.to_string(),
        none(),
        plan.need.to_string(),
        plan.nodes.to_string(),
        rules.total_nodes.to_string(),
        none(),
        requests_total(plan).map_or_else(none, |need| need.to_string()),
    ]);
    if wide {
        headings.push("NODE-SIZE");
        rows.iter_mut()
            .skip(plan.pools.len())
            .for_each(|row| row.push(none()));
    }
    let mut text = table::format_table(&headings, &rows, no_headers);
    text.push('\n');
    for line in arithmetic(plan, observed, rules) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn pool_row(pool: &PoolNodes, wide: bool) -> Vec<String> {
    let none = || "<none>".to_owned();
    let mut row = vec![
        pool.name.to_owned(),
        pool.sessions.to_string(),
        pool.sessions_per_node.to_string(),
        pool.need.to_string(),
        pool.nodes.to_string(),
        pool.range.to_string(),
        pool.fit.map_or_else(none, |(fit, _)| fit.to_string()),
        pool.need_by_requests
            .map_or_else(none, |need| need.to_string()),
    ];
    if wide {
        row.push(pool.size.to_string());
    }
    row
}

fn requests_total(plan: &NodePlan) -> Option<u64> {
    let needs = plan.pools.iter().map(|pool| pool.need_by_requests);
    needs.sum()
}

/// Returns the lines that show how the numbers come about.
fn arithmetic(plan: &NodePlan, observed: &Observed, rules: &PoolRules) -> Vec<String> {
    let (active, gpu_active) = (observed.active, observed.gpu_active);
    let [cpu, gpu] = &plan.pools;
    let of_cluster = if observed.is_counted {
        " in the cluster"
    } else {
        ""
    };
    let without_gpu = match plan.is_gpu_above_active {
        true => "0".to_owned(),
        false => format!("{active} - {gpu_active} = {}", cpu.sessions),
    };
    let mut lines = vec![
        format!(
            "sessions: {active} active{of_cluster}, {gpu_active} of them with a GPU; without one {without_gpu}"
        ),
        format!(
            "cpu: {} / {} sessions per node = {}, {}",
            cpu.sessions,
            cpu.sessions_per_node,
            quotient(cpu.sessions, cpu.sessions_per_node),
            result(cpu, rules)
        ),
        format!(
            "gpu: {} / ({} GPUs per node x {} sessions per GPU) = {}, {}",
            gpu.sessions,
            rules.gpus_per_node,
            rules.sessions_per_gpu,
            quotient(gpu.sessions, gpu.sessions_per_node),
            result(gpu, rules)
        ),
    ];
    for pool in &plan.pools {
        lines.extend(requests_line(pool, rules));
    }
    let both = cpu.nodes + gpu.nodes;
    let bound = match plan.nodes {
        nodes if nodes < both => format!(", at most {nodes}"),
        nodes if nodes > both => format!(", at least {nodes}"),
        _ => String::new(),
    };
    lines.push(format!(
        "total: {} + {} nodes = {both}{bound}",
        cpu.nodes, gpu.nodes
    ));
    lines
}

/// Formats a number of nodes that was rounded up to it.
fn quotient(sessions: u64, per_node: u64) -> String {
    let per_node = per_node.max(1);
    let rounded = if sessions.is_multiple_of(per_node) {
        ""
    } else {
        " (rounded up)"
    };
    format!("{}{rounded}", sessions.div_ceil(per_node))
}

fn result(pool: &PoolNodes, rules: &PoolRules) -> String {
    let headroom = format!("with {} % headroom {}", rules.headroom, pool.need);
    match (pool.need, pool.nodes) {
        (need, nodes) if nodes < need => format!("{headroom}, at most {nodes}"),
        (need, nodes) if nodes > need => format!("{headroom}, at least {nodes}"),
        _ => headroom,
    }
}

fn requests_line(pool: &PoolNodes, rules: &PoolRules) -> Option<String> {
    let (fit, resource) = pool.fit.filter(|_| pool.sessions > 0)?;
    let (name, size, session) = (pool.name, pool.size, rules.session);
    let fits = format!(
        "{name} by requests: {size} fits {fit} sessions of {session} (bottleneck: {resource})"
    );
    Some(match pool.need_by_requests {
        Some(need) => format!(
            "{fits}; {} / {fit} = {}, with {} % headroom {need}",
            pool.sessions,
            quotient(pool.sessions, fit),
            rules.headroom
        ),
        None => fits,
    })
}

/// A warning, and its hint.
type Warning = (String, Option<String>);

/// Returns the warnings about what was asked, the pools and their sum.
pub(crate) fn warnings(plan: &NodePlan, rules: &PoolRules) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if plan.is_gpu_above_active {
        let text =
            "more sessions have a GPU than are active: the CPU pool is counted for 0 sessions";
        let hint = "--active counts all sessions, those with a GPU included";
        warnings.push((text.to_owned(), Some(hint.to_owned())));
    }
    for pool in &plan.pools {
        warnings.extend(density_warning(pool));
        warnings.extend(maximum_warning(pool));
    }
    let [_, gpu] = &plan.pools;
    warnings.extend(gpu_warning(gpu, rules));
    warnings.extend(total_warning(plan, rules));
    warnings
}

/// Returns the warning about a pool whose maximum is below its need.
fn maximum_warning(pool: &PoolNodes) -> Option<Warning> {
    if pool.nodes >= pool.need {
        return None;
    }
    let (name, need, range) = (pool.name, pool.need, pool.range);
    let text = format!(
        "{need} {} nodes are needed, but the pool has at most {}",
        name.to_uppercase(),
        range.maximum
    );
    let hint = format!(
        "raise the pool's maximum: --{name}-nodes {}-{need}",
        range.minimum
    );
    Some((text, Some(hint)))
}

/// Returns the warning about GPU nodes whose size has another number of GPUs than the rules.
fn gpu_warning(pool: &PoolNodes, rules: &PoolRules) -> Option<Warning> {
    let gpus = rules.gpu_node.gpus?;
    if gpus == rules.gpus_per_node || pool.sessions == 0 {
        return None;
    }
    let text = format!(
        "a GPU node of {} has {gpus} {}, not {}",
        rules.gpu_node,
        if gpus == 1 { "GPU" } else { "GPUs" },
        rules.gpus_per_node
    );
    let hint = match gpus {
        0 => {
            let gpus = Some(rules.gpus_per_node);
            let size = ResourceSize {
                gpus,
                ..rules.gpu_node
            };
            format!("count with GPUs: --gpu-node-size {size}")
        }
        _ => format!("count with its GPUs: --gpus-per-node {gpus}"),
    };
    Some((text, Some(hint)))
}

/// Returns the warning about a cluster whose maximum is below the nodes of its pools.
fn total_warning(plan: &NodePlan, rules: &PoolRules) -> Option<Warning> {
    let pool_nodes: u64 = plan.pools.iter().map(|pool| pool.nodes).sum();
    if plan.nodes >= pool_nodes {
        return None;
    }
    let text = format!(
        "both pools have {pool_nodes} nodes, but the cluster autoscaler allows {}",
        plan.nodes
    );
    let hint = format!(
        "raise its maximum: --total-nodes {}-{pool_nodes}",
        rules.total_nodes.minimum
    );
    Some((text, Some(hint)))
}

/// Returns the warning about a pool whose nodes have no room for the planned number of sessions.
fn density_warning(pool: &PoolNodes) -> Option<Warning> {
    let (fit, resource) = pool
        .fit
        .filter(|_| pool.is_too_dense() && pool.sessions > 0)?;
    let (name, planned) = (pool.name.to_uppercase(), pool.sessions_per_node);
    Some(match pool.need_by_requests {
        Some(need) => (
            format!(
                "{planned} sessions do not fit on a {name} node, which has {resource} for {fit}: by requests, the need is {need}"
            ),
            None,
        ),
        // A session takes a share of a GPU: only a node without one has too few.
        None if resource == "GPUs" => (
            format!("no session fits on a {name} node of {}: no GPUs", pool.size),
            None,
        ),
        None => (
            format!(
                "no session fits on a {name} node of {}: too little {resource}",
                pool.size
            ),
            Some(format!(
                "use larger nodes: --{}-node-size; or smaller sessions: --session-requests",
                pool.name
            )),
        ),
    })
}

/// Returns the note about real nodes that have another number of GPUs than the rules; `None` without such nodes.
pub(crate) fn different_nodes(nodes: &[(String, u64)], gpus_per_node: u32) -> Option<String> {
    let different: Vec<&(String, u64)> = nodes
        .iter()
        .filter(|(_, gpus)| *gpus != u64::from(gpus_per_node))
        .collect();
    let named: Vec<String> = different
        .iter()
        .map(|(name, gpus)| format!("{name} ({gpus})"))
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "nodes with another number of GPUs than --gpus-per-node={gpus_per_node}: {}",
            list_names(&named, NAMED_NODES)
        )
    })
}

/// Returns the count as a document.
pub(crate) fn plan_json(plan: &NodePlan, observed: &Observed, rules: &PoolRules) -> Value {
    let pools: Vec<Value> = plan.pools.iter().map(pool_json).collect();
    let different = observed
        .node_gpus
        .iter()
        .filter(|(_, gpus)| *gpus != u64::from(rules.gpus_per_node));
    let different: Vec<Value> = different
        .map(|(name, gpus)| json!({"name": name, "gpus": gpus}))
        .collect();
    json!({
        "active": observed.active,
        "gpuActive": observed.gpu_active,
        "headroomPercent": rules.headroom,
        "pools": pools,
        "total": {"need": plan.need, "nodes": plan.nodes, "minimum": rules.total_nodes.minimum,
            "maximum": rules.total_nodes.maximum, "needByRequests": requests_total(plan)},
        "nodesWithOtherGPUs": different,
        "warnings": warnings(plan, rules).into_iter().map(|(text, _)| text).collect::<Vec<_>>(),
    })
}

fn pool_json(pool: &PoolNodes) -> Value {
    json!({
        "name": pool.name,
        "sessions": pool.sessions,
        "sessionsPerNode": pool.sessions_per_node,
        "nodesWithoutHeadroom": pool.occupied,
        "need": pool.need,
        "nodes": pool.nodes,
        "minimum": pool.range.minimum,
        "maximum": pool.range.maximum,
        "nodeSize": pool.size.to_string(),
        "fit": pool.fit.map(|(fit, _)| fit),
        "bottleneck": pool.fit.map(|(_, resource)| resource),
        "needByRequests": pool.need_by_requests,
    })
}
