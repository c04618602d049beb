use session_support::FakeApi;

use super::cluster;

#[tokio::test]
async fn the_caller_identity_comes_from_the_server() {
    let api = FakeApi::stateful();
    api.user("bob", &["devs"]);
    let identity = cluster(&api).get_caller_identity().await.unwrap();
    assert_eq!(
        (
            identity.username.as_str(),
            identity.groups.as_slice(),
            identity.uid.as_str()
        ),
        ("bob", &["devs".to_owned()][..], "")
    );
    assert_eq!(
        api.lines(),
        ["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"]
    );
    assert!(api.writes().is_empty());
}
