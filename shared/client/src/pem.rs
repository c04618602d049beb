//! Certificates from PEM text in the form the TLS library takes.

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Parses all certificates of a PEM bundle into DER.
///
/// # Errors
/// Text without any certificate, in kubectl's words.
pub(super) fn parse_certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>> {
    let text = String::from_utf8_lossy(pem);
    let mut all = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let Some((body, _)) = block.split_once(END) else {
            continue;
        };
        let body: String = body.split_whitespace().collect();
        if let Ok(der) = STANDARD.decode(body) {
            all.push(der);
        }
    }
    if all.is_empty() {
        bail!("unable to load root certificates: unable to parse bytes as PEM block");
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_taken_and_rubbish_is_none() {
        let bundle = format!("# roots\n{BEGIN}\nAQ\nID\n{END}\n{BEGIN}\nBAUG\n{END}\n");
        assert_eq!(
            parse_certificates(bundle.as_bytes()).unwrap(),
            [vec![1, 2, 3], vec![4, 5, 6]]
        );
        assert!(parse_certificates(b"localhost").is_err());
    }
}
