//! Renewal of credentials that the server rejects: which user of the kubeconfig they are of, since when they have expired, and how
//! they are renewed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jiff::civil::DateTime;
use kube::config::AuthInfo;

use super::pem;

/// Commands that log in again, by the credential plugin whose credentials they renew.
const LOGINS: [(&str, &str); 4] = [
    ("aws", "aws sso login"),
    ("aws-iam-authenticator", "aws sso login"),
    ("gke-gcloud-auth-plugin", "gcloud auth login"),
    ("doctl", "doctl auth init"),
];

/// The origin of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CredentialOrigin {
    Token { expires: Option<Timestamp> },
    TokenFile(String),
    Plugin { command: String },
    Certificate { expires: Option<Timestamp> },
    Password,
}

/// The user of the kubeconfig and the origin of its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CredentialRenewal {
    user: String,
    origin: CredentialOrigin,
}

impl CredentialRenewal {
    /// Finds the origin of the credentials of a user with that token; `None` for a user without any. Certificate files have been read.
    pub(super) fn of(user: &AuthInfo, token: Option<&str>, name: &str) -> Option<Self> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let certificate = || {
            let data = given(&user.client_certificate_data)?;
            let pem = STANDARD.decode(data).ok()?;
            let certificates = pem::parse_certificates(&pem).ok()?;
            let expires = certificates.first().and_then(|der| certificate_end(der));
            Some(CredentialOrigin::Certificate { expires })
        };
        let origin = if let Some(file) = given(&user.token_file) {
            CredentialOrigin::TokenFile(file)
        } else if let Some(token) = token {
            let expires = token_end(token);
            CredentialOrigin::Token { expires }
        } else if let Some(exec) = &user.exec {
            let command = given(&exec.command)?;
            CredentialOrigin::Plugin { command }
        } else if given(&user.username).is_some() {
            CredentialOrigin::Password
        } else {
            certificate()?
        };
        Some(Self {
            user: name.to_owned(),
            origin,
        })
    }

    /// Returns the hint for a rejection at `now`.
    pub(super) fn hint(&self, now: Timestamp) -> String {
        let of = match self.user.as_str() {
            "" => String::new(),
            user => format!(" of user {user:?} in the kubeconfig"),
        };
        let state = |expires: &Option<Timestamp>| match expires.filter(|end| *end <= now) {
            Some(end) => format!("expired at {end}"),
            None => "is not accepted by the server".to_owned(),
        };
        match &self.origin {
            CredentialOrigin::Token { expires } => format!(
                "the token{of} {}: log in again with the program that wrote it there, or set another: kubectl config set-credentials {} --token=TOKEN",
                state(expires),
                match self.user.as_str() {
                    "" => "USER",
                    user => user,
                }
            ),
            CredentialOrigin::TokenFile(file) => {
                format!("the token{of} is not accepted by the server: write another to {file:?}")
            }
            CredentialOrigin::Plugin { command } => {
                let login = login_command(command);
                let login = login.map_or_else(
                    || format!("log in again with the program that {command:?} belongs to"),
                    |login| format!("log in again: {login}"),
                );
                format!(
                    "the credentials of plugin {command:?}{of} are not accepted by the server: {login}"
                )
            }
            CredentialOrigin::Certificate { expires } => format!(
                "the client certificate{of} {}: get a new certificate, or a new kubeconfig, from who runs the cluster",
                state(expires)
            ),
            CredentialOrigin::Password => {
                format!("the user name or password{of} is not accepted by the server")
            }
        }
    }
}

/// Returns the command that logs in again, for a credential plugin that is known.
pub(super) fn login_command(plugin: &str) -> Option<&'static str> {
    let name = plugin.rsplit(['/', '\\']).next()?;
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let mut logins = LOGINS.iter();
    logins
        .find(|(known, _)| *known == name)
        .map(|(_, login)| *login)
}

/// Returns the expiry of a JSON Web Token; `None` for any other token.
fn token_end(token: &str) -> Option<Timestamp> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()
}

/// Returns the end of a certificate's validity: the second time of the sequence with two UTCTimes, `YYMMDDhhmmssZ`, or two
/// GeneralizedTimes, `YYYYMMDDhhmmssZ`, that comes first in it.
fn certificate_end(der: &[u8]) -> Option<Timestamp> {
    const UTC: [u8; 2] = [0x17, 13];
    const GENERAL: [u8; 2] = [0x18, 15];
    let time = |bytes: &[u8]| -> Option<(Timestamp, usize)> {
        let (century, length) = match bytes.get(..2)? {
            head if head == UTC => ("20", 13),
            head if head == GENERAL => ("", 15),
            _ => return None,
        };
        let text = std::str::from_utf8(bytes.get(2..2 + length)?).ok()?;
        let read = DateTime::strptime("%Y%m%d%H%M%SZ", format!("{century}{text}")).ok()?;
        let zoned = read.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some((zoned.timestamp(), 2 + length))
    };
    (0..der.len()).find_map(|at| {
        let bytes = der.get(at..)?;
        let (_, length) = time(bytes)?;
        time(bytes.get(length..)?).map(|(end, _)| end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn hint(user: Value) -> String {
        let token = user["token"].as_str().map(str::to_owned);
        let user: AuthInfo = serde_json::from_value(user).unwrap();
        let renewal = CredentialRenewal::of(&user, token.as_deref(), "alice");
        renewal.map_or_else(String::new, |renewal| {
            renewal.hint("2026-03-01T12:00:00Z".parse().unwrap())
        })
    }

    fn token(end: i64) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let payload = part(json!({ "sub": "alice", "exp": end }));
        format!("{}.{payload}.c2ln", part(json!({ "alg": "RS256" })))
    }

    fn certificate(year: i32) -> String {
        let mut params = rcgen::CertificateParams::new(vec!["alice".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        STANDARD.encode(params.self_signed(&key).unwrap().pem())
    }

    #[test]
    fn the_user_and_the_end_of_its_credentials_are_named() {
        for (user, words) in [
            (
                json!({ "token": token(1_767_225_600) }),
                "the token of user \"alice\" in the kubeconfig expired at 2026-01-01T00:00:00Z: log in again with the program that wrote it there, or set another: kubectl config set-credentials alice --token=TOKEN",
            ),
            (
                json!({ "token": token(4_000_000_000) }),
                "the token of user \"alice\" in the kubeconfig is not accepted by the server: ",
            ),
            (
                json!({ "token": "opaque" }),
                "the token of user \"alice\" in the kubeconfig is not accepted",
            ),
            (json!({ "tokenFile": "/t" }), "write another to \"/t\""),
            (
                json!({ "client-certificate-data": certificate(2025) }),
                "the client certificate of user \"alice\" in the kubeconfig expired at 2025-02-03T00:00:00Z: get a new",
            ),
            (
                json!({ "client-certificate-data": certificate(2060) }),
                "the client certificate of user \"alice\" in the kubeconfig is not accepted",
            ),
            (
                json!({ "exec": { "apiVersion": "v1", "command": "/opt/bin/aws" } }),
                "the credentials of plugin \"/opt/bin/aws\" of user \"alice\" in the kubeconfig are not accepted by the server: log in again: aws sso login",
            ),
            (
                json!({ "exec": { "apiVersion": "v1", "command": "corp-login" } }),
                "log in again with the program that \"corp-login\" belongs to",
            ),
        ] {
            let found = hint(user);
            assert!(found.contains(words), "{found}\n{words}");
        }
        assert_eq!(hint(json!({})), "");
    }
}
