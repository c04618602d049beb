//! Verification of a server whose own certificate is the kubeconfig's authority.
//!
//! Go, and so kubectl and curl, accept a certificate that equals a trusted one byte for byte, whoever signed it; rustls looks for a
//! signer only. Dates and names are checked in both cases.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Verifier that trusts signers among the authorities, and the authorities themselves as servers.
#[derive(Debug)]
pub(super) struct PinnedVerifier {
    signers: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

impl PinnedVerifier {
    /// Builds a verifier for DER-encoded authorities.
    ///
    /// # Errors
    /// No authority that can be read.
    pub(super) fn new(
        authorities: &[Vec<u8>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let authorities: Vec<_> = authorities
            .iter()
            .map(|der| CertificateDer::from(der.clone()))
            .collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let signers =
            WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build()?;
        Ok(Self {
            signers,
            authorities,
        })
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed = self.signers.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match signed {
            Err(error) if is_about_signer(&error) && self.authorities.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            signed => signed,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signers.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signers.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signers.supported_verify_schemes()
    }
}

/// True for an unknown signer, for an authority of the same name that did not sign, and for a self-signed authority that is used as a server. webpki finds all three only after it has
/// checked the dates; it has no error type for the third that rustls passes on.
fn is_about_signer(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            format!("{other:?}").contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    const NOW: u64 = 1_772_359_200;

    /// A certificate for `localhost`, changed by `change`, and signed by an authority that nobody trusts or by itself.
    fn certificate(is_self_signed: bool, change: impl Fn(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        if is_self_signed {
            return params.self_signed(&key).unwrap().der().to_vec();
        }
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        params.signed_by(&key, &issuer).unwrap().der().to_vec()
    }

    /// The outcome for a server that presents `presented`.
    fn verified(trusted: &[u8], presented: &[u8], name: &str) -> Result<(), String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = PinnedVerifier::new(&[trusted.to_vec()], &provider).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
        let presented = CertificateDer::from(presented.to_vec());
        let done = verifier.verify_server_cert(&presented, &[], &name, &[], now);
        done.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_trusted_certificate_is_accepted_whoever_signed_it() {
        let as_authority = |params: &mut CertificateParams| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        };
        for trusted in [
            certificate(false, |_| {}),
            certificate(true, |_| {}),
            certificate(true, as_authority),
        ] {
            assert_eq!(verified(&trusted, &trusted, "localhost"), Ok(()));
            let refused = verified(&trusted, &trusted, "example.org").unwrap_err();
            assert!(refused.contains("not valid for name"), "{refused}");
            let other = certificate(false, |_| {});
            assert!(verified(&trusted, &other, "localhost").is_err());
        }
    }

    #[test]
    fn its_dates_count() {
        for (from, until) in [(2000, 2001), (2090, 2091)] {
            let trusted = certificate(false, |params| {
                params.not_before = rcgen::date_time_ymd(from, 1, 1);
                params.not_after = rcgen::date_time_ymd(until, 1, 1);
            });
            let refused = verified(&trusted, &trusted, "localhost").unwrap_err();
            assert!(
                refused.contains("xpired") || refused.contains("not valid yet"),
                "{refused}"
            );
        }
    }
}
