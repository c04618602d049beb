//! What leads to a server, and what must not be shown of it: kubeconfigs, plugins, proxies, tokens, certificates.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;

use super::raw::{Server, ended, whole};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_kubeconfig_that_is_cut_off_is_an_error,
            "A careless hand cuts off a kubeconfig in UTF-16 in the middle of a character",
            "kubectl's error, and no crash",
        ),
        attack!(
            a_kubeconfig_without_an_end_is_not_kept,
            "--kubeconfig leads to a device that never ends",
            "An error at 16 MiB",
        ),
        attack!(
            an_auth_provider_runs_nothing,
            "A kubeconfig names a command in an auth provider of old (gcp, cmd-path)",
            "The command is not run; the error is kubectl's",
        ),
        attack!(
            a_credential_plugin_without_an_end_is_killed,
            "A credential plugin writes for ever",
            "It is killed at 1 MiB, with an error",
        ),
        attack!(
            what_a_credential_plugin_started_ends_with_us,
            "The program is told to end while a credential plugin and its children run",
            "All of them are killed",
        ),
        attack!(
            a_password_in_an_address_is_not_shown,
            "A kubeconfig and HTTPS_PROXY have passwords in their addresses, and somebody looks at -v=9",
            "*** in their place, in logs and errors",
        ),
        attack!(
            a_proxy_that_refuses_is_told,
            "A proxy answers CONNECT with 407 and a page, or never stops answering",
            "An error in one line",
        ),
        attack!(
            a_token_is_not_shown,
            "Somebody looks at -v=9 with a token in the kubeconfig",
            "Requests are told without headers and bodies",
        ),
        attack!(
            a_token_is_not_sent_on,
            "An API server answers with a redirect to another host",
            "An error; nothing is sent there",
        ),
        attack!(
            a_certificate_of_another_name_is_refused,
            "The server has a certificate of another name",
            "x509 error; nothing is sent",
        ),
    ]
}

fn a_kubeconfig_that_is_cut_off_is_an_error() -> Result<()> {
    let server = Server::new(|_, _| Ok(()))?;
    std::fs::write(server.kubeconfig(), b"\xff\xfea\0p\0i\0V")?;
    let ended = server.run(&["list"])?;
    let path = server.kubeconfig();
    ended.fails_with(&format!(
        "error: error loading config file {:?}: yaml: incomplete UTF-16 character",
        path.display().to_string()
    ))
}

fn a_kubeconfig_without_an_end_is_not_kept() -> Result<()> {
    let server = Server::new(|_, _| Ok(()))?;
    let ended = server.run(&["list", "--kubeconfig=/dev/zero"])?;
    ended.fails_with("error loading config file \"/dev/zero\": read /dev/zero: a kubeconfig is larger than 16 MiB")
}

fn an_auth_provider_runs_nothing() -> Result<()> {
    let server = Server::new(|_, _| Ok(()))?;
    for name in ["gcp", "azure", "anything"] {
        let mark = server.folder().join("mark");
        let user = format!(
            "{{auth-provider: {{name: {name}, config: {{cmd-path: /usr/bin/touch, cmd-args: '{}'}}}}}}",
            mark.display()
        );
        server.configure("server: 'https://127.0.0.1:1'", &user)?;
        let ended = server.run(&["list"])?;
        ensure!(!mark.exists(), "the command was run: {ended:?}");
        ended.fails_with(match name {
            "anything" => "error: no Auth Provider found for name \"anything\"",
            _ => "auth plugin has been removed.",
        })?;
    }
    Ok(())
}

/// Makes `script` the credential plugin of a server's kubeconfig.
fn plug(server: &Server, script: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = server.folder().join("plug");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    server.configure(
        "server: 'https://127.0.0.1:1'",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plug, interactiveMode: IfAvailable}}",
    )
}

fn a_credential_plugin_without_an_end_is_killed() -> Result<()> {
    let server = Server::new(|_, _| Ok(()))?;
    plug(&server, "yes &\nyes")?;
    // The plugin's standard error is ours: this ends when all of it is dead.
    let ended = server.run(&["list"])?;
    ended.fails_with("plug wrote more than 1 MiB to standard output")
}

