//! A server whose own certificate is the kubeconfig's authority, directly and behind proxies.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, UPGRADE};
use http::{Request, StatusCode};
use kube::client::Body;
use rcgen::{CertificateParams, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::super::Cluster;
use super::super::process_env::ProcessEnv;
use super::agent;
use super::http2::{Seen, converse};
use crate::options::ConnectOptions;

/// A certificate for localhost that an unknown authority has signed, with its key.
struct Leaf {
    pem: String,
    acceptor: TlsAcceptor,
}

fn leaf() -> Leaf {
    let authority = CertificateParams::new(Vec::new()).unwrap();
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            key.serialize_der().try_into().unwrap(),
        );
    let mut tls = tls.unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Leaf {
        pem: certificate.pem(),
        acceptor: TlsAcceptor::from(Arc::new(tls)),
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Starts a proxy of this scheme that connects everybody to `target`. A proxy with TLS presents `leaf`, too.
async fn start_proxy(scheme: &'static str, target: SocketAddr, leaf: &Leaf) -> String {
    let (listener, address) = listen().await;
    let acceptor = leaf.acceptor.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match scheme {
                    "https" => tunnel(acceptor.accept(tcp).await.unwrap(), scheme, target).await,
                    _ => tunnel(tcp, scheme, target).await,
                }
            });
        }
    });
    let user = if scheme == "socks5" {
        ""
    } else {
        "alice:s%40p@"
    };
    format!("{scheme}://{user}localhost:{}", address.port())
}

async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(mut client: S, scheme: &str, to: SocketAddr) {
    if scheme == "socks5" {
        let mut head = [0; 2];
        client.read_exact(&mut head).await.unwrap();
        let mut methods = vec![0; usize::from(head[1])];
        client.read_exact(&mut methods).await.unwrap();
        client.write_all(&[5, 0]).await.unwrap();
        let mut request = [0; 5];
        client.read_exact(&mut request).await.unwrap();
        let mut name = vec![0; usize::from(request[4]) + 2];
        client.read_exact(&mut name).await.unwrap();
        let done = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        client.write_all(&done).await.unwrap();
    } else {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        // alice:s@p
        assert!(head.contains("Basic YWxpY2U6c0Bw\r\n"), "{head}");
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    }
    let mut server = TcpStream::connect(to).await.unwrap();
    let _ended = copy_bidirectional(&mut client, &mut server).await;
}

/// Connects with `trusted` as the authority to a server that presents `presented`.
async fn connect(trusted: &Leaf, presented: &Leaf, proxy: Option<&'static str>) -> Cluster {
    let (listener, address) = listen().await;
    let acceptor = presented.acceptor.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // The client may refuse the certificate.
                if let Ok(stream) = acceptor.accept(tcp).await {
                    converse(stream, Arc::new(Seen::default())).await;
                }
            });
        }
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(trusted.pem.as_bytes()).unwrap();
    let proxy_url = match proxy {
        Some(scheme) => Some(start_proxy(scheme, address, trusted).await),
        None => None,
    };
    let flags = ConnectOptions {
        server: Some(format!("https://localhost:{}", address.port())),
        certificate_authority: Some(file.path().to_str().unwrap().to_owned()),
        proxy_url,
        ..ConnectOptions::default()
    };
    let cluster = Cluster::connect_with_env(&flags, agent(), &ProcessEnv::default()).await;
    cluster.unwrap()
}

#[tokio::test]
async fn a_trusted_leaf_is_accepted_for_requests_and_upgrades_directly_and_behind_every_proxy() {
    let (trusted, other) = (leaf(), leaf());
    for proxy in [None, Some("http"), Some("https"), Some("socks5")] {
        let cluster = connect(&trusted, &trusted, proxy).await;
        cluster.get_raw("/version").await.unwrap();
        let upgrade = Request::get("/exec")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "x")
            .body(Body::empty())
            .unwrap();
        let answer = cluster.inner.client.send(upgrade).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);

        let cluster = connect(&trusted, &other, proxy).await;
        let refused = cluster.get_raw("/version").await.unwrap_err().to_string();
        assert!(
            refused.contains("unknown authority"),
            "{proxy:?}: {refused}"
        );
    }
}
