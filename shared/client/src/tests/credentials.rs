//! Tests of hostile configurations: files and credential plugins that a kubeconfig names.

use std::path::Path;
use std::time::{Duration, Instant};

use session_support::{Answer, FakeApi};

use super::super::process_env::ProcessEnv;
use super::super::{Cluster, client_config};
use super::agent;
use crate::options::ConnectOptions;
use session_model::failure::{self, FailureKind};

/// Creates a folder with a kubeconfig whose only user is `user`, and the flags that select it.
fn configured(user: &str) -> (tempfile::TempDir, ConnectOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = format!(
        "current-context: c\nclusters:\n- {{name: k, cluster: {{server: 'https://10.0.0.1:6443', insecure-skip-tls-verify: true}}}}\n\
         contexts:\n- {{name: c, context: {{cluster: k, user: u}}}}\nusers:\n- {{name: u, user: {user}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let flags = ConnectOptions {
        kubeconfig: Some(path.to_str().unwrap().to_owned()),
        ..ConnectOptions::default()
    };
    (folder, flags)
}

async fn refused(flags: &ConnectOptions, folder: &Path) -> anyhow::Error {
    let around = ProcessEnv {
        variables: [("HOME".to_owned(), folder.into())].into(),
        service_account_dir: folder.join("account"),
    };
    client_config::load_client_config(flags, &around)
        .await
        .err()
        .unwrap()
}

#[tokio::test]
async fn a_binary_kubeconfig_fails_with_kubectls_text() {
    for (bytes, why) in [
        (&b"\xff\xfea\0:"[..], "yaml: incomplete UTF-16 character"),
        (b"a: \xff", "yaml: invalid leading UTF-8 octet"),
    ] {
        let (folder, flags) = configured("{}");
        std::fs::write(flags.kubeconfig.as_ref().unwrap(), bytes).unwrap();
        let error = refused(&flags, folder.path()).await;
        let expected = format!(
            "error loading config file {:?}: {why}",
            flags.kubeconfig.unwrap()
        );
        assert_eq!(error.to_string(), expected);
    }
    let (folder, flags) = configured("{}");
    let endless = ConnectOptions {
        kubeconfig: Some("/dev/zero".into()),
        ..flags
    };
    assert_eq!(
        refused(&endless, folder.path()).await.to_string(),
        r#"error loading config file "/dev/zero": read /dev/zero: a kubeconfig is larger than 16 MiB"#
    );
}

#[tokio::test]
async fn a_kubeconfig_in_utf_16_is_read() {
    let (folder, flags) = configured("{token: t}");
    let text = std::fs::read_to_string(flags.kubeconfig.as_ref().unwrap()).unwrap();
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(units).collect();
    std::fs::write(flags.kubeconfig.as_ref().unwrap(), bytes).unwrap();
    let around = ProcessEnv {
        service_account_dir: folder.path().join("account"),
        ..ProcessEnv::default()
    };
    let loaded = client_config::load_client_config(&flags, &around)
        .await
        .unwrap();
    assert_eq!(loaded.credentials.unwrap().header().unwrap(), "Bearer t");
}

#[tokio::test]
async fn endless_or_empty_token_files_are_refused() {
    for (user, why) in [
        (
            "{client-certificate: /dev/zero, client-key: /dev/null}",
            "unable to read client-cert /dev/zero for u due to read /dev/zero: a certificate file is larger than 4 MiB",
        ),
        (
            "{tokenFile: /dev/zero}",
            r#"failed to read token file "/dev/zero": read /dev/zero: a token is larger than 1 MiB"#,
        ),
        (
            "{tokenFile: /dev/null}",
            r#"failed to read token file "/dev/null": read empty token from file "/dev/null""#,
        ),
    ] {
        let (folder, flags) = configured(user);
        assert_eq!(refused(&flags, folder.path()).await.to_string(), why);
    }
    let (folder, flags) = configured("{}");
    let authority = ConnectOptions {
        certificate_authority: Some("/dev/zero".into()),
        insecure_skip_tls_verify: Some(false),
        ..flags
    };
    assert_eq!(
        refused(&authority, folder.path()).await.to_string(),
        "unable to read certificate-authority /dev/zero for k due to read /dev/zero: a certificate file is larger than 4 MiB"
    );
}

