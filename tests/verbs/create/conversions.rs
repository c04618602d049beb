//! Files of other programs: nvim-web's TOML by `--config`, LabSession objects by `-f`; and fields that a Session does not have.

use kubectl_session_create::Create;
use session_support::{FakeApi, golden};

use crate::gimp::server;
use crate::play::{Play, Played};
use crate::tool::posts;

const CONFIG: &str = include_str!("../../../docs/examples/nvim-web.toml");
const LAB: &str = include_str!("../../../docs/examples/labsession.yaml");

fn piped(api: &FakeApi, text: &str, words: &str) -> Played {
    Play::on(api)
        .piped(text)
        .run::<Create>(&format!("{words} --wait=false"))
}

#[test]
fn nvim_webs_configuration_is_a_session_in_its_namespace() {
    let api = server("nvim");
    let played = piped(&api, CONFIG, "dev --config - --user-id alice");
    golden("create-config.txt", &played.text());
    let made = posts(&api);
    assert_eq!(
        made[0].path,
        "/apis/streaming.platform/v1/namespaces/nvim-web/sessions"
    );
    let spec = &made[0].json()["spec"];
    assert_eq!(spec["template"], "nvim");
    assert_eq!(spec["timeout"], 3600);
    assert_eq!(spec["parameters"]["STORAGE_SIZE"], "1Gi");
    let pod = made[1].json();
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["image"],
        "ghcr.io/your-org/nvim-web-session:latest"
    );
    assert_eq!(container["resources"]["limits"]["memory"], "512Mi");
}

#[test]
fn flags_go_before_the_configuration() {
    let api = server("nvim");
    let words = "dev --config - -n other --user-id alice --memory 1Gi --expires-in 2h --set IMAGE=localhost/page:1";
    let played = piped(&api, CONFIG, words);
    played.done();
    let note = "note: namespace \"other\" of the command line is used, not \"nvim-web\" of standard input\n";
    assert!(played.err.contains(note), "{}", played.err);
    let made = posts(&api);
    assert_eq!(made[0].json()["spec"]["timeout"], "2h");
    let pod = made[1].json();
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["image"], "localhost/page:1");
    assert_eq!(container["resources"]["limits"]["memory"], "1Gi");
}

#[test]
fn labels_and_a_class_of_the_configuration_reach_pod_and_claim() {
    let api = server("nvim");
    let text = CONFIG.replace(
        "storage_size",
        "storage_class = \"ssd-user-storage\"\nlabels = {team = \"editors\"}\nstorage_size",
    );
    piped(&api, &text, "dev --config - --user-id alice").done();
    let made = posts(&api);
    let claim = made[1].json();
    assert_eq!(claim["metadata"]["name"], "session-dev-pvc");
    assert_eq!(claim["spec"]["storageClassName"], "ssd-user-storage");
    let pod = made[2].json();
    assert_eq!(pod["metadata"]["labels"]["team"], "editors");
    assert_eq!(pod["metadata"]["labels"]["app"], "nvim-web-session");
    let status = api
        .object("sessions.streaming.platform", "nvim-web", "dev")
        .unwrap()["status"]
        .clone();
    let methods = status["applied"]["connect"].as_array().unwrap().clone();
    let names: Vec<_> = methods
        .iter()
        .map(|method| method["name"].clone())
        .collect();
    assert_eq!(names, ["web", "ws", "shell"]);
    assert_eq!(status["applied"]["onExpiry"], "delete");
}

#[test]
fn a_configuration_that_cannot_be_used_sends_nothing() {
    let api = server("nvim");
    let off = CONFIG.replace("enabled = true", "enabled = false");
    let played = piped(&api, &off, "dev --config -");
    assert_eq!(
        played.failed(),
        "error: standard input:2:11: kubernetes.enabled is false: the file switches Kubernetes off\nhint: set enabled = true\n"
    );
    let played = piped(&api, CONFIG, "dev --config - --template nvim");
    let refused = "error: --config and --template cannot be specified together\n";
    assert!(played.failed().starts_with(refused), "{played:?}");
    assert!(api.requests().is_empty());
}

#[test]
fn a_lab_session_is_a_lab_with_its_password_in_a_secret() {
    let api = server("lab");
    let url = "--set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4";
    let played = piped(&api, LAB, &format!("-f - {url}"));
    golden("create-labsession.txt", &played.text());
    let made = posts(&api);
    let session = made[0].json();
    assert_eq!(session["metadata"]["name"], "001");
    assert_eq!(session["spec"]["userId"], "alice@example.com");
    assert_eq!(session["spec"]["secretsFrom"], "client");
    assert!(!session.to_string().contains("hunter2"));
    let secret = made[1].json();
    assert_eq!(secret["stringData"]["VSCODE_PASSWORD"], "hunter2");
    let pod = made.iter().find(|post| post.path.ends_with("/pods"));
    let pod = pod.unwrap().json();
    let vm = &pod["spec"]["containers"][0];
    // The request keeps the template's ratio.
    assert_eq!(vm["resources"]["limits"]["cpu"], "2");
    assert_eq!(vm["resources"]["requests"]["memory"], "2Gi");
    assert_eq!(pod["spec"]["volumes"][1]["emptyDir"]["sizeLimit"], "10Gi");
    let status = api
        .object("sessions.streaming.platform", "default", "001")
        .unwrap()["status"]
        .clone();
    let methods = status["applied"]["connect"].as_array().unwrap().clone();
    let names: Vec<_> = methods
        .iter()
        .map(|method| method["name"].clone())
        .collect();
    assert_eq!(names, ["editor", "terminal", "shell"]);
    assert!(methods.iter().all(|method| method.get("enabled").is_none()));
}

#[test]
fn a_lab_session_without_the_url_says_how_to_give_it() {
    let api = server("lab");
    let played = piped(&api, LAB, "-f -");
    let text = played.failed();
    assert!(text.contains("ROOTFS_IMAGE_URL"), "{text}");
    assert!(text.contains("--set ROOTFS_IMAGE_URL="), "{text}");
    assert!(api.writes().is_empty());
}

#[test]
fn gimps_session_objects_start_their_application() {
    for application in ["gimp", "blender", "inkscape"] {
        let api = server(application);
        let text = include_str!("../../fixtures/gimp-sessions.yaml");
        let text = text.split("---").next().unwrap();
        let text = text.replace("application: gimp", &format!("application: {application}"));
        piped(&api, &text, "-f -").done();
        let made = posts(&api);
        assert_eq!(made[0].json()["spec"]["timeout"], 3600);
        let claim = made[1].json();
        assert_eq!(claim["metadata"]["name"], "user-storage-user-123");
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "20Gi");
        let pod = made[2].json();
        assert_eq!(pod["metadata"]["name"], "gimp-session-user-123");
        let container = &pod["spec"]["containers"][0];
        assert_eq!(
            container["image"],
            format!("gimp-streaming-platform/{application}:latest")
        );
        let resources = &container["resources"];
        assert_eq!(resources["limits"]["cpu"], "2");
        assert_eq!(resources["requests"]["cpu"], "1");
        assert_eq!(resources["requests"]["memory"], "2Gi");
        // No GPU is asked for: "0" is none.
        assert!(!resources.to_string().contains("nvidia.com"), "{resources}");
    }
}

#[test]
fn an_unknown_application_and_unknown_fields_are_told() {
    let api = server("gimp");
    let text = "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {name: a}\nspec: {userId: a, aplication: gimp, application: krita}\n";
    let played = piped(&api, text, "-f -");
    golden("create-unknown-application.txt", &played.text());
    assert!(api.writes().is_empty());
}
