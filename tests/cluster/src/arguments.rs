//! The command lines of the parts.

use crate::folder::Folder;
use crate::settings::{NODE, NODE_IP, POD_RANGE, SERVICE_RANGE, Settings};

pub(crate) fn etcd(folder: &Folder, settings: &Settings) -> Vec<String> {
    let (client, peer) = (settings.ports.etcd, settings.ports.etcd_peer);
    let certificate = |kind: &str| {
        [
            format!("--{kind}cert-file={}", folder.text("pki/local.crt")),
            format!("--{kind}key-file={}", folder.text("pki/local.key")),
            format!("--{kind}trusted-ca-file={}", folder.text("pki/ca.crt")),
            format!("--{kind}client-cert-auth=true"),
        ]
    };
    let mut args = vec![
        "--name=session".to_owned(),
        format!("--data-dir={}", folder.text("etcd")),
        format!("--listen-client-urls=https://127.0.0.1:{client}"),
        format!("--advertise-client-urls=https://127.0.0.1:{client}"),
        format!("--listen-peer-urls=https://127.0.0.1:{peer}"),
        format!("--initial-advertise-peer-urls=https://127.0.0.1:{peer}"),
        format!("--initial-cluster=session=https://127.0.0.1:{peer}"),
        format!(
            "--listen-metrics-urls=http://127.0.0.1:{}",
            settings.ports.etcd_health
        ),
        // A test cluster may lose data when the machine loses power.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    args.extend(certificate(""));
    args.extend(certificate("peer-"));
    args
}

pub(crate) fn apiserver(folder: &Folder, settings: &Settings) -> Vec<String> {
    let pki = |file: &str| folder.text(&format!("pki/{file}"));
    let mut args = vec![
        format!("--secure-port={}", settings.ports.apiserver),
        format!("--etcd-servers=https://127.0.0.1:{}", settings.ports.etcd),
        format!("--etcd-cafile={}", pki("ca.crt")),
        format!("--etcd-certfile={}", pki("local.crt")),
        format!("--etcd-keyfile={}", pki("local.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--kubelet-certificate-authority={}", pki("ca.crt")),
        format!(
            "--kubelet-client-certificate={}",
            pki("apiserver-kubelet.crt")
        ),
        format!("--kubelet-client-key={}", pki("apiserver-kubelet.key")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--service-account-key-file={}", pki("service-accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            pki("service-accounts.key")
        ),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--allow-privileged=true".to_owned(),
        format!("--audit-policy-file={}", folder.text("config/audit.yaml")),
        format!("--audit-log-path={}", folder.text("audit.log")),
        // A test reads the log right after its request; and no rotation, as readers know one file.
        "--audit-log-mode=blocking".to_owned(),
        "--audit-log-maxsize=0".to_owned(),
        format!("--cert-dir={}", folder.text("pki")),
        // Without it a stopping server waits a minute for the watches of clients that never hang up.
        "--shutdown-watch-termination-grace-period=1s".to_owned(),
    ];
    args.extend(aggregation(folder));
    if settings.no_network.is_none() {
        args.push("--bind-address=0.0.0.0".to_owned());
        args.push(format!("--advertise-address={NODE_IP}"));
        args.push("--enable-aggregator-routing=true".to_owned());
    } else {
        args.push("--bind-address=127.0.0.1".to_owned());
        args.push("--endpoint-reconciler-type=none".to_owned());
    }
    args
}

/// What the API server needs to pass requests on to API services.
fn aggregation(folder: &Folder) -> Vec<String> {
    let pki = |file: &str| folder.text(&format!("pki/{file}"));
    vec![
        format!(
            "--requestheader-client-ca-file={}",
            pki("front-proxy-ca.crt")
        ),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        format!("--proxy-client-cert-file={}", pki("front-proxy.crt")),
        format!("--proxy-client-key-file={}", pki("front-proxy.key")),
    ]
}

pub(crate) fn controller_manager(folder: &Folder, settings: &Settings) -> Vec<String> {
    let kubeconfig = folder.text("kubeconfigs/controller-manager.kubeconfig");
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", settings.ports.controller_manager),
        format!("--tls-cert-file={}", folder.text("pki/local.crt")),
        format!("--tls-private-key-file={}", folder.text("pki/local.key")),
        "--use-service-account-credentials=true".to_owned(),
        format!(
            "--service-account-private-key-file={}",
            folder.text("pki/service-accounts.key")
        ),
        format!("--root-ca-file={}", folder.text("pki/ca.crt")),
        format!("--cluster-signing-cert-file={}", folder.text("pki/ca.crt")),
        format!("--cluster-signing-key-file={}", folder.text("pki/ca.key")),
        // There is one of it; waiting for a dead one's lease would only make a restart slow.
        "--leader-elect=false".to_owned(),
        // A quota on objects of a new CustomResourceDefinition is counted in the next full round: every five minutes by default.
        "--resource-quota-sync-period=10s".to_owned(),
    ]
}

pub(crate) fn scheduler(folder: &Folder, settings: &Settings) -> Vec<String> {
    let kubeconfig = folder.text("kubeconfigs/scheduler.kubeconfig");
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", settings.ports.scheduler),
        format!("--tls-cert-file={}", folder.text("pki/local.crt")),
        format!("--tls-private-key-file={}", folder.text("pki/local.key")),
        "--leader-elect=false".to_owned(),
    ]
}

