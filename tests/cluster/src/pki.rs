//! Keys and certificates: one CA for everything, a second for the front proxy, which must not vouch for users.

use anyhow::{Context as _, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::folder::Folder;
use crate::settings::{NODE, NODE_IP, SERVICE_IP};

const CA: &str = "session-cluster-ca";
const FRONT_CA: &str = "session-cluster-front-proxy-ca";

/// A certificate and its key, both PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Makes everything in `pki/` that is not there yet: the two CAs, serving and client certificates, the service accounts' key.
///
/// # Errors
/// When a key cannot be made or a file not written.
pub(crate) fn create(folder: &Folder) -> Result<()> {
    if folder.path("pki/complete").exists() {
        return Ok(());
    }
    authority(folder, "ca", CA)?;
    authority(folder, "front-proxy-ca", FRONT_CA)?;
    write(
        folder,
        "apiserver",
        &serving(folder, "kube-apiserver", apiserver_names())?,
    )?;
    // etcd, controller manager and scheduler are spoken to over loopback, the kubelet at the node's address.
    let local = [NODE, "127.0.0.1", NODE_IP].map(str::to_owned).to_vec();
    write(folder, "local", &serving(folder, "session-cluster", local)?)?;
    let to_kubelet = client(folder, "kube-apiserver-kubelet", &["system:masters"])?;
    write(folder, "apiserver-kubelet", &to_kubelet)?;
    write(folder, "front-proxy", &front_proxy(folder)?)?;
    let accounts = KeyPair::generate().context("cannot make the service accounts' key")?;
    folder.write("pki/service-accounts.key", accounts.serialize_pem())?;
    // The API server does not derive the public half of a PKCS #8 key by itself.
    folder.write("pki/service-accounts.pub", accounts.public_key_pem())?;
    folder.write("pki/complete", "")
}

/// Every name a client on this machine or in a Pod may call the API server by.
fn apiserver_names() -> Vec<String> {
    let fixed = [
        "localhost",
        "127.0.0.1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        SERVICE_IP,
        NODE_IP,
    ];
    fixed
        .into_iter()
        .map(str::to_owned)
        .chain(host_name())
        .collect()
}

fn front_proxy(folder: &Folder) -> Result<Pair> {
    let issuer = issuer(folder, "front-proxy-ca", FRONT_CA)?;
    let params = params("front-proxy-client", &[], Vec::new())?;
    signed(params, ExtendedKeyUsagePurpose::ClientAuth, &issuer)
}

/// A client certificate for `user`, member of `groups` (at most two).
///
/// # Errors
/// When the CA is not there or refuses.
pub(crate) fn client(folder: &Folder, user: &str, groups: &[&str]) -> Result<Pair> {
    let issuer = issuer(folder, "ca", CA)?;
    signed(
        params(user, groups, Vec::new())?,
        ExtendedKeyUsagePurpose::ClientAuth,
        &issuer,
    )
}

fn serving(folder: &Folder, name: &str, hosts: Vec<String>) -> Result<Pair> {
    let issuer = issuer(folder, "ca", CA)?;
    let mut params = params(name, &[], hosts)?;
    // etcd presents it as a client of itself, and so does the API server to etcd.
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ClientAuth);
    signed(params, ExtendedKeyUsagePurpose::ServerAuth, &issuer)
}

fn signed(
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Pair> {
    params.extended_key_usages.push(usage);
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().context("cannot make a key")?;
    let certificate = params
        .signed_by(&key, issuer)
        .context("cannot sign a certificate")?;
    Ok(Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

fn params(name: &str, groups: &[&str], hosts: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(hosts)
        .with_context(|| format!("cannot make a certificate for {name}"))?;
    params.distinguished_name.push(DnType::CommonName, name);
    // rcgen keeps one value per type; a second organisation gets in under the type's number.
    let organisations = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    if groups.len() > organisations.len() {
        bail!(
            "user {name} has {} groups: a certificate holds at most {}",
            groups.len(),
            organisations.len()
        );
    }
    for (organisation, group) in organisations.into_iter().zip(groups) {
        params.distinguished_name.push(organisation, *group);
    }
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    Ok(params)
}

fn authority(folder: &Folder, file: &str, name: &str) -> Result<()> {
    let key = KeyPair::generate().context("cannot make the CA's key")?;
    let certificate = authority_params(name)?
        .self_signed(&key)
        .context("cannot sign the CA")?;
    write(
        folder,
        file,
        &Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        },
    )
}

fn authority_params(name: &str) -> Result<CertificateParams> {
    let mut params = params(name, &[], Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::CrlSign,
    ];
    Ok(params)
}

/// The CA as a signer. Name and key are all a signature takes from it, so its certificate need not be read back.
fn issuer(folder: &Folder, file: &str, name: &str) -> Result<Issuer<'static, KeyPair>> {
    let path = folder.path(&format!("pki/{file}.key"));
    let pem = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the CA's key {}", path.display()))?;
    let key = KeyPair::from_pem(&pem).with_context(|| format!("{} is no key", path.display()))?;
    Ok(Issuer::new(authority_params(name)?, key))
}

fn write(folder: &Folder, file: &str, pair: &Pair) -> Result<()> {
    folder.write(&format!("pki/{file}.crt"), &pair.certificate)?;
    folder.write(&format!("pki/{file}.key"), &pair.key)
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()?
        .trim()
        .to_owned();
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_at_most_two_groups() {
        let two = params("u", &["a", "b"], Vec::new()).unwrap();
        assert_eq!(two.distinguished_name.iter().count(), 3);
        let error = params("u", &["a", "b", "c"], Vec::new()).unwrap_err();
        assert!(
            error.to_string().starts_with("user u has 3 groups: "),
            "{error}"
        );
    }
}
