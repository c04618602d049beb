//! Tests of the request's validation.

use clap::Parser;

use super::*;
use session_shared::failure::ErrorWithHint;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    set: QuotaSetArgs,
}

const SINDRI: &str = "version: \"1.0\"\nname: alice\ndeployment: {provider: kubernetes, image: a/b:1}\nextensions: {profile: minimal}\n\
    secrets: [{name: TOKEN, source: env, required: true}]\n\
    providers: {kubernetes: {namespace: dev-alice, resourceQuota: {cpu: \"4\", memory: 8Gi, storage: 100Gi}}}\n";
const NVIM: &str = "[kubernetes]\nenabled = true\nnamespace = \"nvim-web\"\nimage = \"a/b:1\"\nmax_sessions = 100\n";

/// Parses a command line and a file on standard input.
fn parse(words: &str, input: &str) -> Result<Intent> {
    let words = std::iter::once("set").chain(words.split_whitespace());
    let (mut console, _) = Console::for_test(input, false);
    let args = Command::try_parse_from(words)?.set;
    parse_intent(args, &ConnectionFlags::default(), &mut console)
}

fn pairs(amounts: &BTreeMap<String, Quantity>) -> String {
    let pairs = amounts
        .iter()
        .map(|(key, amount)| format!("{key}={amount}"));
    pairs.collect::<Vec<_>>().join(",")
}

fn hard(words: &str, input: &str) -> String {
    pairs(&parse(words, input).unwrap().hard)
}

#[test]
fn flags_are_short_for_resources() {
    assert_eq!(
        hard("--cpu 50 --memory 100Gi --pods 50 --claims 0", ""),
        "persistentvolumeclaims=0,pods=50,requests.cpu=50,requests.memory=100Gi"
    );
    assert_eq!(
        hard(
            "--max-sessions 100 --gpu 4 --storage 1Ti --hard services.loadbalancers=0,secrets=9 --hard count/jobs.batch=2",
            ""
        ),
        "count/jobs.batch=2,count/sessions.streaming.platform=100,requests.nvidia.com/gpu=4,requests.storage=1Ti,secrets=9,services.loadbalancers=0"
    );
    let four = "limits.cpu=8,limits.memory=16Gi,persistentvolumeclaims=5,requests.cpu=4,requests.memory=8Gi,requests.storage=100Gi";
    let words = "--cpu 4 --memory 8Gi --storage 100Gi --claims 5 --limits-factor 2";
    assert_eq!(hard(words, ""), four);
    assert_eq!(
        hard("--cpu 3 --limits-factor 1.5", ""),
        "limits.cpu=4500m,requests.cpu=3"
    );
    assert_eq!(
        hard("--hard cpu=3 --limits-factor 2", ""),
        "cpu=3,limits.cpu=6"
    );
}

#[test]
fn a_sindri_file_brings_its_quota_doubled_its_names_and_its_namespace() {
    let intent = parse("-f -", SINDRI).unwrap();
    assert_eq!(
        pairs(&intent.hard),
        "limits.cpu=8,limits.memory=16Gi,persistentvolumeclaims=5,requests.cpu=4,requests.memory=8Gi,requests.storage=100Gi"
    );
    assert_eq!(pairs(&intent.defaults.limits), "cpu=2,memory=4Gi");
    assert_eq!(pairs(&intent.defaults.requests), "cpu=1,memory=2Gi");
    assert_eq!(
        (&*intent.name, &*intent.limits_name),
        ("sindri-quota", "sindri-limits")
    );
    assert_eq!(intent.namespace.as_deref(), Some("dev-alice"));
    assert_eq!(intent.connection.namespace.as_deref(), Some("dev-alice"));
}

#[test]
fn flags_override_a_file_and_what_follows_from_it() {
    let intent = parse("-f - team --hard cpu=1 --claims 9", SINDRI).unwrap();
    assert_eq!(
        pairs(&intent.hard),
        "cpu=1,limits.cpu=2,limits.memory=16Gi,persistentvolumeclaims=9,requests.memory=8Gi,requests.storage=100Gi"
    );
    assert_eq!(
        (&*intent.name, &*intent.limits_name),
        ("team", "team-limits")
    );
    assert!(hard("-f - --limits-factor 3", SINDRI).starts_with("limits.cpu=12,"));
    let own = hard("-f - --hard limits.cpu=9", SINDRI);
    assert!(own.starts_with("limits.cpu=9,persistent"), "{own}");
    let small = parse("-f - --cpu 500m", SINDRI).unwrap();
    assert_eq!(pairs(&small.defaults.limits), "cpu=1,memory=4Gi");
    assert_eq!(pairs(&small.defaults.requests), "cpu=500m,memory=2Gi");
    let given = parse("-f - --limit-range default.cpu=1", SINDRI).unwrap();
    assert_eq!(pairs(&given.defaults.limits), "cpu=1");
}

#[test]
fn an_nvim_configuration_limits_the_sessions() {
    let intent = parse("--config -", NVIM).unwrap();
    assert_eq!(pairs(&intent.hard), "count/sessions.streaming.platform=100");
    assert!(intent.defaults.is_empty());
    assert_eq!(
        (&*intent.name, &*intent.limits_name),
        ("session-quota", "session-limits")
    );
    assert_eq!(intent.namespace.as_deref(), Some("nvim-web"));
    assert_eq!(
        hard("--config - --max-sessions 5", NVIM),
        "count/sessions.streaming.platform=5"
    );
}

