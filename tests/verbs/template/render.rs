//! Tests of `template render`.

use session_support::{Answer, FakeApi, golden};

use crate::{BARE, TEMPLATES, TOOL, piped, server, template};

#[test]
fn a_template_of_the_cluster_is_rendered_for_the_caller() {
    let api = server();
    let played = template(
        &api,
        "render tool --set MODE=quick --preset large --name demo",
    );
    golden("template-render.txt", &played.text());
    let mut lines = api.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("GET {TEMPLATES}/tool"),
            "POST /apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned()
        ]
    );
    assert!(api.writes().is_empty());
}

#[test]
fn nobody_is_asked_about_an_owner_who_is_named() {
    let api = server();
    template(&api, "render tool --set MODE=quick --user-id bob").done();
    assert_eq!(api.lines(), [format!("GET {TEMPLATES}/tool")]);
}

#[test]
fn the_output_is_the_same_every_time_and_as_a_list_with_o() {
    let api = server();
    let words = "render tool --set MODE=quick -o json";
    let (first, second) = (template(&api, words), template(&api, words));
    assert_eq!(first.done(), second.done());
    let list: serde_json::Value = serde_json::from_str(first.done()).unwrap();
    assert_eq!(list["items"][0]["kind"], "Pod");
    assert!(
        !first.out.contains("ownerReferences") && !first.out.contains("streaming.platform/run")
    );
    let names = template(&api, "render tool --set MODE=quick -o name");
    assert_eq!(names.done(), "pod/tool-example\n");
}

#[test]
fn a_file_is_rendered_without_a_cluster() {
    let api = FakeApi::new();
    let played = piped(
        &api,
        BARE,
        "render -f - --set SECONDS=5 --user-id alice@example.com -n lab",
    );
    golden("template-render-file.txt", &played.text());
    let played = piped(&api, TOOL, "render -f - --set MODE=slow -o name");
    assert_eq!(played.done(), "pod/tool-example\n");
    template(&api, "render shell --builtin").done();
    assert!(api.lines().is_empty());
}

#[test]
fn a_password_in_the_file_is_not_printed() {
    let api = FakeApi::new();
    let file = BARE.replace("${DB_PASSWORD}", "hunter2");
    let played = piped(&api, &file, "render -f - --set SECONDS=5");
    played.done();
    assert!(!played.text().contains("hunter2"), "{played:?}");
}

#[test]
fn all_that_is_wrong_with_values_is_said_with_the_places_of_the_file() {
    let api = FakeApi::new();
    let mut text = String::new();
    for (file, words) in [
        (TOOL, "render -f -"),
        (
            TOOL,
            "render -f - --set MODE=fast --set CORES=9 --set SIZ=1",
        ),
        (TOOL, "render -f - --set MODE=quick --preset larg"),
        (TOOL, "render -f - --set MODE=quick --set PASSWORD=x"),
        (TOOL, "render -f - --set MODE=quick --primary Pod/x"),
        (
            &TOOL.replace("${SESSION_ID}\"}\n    spec", "${MODE}_\"}\n    spec"),
            "render -f - --set MODE=quick",
        ),
        (BARE, "render -f -"),
        (BARE, "render -f - --set SECONDS=1 --primary Pod/x"),
        (BARE, "render -f - --set SECONDS=1 --preset x"),
        (
            &format!("{TOOL}---\n{}", TOOL.replace("tool}", "other}")),
            "render -f -",
        ),
    ] {
        let played = piped(&api, file, words);
        text.push_str(&format!("$ template {words}\n{}", played.failed()));
    }
    golden("template-render-wrong.txt", &text);
}

#[test]
fn an_owner_that_the_server_does_not_name_is_an_error() {
    let api = server();
    let forbidden = Answer::forbidden(
        "x",
        "create",
        "selfsubjectreviews.authentication.k8s.io",
        "",
    );
    api.on(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        forbidden,
    );
    let played = template(&api, "render tool --set MODE=quick");
    assert!(played.failed().contains("Forbidden"), "{played:?}");
}
