//! `quota fit` against the real scheduler: on nodes of random shapes, sessions are created one by one, each Pod after the one before it has a
//! node, until the scheduler says that there is none. The number that ran must be the answer, in every case.
//!
//! The nodes have no kubelet: a Pod ran when the scheduler has given it a node.

mod cases;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use serde_json::{Value, json};
use session_shared::capacity::fit::{FitCount, FitInput, compute_fit};
use session_shared::client::{
    DeleteOptions, ListOptions, Scope, UserAgent, WatchChange, WriteOptions,
};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{NODE, POD};
use session_shared::ops::Cluster;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::cases::{CASE, Case};
use crate::world::World;
use crate::{Live, server};

/// Cases that have one answer; others, where the scheduler's choice among equal nodes decides, are checked to be within the range. With
/// SESSION_FIT_CASES another number, with SESSION_FIT_SEED others.
const CASES: u64 = 200;
const SEED: u64 = 14;
/// Cases whose answer the program itself prints.
const PRINTED: usize = 5;

pub(super) fn tests() -> Vec<Live> {
    vec![server("fit_is_the_number_that_the_scheduler_runs", every_case).alone()]
}

/// Whether Pods have a node, by name; a Pod that waits is not in it.
type Scheduled = HashMap<String, bool>;

fn every_case() -> Result<()> {
    // Hundreds of nodes would be in the messages of other tests.
    let world = World::alone("fit")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let began = Instant::now();
    let namespace = world.namespace.name().to_owned();
    let result = runtime.block_on(async {
        let cluster = connect(&world, &namespace).await?;
        let result = run_cases(&world, &cluster, &namespace).await;
        eprintln!("fit: cases done after {:?}", began.elapsed());
        let clean = clean_up(&cluster, &namespace).await;
        result.and(clean)
    });
    eprintln!("fit: {:?} in all", began.elapsed());
    result
}

async fn run_cases(world: &World, cluster: &Cluster, namespace: &str) -> Result<()> {
    let wanted = usize::try_from(variable("SESSION_FIT_CASES", CASES)?)?;
    let cases = draw_cases(namespace, wanted, variable("SESSION_FIT_SEED", SEED)?);
    create_all(
        cluster,
        namespace,
        cases.iter().flat_map(|case| &case.nodes),
    )
    .await?;
    create_all(
        cluster,
        namespace,
        cases.iter().flat_map(|case| &case.existing),
    )
    .await?;
    let options = ListOptions::default();
    let nodes = cluster.list(&NODE, Scope::Cluster, &options).await?.items;
    let pods = cluster.list(&POD, Scope::All, &options).await?.items;
    let scheduled = watch_pods(cluster, namespace);
    let mut running = JoinSet::new();
    for at in 0..cases.len() {
        let case = cases[at].clone();
        // Nodes of other cases and those of the cluster are in the way, but not hundreds of them.
        let near: Vec<&str> = cases[at.saturating_sub(2)..]
            .iter()
            .take(5)
            .map(|case| case.name.as_str())
            .collect();
        let (nodes, pods) = (objects_of(&near, &nodes), objects_of(&near, &pods));
        let answer = answer(&case, namespace, &nodes, &pods);
        if at < PRINTED {
            check_program(world, &case, answer)?;
        }
        let (cluster, namespace, scheduled) =
            (cluster.clone(), namespace.to_owned(), scheduled.clone());
        running.spawn(async move {
            let ran = run_until_refused(&case, &cluster, &namespace, scheduled).await;
            (case, answer, ran)
        });
    }
    finish(running, wanted).await
}

/// Waits for all cases and judges them.
async fn finish(mut running: JoinSet<(Case, FitCount, Result<u64>)>, wanted: usize) -> Result<()> {
    let mut tally = Tally::default();
    while let Some(done) = running.join_next().await {
        let (case, answer, ran) = done?;
        tally.add(&case, answer, ran.with_context(|| case.name.clone())?);
    }
    eprintln!("fit: {tally:?}");
    ensure!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    let exact = tally.exact;
    ensure!(exact == wanted, "{exact} of {wanted} cases have one answer");
    Ok(())
}

/// The number in a variable of the environment.
fn variable(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(default),
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Tally {
    /// Cases with one answer.
    exact: usize,
    /// Cases whose answer is a range.
    ranges: usize,
    /// Cases whose sessions have several Pods.
    several_pods: usize,
    /// Cases in which no session ran.
    none_ran: usize,
    /// Sessions that ran.
    sessions: u64,
    /// Cases in which another number of sessions ran.
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, answer: FitCount, ran: u64) {
        match is_exact(answer) {
            true => self.exact += 1,
            false => self.ranges += 1,
        }
        self.several_pods += usize::from(case.has_several_pods());
        self.none_ran += usize::from(ran == 0);
        self.sessions += ran;
        if answer.proven && !(answer.least..=answer.most).contains(&ran) {
            let (name, shape) = (&case.name, case.describe());
            self.wrong
                .push(format!("{name}: answer {answer:?}, ran {ran}: {shape}"));
        }
    }
}

fn is_exact(answer: FitCount) -> bool {
    answer.proven && answer.least == answer.most
}

/// Cases up to the last one that has one answer.
fn draw_cases(namespace: &str, wanted: usize, seed: u64) -> Vec<Case> {
    let (mut cases, mut exact) = (Vec::new(), 0);
    for number in 0.. {
        if exact == wanted {
            break;
        }
        let case = Case::new(seed, number, namespace);
        exact += usize::from(is_exact(answer(
            &case,
            namespace,
            &case.nodes,
            &case.existing,
        )));
        cases.push(case);
    }
    cases
}