#[test]
fn what_means_nothing_is_refused_before_any_request() {
    for (words, expected, hint) in [
        (
            "",
            "at least one of --max-sessions, --cpu, --memory, --storage, --claims, --pods, --gpu, --hard, --limit-range, --hours, --filename and --config is required",
            "",
        ),
        (
            "--cpu 4 --hard requests.cpu=5",
            "invalid argument for --hard: requests.cpu is given twice",
            "",
        ),
        (
            "--cpu 4 --hard cpu=5",
            "invalid argument for --hard: cpu is given twice: requests.cpu is the same resource",
            "",
        ),
        (
            "--hard request.cpu=5",
            "invalid argument for --hard: a ResourceQuota does not count \"request.cpu\"",
            "use requests.cpu",
        ),
        (
            "--hard pods",
            "invalid argument for --hard: \"pods\" has no \"=\"",
            "use --hard RESOURCE=QUANTITY",
        ),
        (
            "--hard pods=1,pods=2",
            "invalid argument for --hard: pods is given twice",
            "",
        ),
        (
            "--memory 4GB",
            "invalid argument for --memory: requests.memory: invalid quantity \"4GB\": use 4G or 4Gi",
            "",
        ),
        (
            "--pods=-1",
            "invalid argument for --pods: pods \"-1\" must not be negative",
            "",
        ),
        (
            "--gpu 0.5",
            "invalid argument for --gpu: requests.nvidia.com/gpu \"0.5\" must be a whole number",
            "count 1 for each share of a GPU that a node shares by time-slicing or MIG",
        ),
        (
            "--pods 5 --limits-factor 2",
            "--limits-factor requires --cpu or --memory",
            "",
        ),
        (
            "--cpu 5 --limits-factor 0.5",
            "invalid value of --limits-factor \"0.5\": must be a number from 1 to 1000000, such as 1.5",
            "",
        ),
        (
            "--cpu 5 --limits-factor 2Gi",
            "invalid value of --limits-factor \"2Gi\": must be a number from 1 to 1000000, such as 1.5",
            "",
        ),
        (
            "--cpu 5 --limits-factor 1000001",
            "invalid value of --limits-factor \"1000001\": must be a number from 1 to 1000000",
            "",
        ),
        (
            "--cpu 5 --limits-factor 2 --hard limits.cpu=9",
            "invalid argument for --limits-factor: limits.cpu is given twice",
            "",
        ),
        (
            "--limit-range cpu=1",
            "invalid argument for --limit-range: unknown default \"cpu\"",
            "use default or defaultRequest, and cpu, memory or ephemeral-storage: default.cpu",
        ),
        (
            "--limit-range default.cpu=1,defaultRequest.cpu=2",
            "invalid argument for --limit-range: defaultRequest.cpu 2 must not be more than default.cpu 1",
            "",
        ),
        (
            "Team --pods 5",
            "invalid name \"Team\": only lower-case letters",
            "",
        ),
        (
            "session-hours --pods 5",
            "invalid name \"session-hours\": the quota of this name holds the budgets of --hours",
            "choose another NAME",
        ),
        (
            "session-hours --limit-range default.cpu=1 --hours user=a:1/day",
            "invalid name \"session-hours\": the quota of this name holds the budgets of --hours",
            "choose another NAME",
        ),
        (
            "team --hours user=a:1/day",
            "NAME is not used with --hours alone: budgets are kept in quota \"session-hours\"",
            "",
        ),
        (
            "-f -",
            "standard input: Kubernetes objects describe no quota of sessions",
            "apply a ResourceQuota with kubectl apply, or give its amounts with --hard",
        ),
    ] {
        let error = parse(words, "kind: ConfigMap\n").unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains(expected), "{words}: {text}");
        let found = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<ErrorWithHint>());
        assert_eq!(found.map_or("", |found| &found.hint), hint, "{words}");
    }
}

#[test]
fn the_name_of_the_budgets_goes_with_budgets_alone() {
    let hours = "--hours user=a:1/day";
    assert_eq!(
        parse(&format!("session-hours {hours}"), "")
            .unwrap()
            .hours
            .len(),
        1
    );
    assert_eq!(
        parse(&format!("team --pods 1 {hours}"), "").unwrap().name,
        "team"
    );
}

#[test]
fn a_file_without_a_quota_is_refused() {
    let without = SINDRI.replace(
        ", resourceQuota: {cpu: \"4\", memory: 8Gi, storage: 100Gi}",
        "",
    );
    let nvim = NVIM.replace("max_sessions = 100\n", "");
    for (words, file, expected, hint) in [
        (
            "-f -",
            &without,
            "standard input: no providers.kubernetes.resourceQuota",
            "add resourceQuota to the file, or give its amounts with flags, without --filename: --cpu 4 --memory 8Gi --storage 100Gi",
        ),
        (
            "--config -",
            &nvim,
            "standard input: no max_sessions in table [kubernetes]",
            "add max_sessions to the file, or give it with a flag, without --config: --max-sessions 100",
        ),
    ] {
        let error = parse(words, file).unwrap_err();
        assert_eq!(error.to_string(), expected);
        let found = error.downcast_ref::<ErrorWithHint>();
        assert_eq!(found.map_or("", |found| &found.hint), hint);
    }
}

#[test]
fn a_misspelled_field_is_warned_about_before_the_quota_is_missed() {
    let (mut console, captured) = Console::for_test(&NVIM.replace("sessions", "sesions"), false);
    let args = Command::try_parse_from(["set", "--config", "-"])
        .unwrap()
        .set;
    parse_intent(args, &ConnectionFlags::default(), &mut console).unwrap_err();
    assert!(
        captured.stderr().contains("max_sesions"),
        "{}",
        captured.stderr()
    );
}