fn what_a_credential_plugin_started_ends_with_us() -> Result<()> {
    let server = Server::new(|_, _| Ok(()))?;
    let fifo = server.folder().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status()?;
    ensure!(made.success(), "no FIFO");
    plug(
        &server,
        &format!(
            "sleep 600 &\n(sleep 600; true) &\necho > '{}'\nsleep 600",
            fifo.display()
        ),
    )?;
    let child = server.command(&["list"]).spawn()?;
    ensure!(std::fs::read(&fifo)? == b"\n", "the plugin was not run");
    let pid = i32::try_from(child.id())?;
    let pid = rustix::process::Pid::from_raw(pid).context("no process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    // As above: one that lived on would hold our standard error for ten minutes.
    let ended = ended(child)?;
    ensure!(matches!(ended.code, Some(130 | 143)), "{ended:?}");
    Ok(())
}

fn a_password_in_an_address_is_not_shown() -> Result<()> {
    let server = Server::new(|_, peer| whole(peer, "500 Oops", "text/plain", "oops"))?;
    let address = server.address.clone();
    let with_password = format!("server: 'http://alice:s3cret@{address}'");
    server.configure(&with_password, "{}")?;
    let ended = server.run(&["list", "-v=9"])?;
    ended.fails_with(&format!("http://***@{address}/"))?;
    ended.hides("s3cret")?;
    for (cluster, part) in [
        (
            "server: 'http://alice:s3cret@127.0.0.1:1'",
            "127.0.0.1:1 was refused",
        ),
        ("server: 'http://alice:s3cret@a b'", "***@a b"),
        (
            "server: 'https://10.0.0.1', proxy-url: 'ftp://alice:s3cret@p'",
            "ftp://***@p",
        ),
        (
            "server: 'https://10.0.0.1', proxy-url: 'http://alice:s3cret@a b'",
            "http://***@a b",
        ),
        (
            "server: 'https://10.0.0.1', proxy-url: 'http://alice:s3cret@127.0.0.1:1'",
            "proxyconnect tcp",
        ),
    ] {
        server.configure(cluster, "{}")?;
        let ended = server.run(&["list", "-v=9"])?;
        ended.fails_with(part)?;
        ended.hides("s3cret")?;
    }
    Ok(())
}

fn a_proxy_that_refuses_is_told() -> Result<()> {
    let proxy = Server::new(|head, peer| {
        if !head.starts_with("CONNECT ") {
            return Ok(());
        }
        let page = "<html><title>Pay first</title></html>".repeat(10);
        whole(
            peer,
            "407 Proxy Authentication Required",
            "text/html",
            &page,
        )
    })?;
    let endless = Server::new(|_, peer| {
        write!(peer, "HTTP/1.1 200 OK\r\n")?;
        let header = format!("X-Long: {}\r\n", "x".repeat(1 << 16));
        (0..10_000).try_for_each(|_| peer.write_all(header.as_bytes()))
    })?;
    for server in [&proxy, &endless] {
        let mut command = server.command(&["list", "--server=https://10.0.0.1:6443", "-v=9"]);
        command.env(
            "HTTPS_PROXY",
            format!("http://alice:s3cret@{}", server.address),
        );
        let ended = ended(command.spawn()?)?;
        ended.fails_with("Unable to connect to the server: proxyconnect tcp: ")?;
        ended.hides("s3cret")?;
        ensure!(!ended.stderr.contains("<html"), "{ended:?}");
    }
    Ok(())
}

/// A certificate for that name, and its PEM in base64.
fn certificate(name: &str) -> Result<(Arc<rustls::ServerConfig>, String)> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((Arc::new(config), STANDARD.encode(made.cert.pem())))
}

fn a_token_is_not_shown() -> Result<()> {
    let (tls, authority) = certificate("127.0.0.1")?;
    let server = Server::with_tls(Some(tls), |_, peer| {
        let body = r#"{"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no"}"#;
        whole(peer, "403 Forbidden", "application/json", body)
    })?;
    let cluster = format!(
        "server: 'https://{}', certificate-authority-data: {authority}",
        server.address
    );
    server.configure(&cluster, "{token: s3cret}")?;
    let ended = server.run(&["list", "-v=9"])?;
    ended.fails_with("Error from server (Forbidden): no")?;
    ended.hides("s3cret")?;
    let sent = server.requests();
    let has_token =
        |head: &String| head.contains("Bearer s3cret") || head.contains("bearer s3cret");
    ensure!(
        sent.iter().any(has_token),
        "the token was not sent: {sent:?}"
    );
    Ok(())
}

fn a_token_is_not_sent_on() -> Result<()> {
    let (tls, authority) = certificate("127.0.0.1")?;
    let other = Server::with_tls(Some(tls.clone()), |_, _| Ok(()))?;
    let location = other.address.clone();
    for code in [
        "301 Moved",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = location.clone();
        let server = Server::with_tls(Some(tls.clone()), move |_, peer| {
            write!(
                peer,
                "HTTP/1.1 {code}\r\nLocation: https://{location}/api\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        })?;
        let cluster = format!(
            "server: 'https://{}', certificate-authority-data: {authority}",
            server.address
        );
        server.configure(&cluster, "{token: s3cret}")?;
        let status = code.split(' ').next().unwrap_or_default();
        let said = format!("the server responded with the status code {status}");
        server.run(&["list"])?.fails_with(&said)?;
    }
    ensure!(other.requests().is_empty(), "{:?}", other.requests());
    Ok(())
}

fn a_certificate_of_another_name_is_refused() -> Result<()> {
    let (tls, authority) = certificate("other.example")?;
    let server = Server::with_tls(Some(tls), |_, _| Ok(()))?;
    let cluster = format!(
        "server: 'https://{}', certificate-authority-data: {authority}",
        server.address
    );
    server.configure(&cluster, "{token: s3cret}")?;
    server
        .run(&["list"])?
        .fails_with("Unable to connect to the server: tls: failed to verify certificate: x509: ")?;
    ensure!(server.requests().is_empty(), "{:?}", server.requests());
    Ok(())
}
