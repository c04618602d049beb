//! Tests of client configuration: flags, kubeconfig, environment, and credential plugins.

use std::path::Path;

use serde_json::json;
use session_support::{Answer, FakeApi};

use super::super::process_env::ProcessEnv;
use super::super::{Cluster, client_config};
use super::agent;
use crate::options::ConnectOptions;

fn around(home: &Path) -> ProcessEnv {
    ProcessEnv {
        variables: [("HOME".to_owned(), home.into())].into(),
        service_account_dir: home.join("account"),
    }
}

fn config(text: &str) -> (tempfile::TempDir, ConnectOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, text).unwrap();
    let flags = ConnectOptions {
        kubeconfig: Some(path.to_str().unwrap().to_owned()),
        ..ConnectOptions::default()
    };
    (folder, flags)
}

const SECURE: &str = r#"
current-context: c
clusters:
- {name: k, cluster: {server: "https://10.0.0.1:6443/path/", insecure-skip-tls-verify: true, tls-server-name: inside}}
users:
- {name: u, user: {token: secret, tokenFile: /nofile}}
- {name: p, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plug, interactiveMode: IfAvailable, provideClusterInfo: true, installHint: get it}}}
- {name: b, user: {username: x, password: z}}
- {name: c, user: {client-certificate-data: YWJj}}
contexts:
- {name: c, context: {cluster: k, user: b, namespace: ns}}
"#;

#[tokio::test]
async fn flags_reach_the_requests() {
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::ok(json!({})));
    let listening = api.listen();
    let flags = ConnectOptions {
        kubeconfig: Some(listening.kubeconfig().to_str().unwrap().into()),
        as_user: Some("b".into()),
        as_group: vec!["g".into(), "h".into()],
        as_uid: Some("1".into()),
        as_user_extra: vec!["k=v".into(), "k=w".into()],
        token: Some("secret".into()),
        namespace: Some("other".into()),
        ..ConnectOptions::default()
    };
    let cluster = Cluster::connect_with_env(&flags, agent(), &ProcessEnv::default())
        .await
        .unwrap();
    assert_eq!(
        (cluster.namespace(), cluster.server()),
        ("other", listening.url())
    );
    cluster.get_raw("/version").await.unwrap();
    let request = &api.requests()[0];
    assert_eq!(
        (
            request.header("impersonate-user"),
            request.header("impersonate-uid")
        ),
        ("b", "1")
    );
    let all = |name: &str| {
        request
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(all("impersonate-group"), ["g", "h"]);
    assert_eq!(all("impersonate-extra-k"), ["v", "w"]);
    assert_eq!(all("user-agent").len(), 1);
    assert!(
        request
            .header("user-agent")
            .starts_with("kubectl-session-list/"),
        "{}",
        request.header("user-agent")
    );
    assert_eq!(
        request.header("authorization"),
        "",
        "no token in clear text, as kubectl"
    );
}

#[tokio::test]
async fn without_a_server_the_default_is_localhost() {
    let home = tempfile::tempdir().unwrap();
    let cluster =
        Cluster::connect_with_env(&ConnectOptions::default(), agent(), &around(home.path()))
            .await
            .unwrap();
    assert_eq!(
        (
            cluster.server(),
            cluster.namespace(),
            cluster.kubeconfig_paths()
        ),
        ("http://localhost:8080", "default", "")
    );
}

