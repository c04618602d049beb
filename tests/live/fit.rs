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
use session_shared::client::{ListOptions, Scope, UserAgent, WatchChange, WriteOptions};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{NODE, POD};
use session_shared::ops::Cluster;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::cases::Case;
use crate::world::World;
use crate::{Live, server};

/// Cases that have one answer; others, where the scheduler's choice among equal nodes decides, are checked to be within the range.
const CASES: usize = 200;
const SEED: u64 = 14;
/// Cases whose answer the program itself prints.
const PRINTED: usize = 5;

pub(super) fn tests() -> Vec<Live> {
    vec![server(
        "fit_is_the_number_that_the_scheduler_runs",
        every_case,
    )]
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
    let result = runtime.block_on(run_cases(&world));
    let clean = clean_up(&world);
    println!("fit: {:?} in all", began.elapsed());
    result.and(clean)
}

async fn run_cases(world: &World) -> Result<()> {
    let namespace = world.namespace.name().to_owned();
    let cluster = connect(world, &namespace).await?;
    let all: Vec<Case> = (0..)
        .map(|number| Case::new(SEED, number, &namespace))
        .scan(0, |exact, case| {
            let count = expected(&case, &namespace);
            let open = *exact < CASES;
            *exact += usize::from(count.proven && count.least == count.most);
            open.then_some(case)
        })
        .collect();
    let began = Instant::now();
    create_all(
        &cluster,
        &namespace,
        all.iter().flat_map(|case| &case.nodes),
    )
    .await?;
    create_all(
        &cluster,
        &namespace,
        all.iter().flat_map(|case| &case.existing),
    )
    .await?;
    println!(
        "fit: {} cases, objects made after {:?}",
        all.len(),
        began.elapsed()
    );
    let options = ListOptions::default();
    let nodes = cluster.list(&NODE, Scope::Cluster, &options).await?.items;
    let pods = cluster.list(&POD, Scope::All, &options).await?.items;
    let scheduled = watch_pods(&cluster, &namespace);
    let mut running = JoinSet::new();
    let (mut exact, mut ranges, mut answered) = (0, 0, Duration::ZERO);
    for (at, case) in all.into_iter().enumerate() {
        let started = Instant::now();
        let answer = answer(&case, &namespace, &nodes, &pods);
        answered += started.elapsed();
        if answer.proven && answer.least == answer.most {
            exact += 1;
        } else {
            ranges += 1;
        }
        if at < PRINTED {
            check_program(world, &case, answer)?;
        }
        let (cluster, namespace, scheduled) =
            (cluster.clone(), namespace.clone(), scheduled.clone());
        running.spawn(async move {
            let ran = run_until_refused(&case, &cluster, &namespace, scheduled).await;
            (case, answer, ran)
        });
    }
    let (mut wrong, mut total) = (Vec::new(), 0);
    while let Some(done) = running.join_next().await {
        let (case, answer, ran) = done?;
        let ran = ran.with_context(|| case.name.clone())?;
        total += ran;
        let right = !answer.proven || (answer.least..=answer.most).contains(&ran);
        if !right {
            wrong.push(format!(
                "{}: answer {answer:?}, ran {ran}: {}",
                case.name,
                case.describe()
            ));
        }
    }
    println!(
        "fit: {exact} exact answers, {ranges} ranges, {} wrong, {total} sessions ran, {:?}; {answered:?} to answer",
        wrong.len(),
        began.elapsed()
    );
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(
        exact >= CASES,
        "only {exact} of {CASES} cases have one answer"
    );
    Ok(())
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

/// The answer on the objects that will be made.
fn expected(case: &Case, namespace: &str) -> FitCount {
    answer(case, namespace, &case.nodes, &case.existing)
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
    .buffer_unordered(16);
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

fn clean_up(world: &World) -> Result<()> {
    let pods = format!("/api/v1/namespaces/{}/pods", world.namespace.name());
    let now =
        json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0 }).to_string();
    world
        .cluster
        .kubectl_ok(&["delete", "--raw", &pods, "-f", "-"], Some(&now))?;
    let nodes = "/api/v1/nodes?labelSelector=fit.example.com%2Fall%3Dtrue";
    world
        .cluster
        .kubectl_ok(&["delete", "--raw", nodes], None)
        .map(drop)
}