/// The objects of these cases, and those of none.
fn objects_of(cases: &[&str], all: &[Value]) -> Vec<Value> {
    let is_near = |object: &&Value| {
        Untyped(object)
            .label(CASE)
            .is_none_or(|case| cases.contains(&case))
    };
    all.iter().filter(is_near).cloned().collect()
}

async fn connect(world: &World, namespace: &str) -> Result<Cluster> {
    let connection = ConnectionFlags {
        kubeconfig: Some(
            world
                .cluster
                .admin_kubeconfig()
                .to_string_lossy()
                .into_owned(),
        ),
        namespace: Some(namespace.to_owned()),
        request_timeout: "0".to_owned(),
        ..ConnectionFlags::default()
    };
    let agent = UserAgent {
        program: "kubectl-session-live".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Cluster::connect(&connection.options()?, agent).await
}

fn answer(case: &Case, namespace: &str, nodes: &[Value], pods: &[Value]) -> FitCount {
    let (own, other) = (case.session("a"), case.session("b"));
    let fit = compute_fit(&FitInput {
        namespace,
        objects: &own,
        other_session: &other,
        nodes: Some((nodes, pods)),
        ..FitInput::default()
    });
    fit.count().unwrap_or(FitCount::exactly(u64::MAX))
}

async fn create_all(
    cluster: &Cluster,
    namespace: &str,
    objects: impl Iterator<Item = &Value>,
) -> Result<()> {
    let write = WriteOptions::by("fit");
    let mut creations = futures::stream::iter(objects.map(|object| {
        let kind = if Untyped(object).kind() == "Node" {
            &NODE
        } else {
            &POD
        };
        cluster.create(kind, namespace, object, &write)
    }))
    .buffer_unordered(32);
    while let Some(created) = creations.next().await {
        created?;
    }
    Ok(())
}

/// Follows the decisions of the scheduler.
fn watch_pods(cluster: &Cluster, namespace: &str) -> watch::Receiver<Scheduled> {
    let (sender, receiver) = watch::channel(Scheduled::new());
    let mut changes = cluster.watch(
        &POD,
        Scope::Namespace(namespace),
        &ListOptions::default(),
        None,
        false,
    );
    tokio::spawn(async move {
        while let Some(Ok(change)) = changes.next().await {
            let (WatchChange::Added(pod) | WatchChange::Modified(pod)) = change else {
                continue;
            };
            let Some(decided) = decision(&pod) else {
                continue;
            };
            sender.send_if_modified(|all| {
                all.insert(Untyped(&pod).name().to_owned(), decided)
                    .is_none()
            });
        }
    });
    receiver
}

/// Whether the Pod has a node; `None` before the scheduler has decided.
fn decision(pod: &Value) -> Option<bool> {
    if Untyped(pod).str_at("/spec/nodeName").is_some() {
        return Some(true);
    }
    let mut conditions = Untyped(pod).items_at("/status/conditions");
    let refused = conditions.any(|condition| condition.str_at("/reason") == Some("Unschedulable"));
    refused.then_some(false)
}

/// Creates sessions until one has a Pod without a node; the number before it.
async fn run_until_refused(
    case: &Case,
    cluster: &Cluster,
    namespace: &str,
    mut scheduled: watch::Receiver<Scheduled>,
) -> Result<u64> {
    for session in 0.. {
        for pod in case.session(&session.to_string()) {
            let name = Untyped(&pod).name().to_owned();
            cluster
                .create(&POD, namespace, &pod, &WriteOptions::by("fit"))
                .await?;
            let decided = scheduled.wait_for(|all| all.contains_key(&name));
            let decided = tokio::time::timeout(Duration::from_secs(120), decided).await;
            let decided = decided.with_context(|| format!("no decision about {name}"))??;
            if decided.get(&name) == Some(&false) {
                return Ok(session);
            }
        }
    }
    Ok(u64::MAX)
}

/// Compares the answer with that of the program.
fn check_program(world: &World, case: &Case, answer: FitCount) -> Result<()> {
    let file = tempfile::NamedTempFile::with_suffix(".json")?;
    let list =
        json!({ "apiVersion": "v1", "kind": "List", "items": case.session("${SESSION_ID}") });
    std::fs::write(file.path(), list.to_string())?;
    let path = file.path().to_string_lossy().into_owned();
    let printed = world
        .session(&[
            "quota",
            "fit",
            "-f",
            &path,
            "-o",
            "jsonpath={.fits} {.fitsAtMost}",
        ])?
        .exits(0)?;
    let wanted = format!("{} {}", answer.least, answer.most);
    ensure!(
        printed.stdout == wanted,
        "{}: {printed:?} instead of {wanted}",
        case.name
    );
    Ok(())
}

/// Deletes what the cases made; at once, for no kubelet would confirm the end of a Pod.
async fn clean_up(cluster: &Cluster, namespace: &str) -> Result<()> {
    let made = ListOptions::with_labels(CASE);
    let options = DeleteOptions::default();
    for (kind, scope) in [(&POD, Scope::Namespace(namespace)), (&NODE, Scope::Cluster)] {
        let objects = cluster.list_metadata(kind, scope, &made).await?.items;
        let deletions = objects
            .iter()
            .map(|object| cluster.delete(kind, namespace, Untyped(object).name(), &options));
        let mut deletions = futures::stream::iter(deletions).buffer_unordered(32);
        while let Some(deleted) = deletions.next().await {
            deleted?;
        }
    }
    Ok(())
}