#[tokio::test]
async fn a_pod_finds_its_cluster() {
    let home = tempfile::tempdir().unwrap();
    let account = home.path().join("account");
    std::fs::create_dir(&account).unwrap();
    std::fs::write(account.join("token"), "secret\n").unwrap();
    std::fs::write(account.join("namespace"), "mine").unwrap();
    std::fs::write(
        account.join("ca.crt"),
        "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let mut around = around(home.path());
    around
        .variables
        .insert("KUBERNETES_SERVICE_HOST".into(), "fd00::1".into());
    around
        .variables
        .insert("KUBERNETES_SERVICE_PORT".into(), "443".into());
    let loaded = client_config::load_client_config(&ConnectOptions::default(), &around)
        .await
        .unwrap();
    assert_eq!(
        (loaded.server.as_str(), loaded.namespace.as_str()),
        ("https://[fd00::1]:443/", "mine")
    );
    assert_eq!(
        loaded.credentials.unwrap().header().unwrap(),
        "Bearer secret"
    );
    assert_eq!(
        loaded.config.root_cert_file.unwrap(),
        account.join("ca.crt")
    );
}

#[tokio::test]
async fn flags_replace_what_the_file_says() {
    let (folder, flags) = config(SECURE);
    let load = async |flags: ConnectOptions| {
        client_config::load_client_config(&flags, &around(folder.path())).await
    };
    let plain = load(flags.clone()).await.unwrap();
    assert!(
        plain.config.accept_invalid_certs
            && !plain.config.default_retry
            && plain.credentials.is_none()
    );
    assert_eq!(
        (
            plain.namespace.as_str(),
            plain.config.tls_server_name.as_deref()
        ),
        ("ns", Some("inside"))
    );
    assert_eq!(plain.config.auth_info.username.as_deref(), Some("x"));
    let other = load(ConnectOptions {
        server: Some("https://other".into()),
        disable_compression: Some(true),
        request_timeout: Some(std::time::Duration::from_secs(3)),
        ..flags.clone()
    })
    .await
    .unwrap();
    assert_eq!(
        (
            other.server.as_str(),
            other.config.tls_server_name,
            other.config.disable_compression
        ),
        ("https://other/", None, true)
    );
    assert_eq!(other.timeout.unwrap().as_secs(), 3);
    let token = load(ConnectOptions {
        user: Some("u".into()),
        token: Some("mine".into()),
        ..flags.clone()
    })
    .await
    .unwrap();
    assert_eq!(token.credentials.unwrap().header().unwrap(), "Bearer mine");
}

#[tokio::test]
async fn configuration_errors_have_kubectls_text() {
    let (folder, flags) = config(SECURE);
    let text = async |flags: ConnectOptions| {
        client_config::load_client_config(&flags, &around(folder.path()))
            .await
            .err()
            .unwrap()
            .to_string()
    };
    for (flags, expected) in [
        (
            ConnectOptions {
                as_group: vec!["g".into()],
                ..flags.clone()
            },
            "requesting uid, groups or user-extra for b without impersonating a user",
        ),
        (
            ConnectOptions {
                token: Some("t".into()),
                ..flags.clone()
            },
            "more than one authentication method found for b; found [token basicAuth], only one is allowed",
        ),
        (
            ConnectOptions {
                user: Some("c".into()),
                ..flags.clone()
            },
            "client-key-data or client-key must be specified for c to use the clientCert authentication method.",
        ),
        (
            ConnectOptions {
                certificate_authority: Some("/nofile".into()),
                ..flags.clone()
            },
            "unable to read certificate-authority /nofile for k due to open /nofile: no such file or directory",
        ),
        (
            ConnectOptions {
                certificate_authority: Some("/etc/hostname".into()),
                insecure_skip_tls_verify: Some(true),
                ..flags.clone()
            },
            "specifying a root certificates file with the insecure flag is not allowed",
        ),
        (
            ConnectOptions {
                certificate_authority: Some("/etc/hostname".into()),
                ..flags.clone()
            },
            "unable to load root certificates: unable to parse bytes as PEM block",
        ),
        (
            ConnectOptions {
                user: Some("p".into()),
                ..flags.clone()
            },
            &format!(
                "getting credentials: exec: executable {}/./plug not found",
                folder.path().display()
            ),
        ),
    ] {
        assert_eq!(text(flags).await, expected);
    }
    assert!(
        text(ConnectOptions {
            server: Some("ht tp://x".into()),
            ..flags.clone()
        })
        .await
        .contains("invalid server address")
    );
    assert!(
        text(ConnectOptions {
            user: Some("u".into()),
            ..flags
        })
        .await
        .contains("/nofile"),
        "the file wins over the token"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_runs_once_and_again_when_its_token_has_run_out() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, flags) = config(SECURE);
    let path = folder.path().join("plug");
    let script = "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" >> \"$0.log\"\n/usr/bin/cat \"$0.out\" 2>/dev/null\n";
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let says = |status: serde_json::Value| {
        let out = json!({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status});
        std::fs::write(folder.path().join("plug.out"), out.to_string()).unwrap();
    };
    let log = || std::fs::read_to_string(folder.path().join("plug.log")).unwrap();
    let load = async || {
        client_config::load_client_config(
            &ConnectOptions {
                user: Some("p".into()),
                ..flags.clone()
            },
            &around(folder.path()),
        )
        .await
    };
    says(
        json!({"token": "one", "expirationTimestamp": "2020-01-01T00:00:00Z", "clientCertificateData": "C", "clientKeyData": "K"}),
    );
    let loaded = load().await.unwrap();
    assert_eq!(
        loaded.config.auth_info.client_certificate_data.as_deref(),
        Some("Qw==")
    );
    assert!(loaded.config.auth_info.exec.is_none());
    let credentials = loaded.credentials.unwrap();
    assert_eq!(
        (
            credentials.header().unwrap().to_str().unwrap(),
            log().lines().count()
        ),
        ("Bearer one", 1)
    );
    says(json!({"token": "two", "expirationTimestamp": "2999-01-01T00:00:00Z"}));
    credentials.renew_expired().await.unwrap();
    credentials.renew_expired().await.unwrap();
    assert_eq!(
        (
            credentials.header().unwrap().to_str().unwrap(),
            log().lines().count()
        ),
        ("Bearer two", 2)
    );
    assert!(
        !credentials.renew_rejected().await.unwrap(),
        "it has just been run"
    );
    assert!(
        log().contains(r#""server":"https://10.0.0.1:6443/path/""#)
            && log().contains("tls-server-name"),
        "{}",
        log()
    );
    for (status, expected) in [
        (
            json!(null),
            "getting credentials: exec plugin didn't return a status field",
        ),
        (
            json!({}),
            "getting credentials: exec plugin didn't return a token or cert/key pair",
        ),
        (
            json!({"clientKeyData": "K"}),
            "getting credentials: exec plugin returned only certificate or key, not both",
        ),
    ] {
        says(status);
        assert_eq!(load().await.err().unwrap().to_string(), expected);
    }
    std::fs::remove_file(folder.path().join("plug.out")).unwrap();
    let failed = load().await.err().unwrap().to_string();
    assert!(failed.ends_with("plug failed with exit code 1"), "{failed}");
}
