//! Client-side dry runs, which send no write, and server-side dry runs, which store nothing.

use kubectl_session_create::Create;
use session_support::{FakeApi, golden};

use crate::play::Play;
use crate::tool::{MADE, create, left, made, posts, server};

/// Masks the run token by its position: a client-side dry run sends no request that contains it.
fn masked(text: &str) -> String {
    let mask = |line: &str| match line.split_once("streaming.platform/run: ") {
        Some((before, _)) => format!("{before}streaming.platform/run: RUN\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(mask).collect()
}

fn writes_nothing(api: &FakeApi) {
    assert!(api.writes().is_empty(), "{:?}", api.lines());
    let posts = posts(api);
    assert!(posts.is_empty(), "{:?}", api.lines());
    assert_eq!(left(api), Vec::<String>::new());
}

#[test]
fn a_client_dry_run_says_what_would_be_and_sends_nothing() {
    let api = server();
    let played = create(&api, "alice --template tool --dry-run=client");
    assert_eq!(
        (played.done(), played.err.as_str()),
        ("session.streaming.platform/alice created (dry run)\n", "")
    );
    writes_nothing(&api);
    let api = server();
    let played = create(&api, "alice --template tool --dry-run=client -o name");
    assert_eq!(played.done(), "session.streaming.platform/alice\n");
    writes_nothing(&api);
}

#[test]
fn a_client_dry_run_prints_the_session_alone() {
    let api = server();
    let words = "alice --template tool --dry-run=client -o yaml --user-id alice@example.com";
    let played = create(&api, words);
    golden("create-dry-run.yaml", &masked(played.done()));
    writes_nothing(&api);
    // the output can be applied: create accepts it
    let again = server();
    let played = Play::on(&again)
        .piped(&played.out)
        .run::<Create>("-f - --wait=false");
    played.done();
    assert_eq!(made(&again), MADE);
}

#[test]
fn a_rendered_dry_run_prints_the_objects_without_owners_and_generated_secrets() {
    let api = server();
    let words = "alice --template tool --dry-run=client --rendered";
    let played = create(&api, &format!("{words} -o yaml"));
    golden("create-rendered.yaml", &masked(played.done()));
    golden("create-rendered.err", &played.err);
    assert!(!played.out.contains("ownerReferences"));
    assert!(!played.out.contains("kind: Secret"));
    writes_nothing(&api);
    let played = create(&server(), words);
    golden("create-rendered.txt", &played.text());
}

#[test]
fn a_given_secret_is_left_out_as_well() {
    let api = server();
    let words = "alice --template tool --dry-run=client --rendered -o yaml --set-file PASSWORD=-";
    let played = Play::on(&api).piped("given").run::<Create>(words);
    assert!(!played.done().contains("given"), "{}", played.out);
    let left_out = "omitted: secret \"tool-alice\", which holds secret values (PASSWORD)\n";
    assert_eq!(played.err, left_out);
}

#[test]
fn a_server_dry_run_sends_everything_and_keeps_nothing() {
    let api = server();
    let played = create(&api, "alice --template tool --dry-run=server");
    assert_eq!(
        (played.done(), played.err.as_str()),
        (
            "session.streaming.platform/alice created (server dry run)\n",
            ""
        )
    );
    assert_eq!(made(&api), MADE);
    for post in posts(&api) {
        assert_eq!(
            post.query("dryRun").as_deref(),
            Some("All"),
            "{}",
            post.line()
        );
    }
    assert!(api.writes().is_empty());
    assert_eq!(left(&api), Vec::<String>::new());
}

#[test]
fn a_server_dry_run_that_is_refused_takes_nothing_back() {
    let api = server();
    let answer = session_support::Answer::forbidden("alice", "create", "pods", "default");
    api.on("POST", "/api/v1/namespaces/default/pods", answer);
    let played = create(&api, "alice --template tool --dry-run=server");
    assert!(
        played
            .failed()
            .starts_with("Error from server (Forbidden): pods is forbidden")
    );
    assert!(!api.lines().iter().any(|line| line.starts_with("DELETE")));
}

#[test]
fn the_object_that_was_created_can_be_printed() {
    let api = server();
    let words = "alice --template tool --wait=false -o jsonpath={.status.phase}{.spec.userId}";
    assert_eq!(create(&api, words).done(), "pendingalice");
    let api = server();
    let played = create(&api, "alice --template tool --wait=false -o name");
    assert_eq!(played.done(), "session.streaming.platform/alice\n");
}

#[test]
fn a_server_dry_run_says_what_hangs_on_a_namespace_that_is_not_there() {
    let api = server();
    let played = create(
        &api,
        "alice --template tool --create-namespace --dry-run=server",
    );
    assert_eq!(
        played.done(),
        "session.streaming.platform/alice created (server dry run)\n"
    );
    assert!(
        played.err.contains("objects were not checked: namespace"),
        "{}",
        played.err
    );
    let posts: Vec<String> = posts(&api).into_iter().map(|post| post.path).collect();
    assert_eq!(posts, ["/api/v1/namespaces"]);
    assert!(api.writes().is_empty());
    assert_eq!(left(&api), Vec::<String>::new());
}