#[tokio::test]
async fn auth_providers_run_nothing() {
    for (name, why) in [
        ("gcp", "The gcp auth plugin has been removed."),
        ("azure", "The azure auth plugin has been removed."),
        ("other", r#"no Auth Provider found for name "other""#),
    ] {
        let user = format!(
            "{{auth-provider: {{name: {name}, config: {{cmd-path: /usr/bin/touch, cmd-args: MARK}}}}}}"
        );
        let (folder, flags) = configured(&user);
        let mark = folder.path().join("mark");
        let text = std::fs::read_to_string(flags.kubeconfig.as_ref().unwrap()).unwrap();
        let text = text.replace("MARK", mark.to_str().unwrap());
        std::fs::write(flags.kubeconfig.as_ref().unwrap(), text).unwrap();
        assert_eq!(refused(&flags, folder.path()).await.to_string(), why);
        assert!(!mark.exists());
    }
    let both = "{auth-provider: {name: oidc}, exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never}}";
    let (folder, flags) = configured(both);
    assert_eq!(
        refused(&flags, folder.path()).await.to_string(),
        "authProvider cannot be provided in combination with an exec plugin for u"
    );
}

#[cfg(unix)]
fn plugin(script: &str) -> (tempfile::TempDir, ConnectOptions) {
    use std::os::unix::fs::PermissionsExt;
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plug, interactiveMode: Never}}";
    let (folder, flags) = configured(user);
    let path = folder.path().join("plug");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, flags)
}

#[cfg(unix)]
const TOKEN: &str = r#"echo '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "t"}}'"#;

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_with_endless_output_is_killed() {
    let (folder, flags) = plugin("exec yes");
    let error = refused(&flags, folder.path()).await;
    assert_eq!(
        error.to_string(),
        format!(
            "getting credentials: exec: executable {}/./plug wrote more than 1 MiB to standard output",
            folder.path().display()
        )
    );
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_plugin_leaves_behind_is_killed_and_not_waited_for() {
    // The child holds the write end of its parent's pipe: reading completes when both have exited.
    let (folder, flags) = plugin(&format!("exec 3> \"$0.pipe\"\nsleep 60 &\n{TOKEN}"));
    let pipe = folder.path().join("plug.pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = std::thread::spawn(move || std::fs::read(pipe).unwrap());
    let begun = Instant::now();
    let around = ProcessEnv {
        variables: [("PATH".to_owned(), "/usr/bin:/bin".into())].into(),
        service_account_dir: folder.path().join("account"),
    };
    let loaded = client_config::load_client_config(&flags, &around)
        .await
        .unwrap();
    assert_eq!(loaded.credentials.unwrap().header().unwrap(), "Bearer t");
    assert!(reader.join().unwrap().is_empty());
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_that_is_stopped_is_not_waited_for() {
    let (folder, flags) = plugin("kill -STOP $$");
    let error = refused(&flags, folder.path()).await;
    assert!(
        failure::has_kind(&error, FailureKind::Unreachable),
        "{error}"
    );
    let wanted = "was stopped because it tried to use the terminal";
    assert!(error.to_string().ends_with(wanted), "{error}");
}

#[tokio::test]
async fn passwords_in_urls_are_hidden() {
    let api = FakeApi::new();
    api.on("GET", "/version", Answer::ok(serde_json::json!({})));
    let listening = api.listen();
    let flags = ConnectOptions {
        server: Some(listening.url().replace("://", "://alice:secret@")),
        ..ConnectOptions::default()
    };
    let cluster = Cluster::connect_with_env(&flags, agent(), &ProcessEnv::default())
        .await
        .unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    cluster.on_exchange(move |exchange| tell.send(exchange.url.clone()).unwrap());
    cluster.get_raw("/version").await.unwrap();
    let host = listening.url().trim_start_matches("http://");
    assert_eq!(told.recv().unwrap(), format!("http://***@{host}/version"));
    assert_eq!(cluster.server(), format!("http://***@{host}"));
    let nobody = ConnectOptions {
        server: Some("http://alice:secret@127.0.0.1:1".into()),
        ..ConnectOptions::default()
    };
    let cluster = Cluster::connect_with_env(&nobody, agent(), &ProcessEnv::default())
        .await
        .unwrap();
    assert_eq!(
        cluster.get_raw("/version").await.unwrap_err().to_string(),
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?"
    );
}
