//! Sessions of several workloads: the template `preview`, and what kustomize renders, with stand-ins that talk to each other.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use session_cluster::{EXPANDABLE_CLASS, SNAPSHOT_CLASS};

use crate::world::{LARGE_SESSION, Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("preview_web_reaches_the_database", web_reaches_the_database),
        kubelet("preview_a_rendering_of_kustomize", a_rendering_of_kustomize),
    ]
}

/// Time in which an autoscaler follows its minimum.
const SCALE_WAIT: Duration = Duration::from_secs(90);

/// An IngressClass of this test, which is deleted with it.
struct IngressClass<'w>(&'w World, String);

impl<'w> IngressClass<'w> {
    fn create(world: &'w World) -> Result<Self> {
        let name = format!("nginx-{}", world.namespace.name());
        let class = format!(
            "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {{name: {name}}}\nspec: {{controller: example.com/none}}\n"
        );
        world
            .namespace
            .kubectl(&["create", "-f", "-"], Some(&class))?;
        Ok(Self(world, name))
    }
}

impl Drop for IngressClass<'_> {
    fn drop(&mut self) {
        // What fails here has failed before: the test says why.
        let _ = self
            .0
            .namespace
            .kubectl(&["delete", "ingressclass", &self.1], None);
    }
}

/// Arguments that create the preview `pr-17` from the local images.
fn create_words(class: &IngressClass<'_>) -> Vec<String> {
    let values = [
        "WEB_IMAGE=localhost/preview-web:1".to_owned(),
        "API_IMAGE=localhost/preview-api:1".to_owned(),
        "DB_IMAGE=localhost/preview-db:1".to_owned(),
        "EXPORTER_IMAGE=localhost/preview-exporter:1".to_owned(),
        "DB_SIZE=64Mi".to_owned(),
        format!("STORAGE_CLASS={EXPANDABLE_CLASS}"),
        format!("INGRESS_CLASS={}", class.1),
        format!("DOMAIN={}.example.com", class.0.namespace.name()),
    ];
    let words = "create pr-17 --template preview --preset staging".split(' ');
    let values = values
        .into_iter()
        .flat_map(|value| ["--set".to_owned(), value]);
    words.map(str::to_owned).chain(values).collect()
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Runs a command line of words without blanks.
fn say(world: &World, line: &str) -> Result<Output> {
    let words: Vec<&str> = line.split(' ').collect();
    world.session(&words)?.exits(0)
}

/// Asks the web server, which asks the API, which asks the database.
fn rows(world: &World) -> Result<String> {
    let page = "connect pr-17 -- wget -q -O - http://127.0.0.1:3000/cgi-bin/rows";
    Ok(say(world, page)?.stdout)
}

fn replicas(world: &World) -> Result<String> {
    let counts = "-o=jsonpath={range .items[*]}{.metadata.name}={.spec.replicas} {end}";
    world
        .namespace
        .kubectl(&["get", "deployments,statefulsets", counts], None)
}

fn wait_replicas(world: &World, wanted: &str) -> Result<()> {
    let begun = Instant::now();
    loop {
        let now = replicas(world)?;
        if now == wanted {
            return Ok(());
        }
        ensure!(begun.elapsed() < SCALE_WAIT, "{now}, not {wanted}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn web_reaches_the_database() -> Result<()> {
    let world = World::installed("preview")?;
    let _alone = LARGE_SESSION.lock();
    world.cluster.wait_for_storage()?;
    let class = IngressClass::create(&world)?;
    let mut create = create_words(&class);
    let missing = world.session(&words(&create))?.exits(1)?;
    ensure!(
        missing
            .stderr
            .contains("the server does not have ServiceMonitor (monitoring.coreos.com/v1)"),
        "{missing:?}"
    );
    let none = world.session(&["list", "-o", "name"])?.exits(0)?;
    ensure!(none.stdout.is_empty(), "nothing was written: {none:?}");
    create.push("--skip-missing-kinds".to_owned());
    world.session(&words(&create))?.exits(0)?;
    wait_replicas(&world, "api=1 web=1 db=1 ")?;

    let talks = world.cluster.has_services().is_ok();
    if talks {
        ensure!(rows(&world)? == "1 rows\n", "{}", rows(&world)?);
    }
    each_way_in(&world)?;
    scaled(&world)?;
    stopped_and_started(&world)?;
    if talks {
        ensure!(rows(&world)? == "2 rows\n", "{}", rows(&world)?);
    }
    snapshot_and_restore(&world, talks)?;
    say(&world, "delete pr-17 -y")?;
    let left = world.namespace.kubectl(
        &[
            "get",
            "deployments,statefulsets,pods,pvc,ingresses,hpa,pdb,networkpolicies",
            "-o",
            "name",
        ],
        None,
    )?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn each_way_in(world: &World) -> Result<()> {
    let ready = "/var/run/postgresql:5432 - accepting connections\n";
    for line in [
        "connect pr-17 --method db -- pg_isready -U disney_app",
        "connect pr-17 --workload db -- pg_isready -U disney_app",
        "connect pr-17 --workload statefulset/staging-db -c postgres -- pg_isready -U disney_app",
    ] {
        let found = say(world, line)?;
        ensure!(found.stdout == ready, "{line}: {found:?}");
    }
    let shell = say(world, "connect pr-17 --method shell -- cat /www/ready")?;
    ensure!(shell.stdout == "ok\n", "{shell:?}");
    let psql = say(world, "connect pr-17 --method db")?;
    ensure!(
        psql.stdout.contains("psql -U disney_app -d disney_ai_plus"),
        "{psql:?}"
    );
    let domain = format!("{}.example.com", world.namespace.name());
    for method in ["web", "api"] {
        let page = say(world, &format!("connect pr-17 --method {method} --print"))?;
        let host = format!("{method}-pr-17.{domain}");
        ensure!(page.stdout.contains(&host), "{page:?}");
    }
    for (name, line) in [
        ("deployment/api", "api listens on 3001"),
        ("web", "web listens on 3000"),
        ("statefulset/db", ""),
    ] {
        let log = say(world, &format!("logs pr-17 {name}"))?;
        ensure!(log.stdout.contains(line), "{name}: {log:?}");
    }
    let status = say(world, "status pr-17")?.stdout;
    for part in [
        "Deployment/web, primary, 1 of 1 ready",
        "Deployment/api",
        "StatefulSet/db",
        "Service/db",
        "Ingress/disney-ai-plus",
        "HorizontalPodAutoscaler/api-hpa: Deployment/api 1 to 3",
        "PodDisruptionBudget/web-pdb: at most 1 unavailable",
        "NetworkPolicy/db-network-policy: ingress 5432/TCP 9187/TCP, egress none",
    ] {
        ensure!(status.contains(part), "no {part:?} in {status}");
    }
    Ok(())
}

fn scaled(world: &World) -> Result<()> {
    let refused = world
        .session(&["resize", "pr-17", "--replicas", "api=2"])?
        .exits(1)?;
    ensure!(
        refused
            .stderr
            .contains("HorizontalPodAutoscaler \"api-hpa\" keeps them between 1 and 3"),
        "{refused:?}"
    );
    say(world, "resize pr-17 --min-replicas api=2")?;
    wait_replicas(world, "api=2 web=1 db=1 ")?;
    say(world, "resize pr-17 --replicas db=2")?;
    wait_replicas(world, "api=2 web=1 db=2 ")?;
    say(world, "resize pr-17 --replicas db=1")?;
    wait_replicas(world, "api=2 web=1 db=1 ")
}

fn stopped_and_started(world: &World) -> Result<()> {
    say(world, "stop pr-17 -y")?;
    wait_replicas(world, "api=0 web=0 db=0 ")?;
    say(world, "start pr-17")?;
    // The autoscaler's count, not the template's.
    wait_replicas(world, "api=2 web=1 db=1 ")?;
    let least = ["get", "hpa", "api-hpa", "-o=jsonpath={.spec.minReplicas}"];
    let least = world.namespace.kubectl(&least, None)?;
    ensure!(least == "2", "a start keeps the minimum: {least}");
    Ok(())
}

fn snapshot_and_restore(world: &World, talks: bool) -> Result<()> {
    let taken = say(
        world,
        &format!("snapshot create pr-17 --class {SNAPSHOT_CLASS} -o name"),
    )?;
    // Both claims, also that of the replica that is gone: the snapshot's name restores all of it.
    let lines: Vec<&str> = taken.stdout.lines().collect();
    let first = lines.first().and_then(|line| line.rsplit('/').next());
    let name = first.and_then(|name| name.strip_suffix("-db-data-db-0"));
    ensure!(lines.len() == 2 && name.is_some(), "{taken:?}");
    let name = name.unwrap_or_default();
    if talks {
        ensure!(rows(world)? == "3 rows\n");
    }
    say(world, "stop pr-17 -y")?;
    say(
        world,
        &format!("snapshot restore {name} --in-place --class {SNAPSHOT_CLASS}"),
    )?;
    say(world, "start pr-17")?;
    let log = say(
        world,
        "connect pr-17 --workload db -- cat /var/lib/postgresql/data/pgdata/log",
    )?;
    ensure!(
        log.stdout == "checkpoint\n",
        "the quiesce hook ran in the database: {log:?}"
    );
    if talks {
        let rows = rows(world)?;
        ensure!(
            rows == "3 rows\n",
            "the row after the snapshot is to be gone, and one more: {rows:?}"
        );
    }
    Ok(())
}

/// Images of the rendering, and the stand-ins that nodes have.
pub(crate) const STAND_INS: [(&str, &str); 4] = [
    ("disney-ai-plus/web:staging", "localhost/preview-web:1"),
    ("disney-ai-plus/api:staging", "localhost/preview-api:1"),
    ("postgres:15-alpine", "localhost/preview-db:1"),
    (
        "quay.io/prometheuscommunity/postgres-exporter:v0.15.0",
        "localhost/preview-exporter:1",
    ),
];

const RENDERING: &str = include_str!("../../docs/examples/disney-ai-plus-staging.yaml");

fn a_rendering_of_kustomize() -> Result<()> {
    let world = World::installed("kustomize")?;
    let _alone = LARGE_SESSION.lock();
    world.cluster.wait_for_storage()?;
    let class = IngressClass::create(&world)?;
    let text = RENDERING
        .replace(
            "storageClassName: standard",
            &format!("storageClassName: {EXPANDABLE_CLASS}"),
        )
        .replace(
            "ingressClassName: nginx",
            &format!("ingressClassName: {}", class.1),
        )
        .replace(
            "staging.disney-ai-plus.example.com",
            &format!("{}.example.com", world.namespace.name()),
        )
        .replace("storage: \"5Gi\"", "storage: 64Mi");
    let text = STAND_INS
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to));
    let mut file = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    let create = |args: &[&str]| -> Result<Output> {
        let mut command = world.command(&["create", "pr-17", "-f", "-"]);
        command
            .args(args)
            .stdin(Stdio::from(std::fs::File::open(file.path())?));
        run(&mut command)
    };
    let several = create(&[])?.exits(1)?;
    ensure!(several.stderr.contains("--primary"), "{several:?}");
    let created = create(&[
        "--primary",
        "deployment/staging-web",
        "--skip-missing-kinds",
    ])?
    .exits(0)?;
    for part in [
        "Namespace \"disney-ai-plus-staging\" is left out",
        "ServiceMonitor \"staging-api-monitor\" is left out",
        "names host \"db\", but no Service of the session has that name; did you mean \"staging-db\"?",
        "names host \"api\", but no Service of the session has that name; did you mean \"staging-api\"?",
        "still has the value \"CHANGE_ME_IN_PRODUCTION\"",
    ] {
        ensure!(created.stderr.contains(part), "no {part:?} in {created:?}");
    }
    let ready = say(
        &world,
        "connect pr-17 --workload db -- pg_isready -U disney_app",
    )?;
    ensure!(ready.stdout.contains("accepting connections"), "{ready:?}");
    say(&world, "logs pr-17 deployment/api")?;
    let wanted = "staging-api=1 staging-web=1 staging-db=1 ";
    wait_replicas(&world, wanted)?;
    say(&world, "stop pr-17 -y")?;
    wait_replicas(&world, &wanted.replace("=1", "=0"))?;
    say(&world, "start pr-17 --trust-manifest")?;
    wait_replicas(&world, wanted)?;
    say(&world, "delete pr-17 -y --delete-data")?;
    Ok(())
}