pub(crate) fn kubelet(folder: &Folder) -> Vec<String> {
    vec![
        format!("--config={}", folder.text("config/kubelet.yaml")),
        format!(
            "--kubeconfig={}",
            folder.text("kubeconfigs/kubelet.kubeconfig")
        ),
        format!("--root-dir={}", folder.text("kubelet")),
        format!("--cert-dir={}", folder.text("kubelet/pki")),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={NODE_IP}"),
    ]
}

pub(crate) fn proxy(folder: &Folder, settings: &Settings) -> Vec<String> {
    vec![
        format!(
            "--kubeconfig={}",
            folder.text("kubeconfigs/proxy.kubeconfig")
        ),
        "--proxy-mode=nftables".to_owned(),
        format!("--hostname-override={NODE}"),
        format!("--cluster-cidr={POD_RANGE}"),
        // Bridged answers between two Pods do not pass nftables (no br_netfilter): they must come back through the node.
        "--masquerade-all=true".to_owned(),
        format!(
            "--healthz-bind-address=127.0.0.1:{}",
            settings.ports.proxy_health
        ),
        format!(
            "--metrics-bind-address=127.0.0.1:{}",
            settings.ports.proxy_metrics
        ),
        // These would write sysctls that a sandbox does not let us write.
        "--conntrack-max-per-core=0".to_owned(),
        "--conntrack-tcp-timeout-established=0s".to_owned(),
        "--conntrack-tcp-timeout-close-wait=0s".to_owned(),
    ]
}

pub(crate) fn kwok(folder: &Folder, settings: &Settings) -> Vec<String> {
    vec![
        format!(
            "--kubeconfig={}",
            folder.text("kubeconfigs/kwok.kubeconfig")
        ),
        format!(
            "--config={}",
            settings.program("kwok-stages.yaml").display()
        ),
        "--manage-all-nodes=false".to_owned(),
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
        format!("--server-address=127.0.0.1:{}", settings.ports.kwok),
        // A missing address would be looked up in the cluster's DNS, which there is none of.
        "--node-ip=127.0.0.1".to_owned(),
        "--cidr=10.245.0.0/16".to_owned(),
        // Without Leases its nodes are taken for dead every minute, and their Pods for not ready.
        "--node-lease-duration-seconds=40".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder::at("/var/lib/x/cluster".into()).unwrap()
    }

    #[test]
    fn without_a_network_the_api_server_stays_on_loopback() {
        let mut settings = crate::settings::example();
        assert!(
            apiserver(&folder(), &settings).contains(&"--advertise-address=10.244.0.1".to_owned())
        );
        settings.no_network = Some("no bridge".into());
        let args = apiserver(&folder(), &settings);
        assert!(args.contains(&"--bind-address=127.0.0.1".to_owned()));
        assert!(
            !args
                .iter()
                .any(|arg| arg.starts_with("--advertise-address"))
        );
    }

    #[test]
    fn every_path_lies_in_the_cluster_folder() {
        let settings = crate::settings::example();
        let all = [
            etcd(&folder(), &settings),
            apiserver(&folder(), &settings),
            controller_manager(&folder(), &settings),
            scheduler(&folder(), &settings),
            kubelet(&folder()),
            proxy(&folder(), &settings),
            kwok(&folder(), &settings),
        ];
        for arg in all.iter().flatten() {
            let value = arg.split_once('=').map_or("", |(_, value)| value);
            assert!(
                !value.starts_with('/')
                    || value.starts_with("/var/lib/x/cluster/")
                    || value.starts_with("/programs/"),
                "{arg}"
            );
        }
    }
}
