//! The `Authorization` header of requests. A credential plugin runs once for all requests, a token file is read again
//! regularly, and a token that the server rejects is renewed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::HeaderValue;
use jiff::Timestamp;

use super::credential_plugin::{CredentialPlugin, PluginCredential};
use super::process_env::go_io_error;
use super::read_limits::TOKEN_LIMIT;
use session_model::failure::{Failure, FailureKind};

/// Interval for reading a token file again; client-go's.
const FILE_REREAD_INTERVAL: Duration = Duration::from_secs(60);
/// Shortest interval between two runs of a plugin whose tokens the server rejects.
const MIN_PLUGIN_INTERVAL: Duration = Duration::from_secs(10);

/// The source of a bearer token.
enum TokenSource {
    Fixed,
    File(PathBuf),
    Plugin(Box<CredentialPlugin>),
}

/// A bearer token together with its source.
pub(super) struct Credentials {
    source: TokenSource,
    current: Mutex<CurrentToken>,
    /// Held while a token is renewed, so that only one request renews it.
    renewing: tokio::sync::Mutex<()>,
}

struct CurrentToken {
    header: Option<HeaderValue>,
    obtained_at: Instant,
    expires: Option<Timestamp>,
}

impl Credentials {
    /// Credentials with a fixed token.
    pub(super) fn from_token(token: &str) -> Result<Self> {
        Self::new(TokenSource::Fixed, Some(token), None)
    }

    /// Credentials with the token in a file. A file that is missing now is an error; if it goes missing later, the last
    /// token stays in use.
    pub(super) fn from_file(path: PathBuf) -> Result<Self> {
        let unreadable = |why: &str| {
            let message = format!(
                "failed to read token file {:?}: {why}",
                path.display().to_string()
            );
            Failure::client_side(FailureKind::Unreachable, message)
        };
        let token = TOKEN_LIMIT
            .read_text(&path)
            .map_err(|error| unreadable(&go_io_error("open", &path, &error)))?;
        let token = token.trim();
        if token.is_empty() {
            let why = format!(
                "read empty token from file {:?}",
                path.display().to_string()
            );
            return Err(unreadable(&why).into());
        }
        let token = token.to_owned();
        Self::new(TokenSource::File(path), Some(&token), None)
    }

    /// Credentials from a plugin, with the result of its first run.
    pub(super) fn from_plugin(plugin: CredentialPlugin, first: &PluginCredential) -> Result<Self> {
        Self::new(
            TokenSource::Plugin(Box::new(plugin)),
            first.token.as_deref(),
            first.expires,
        )
    }

    fn new(source: TokenSource, token: Option<&str>, expires: Option<Timestamp>) -> Result<Self> {
        let header = token.map(bearer).transpose()?;
        let current = CurrentToken {
            header,
            obtained_at: Instant::now(),
            expires,
        };
        Ok(Self {
            source,
            current: Mutex::new(current),
            renewing: tokio::sync::Mutex::new(()),
        })
    }

    /// Returns the header for the next request; `None` without a token, as for plugins that return a certificate.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.lock().header.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CurrentToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the token if it has expired; returns at once if not.
    pub(super) async fn renew_expired(&self) -> Result<()> {
        if self.is_expired() {
            let _one = self.renewing.lock().await;
            if self.is_expired() {
                self.renew().await?;
            }
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a credential expires by this machine's clock, as in client-go"
    )]
    fn is_expired(&self) -> bool {
        let current = self.lock();
        match self.source {
            TokenSource::Fixed => false,
            TokenSource::File(_) => current.obtained_at.elapsed() >= FILE_REREAD_INTERVAL,
            TokenSource::Plugin(_) => current
                .expires
                .is_some_and(|expires| expires <= Timestamp::now()),
        }
    }

    /// Renews a token that the server rejected with 401. Returns true if there is a different one to try.
    pub(super) async fn renew_rejected(&self) -> Result<bool> {
        let before = self.header();
        let _one = self.renewing.lock().await;
        let recent = self.lock().obtained_at.elapsed() < MIN_PLUGIN_INTERVAL;
        if self.header() == before && !recent {
            self.renew().await?;
        }
        Ok(self.header() != before)
    }

    async fn renew(&self) -> Result<()> {
        let (token, expires) = match &self.source {
            TokenSource::Fixed => return Ok(()),
            TokenSource::File(path) => {
                // Blocking is acceptable: the file is small, and in a Pod it is in memory.
                let text = TOKEN_LIMIT.read_text(path).ok();
                let text = text.map(|text| text.trim().to_owned());
                (text.filter(|text| !text.is_empty()), None)
            }
            TokenSource::Plugin(plugin) => {
                let credential = plugin.run().await?;
                (credential.token, credential.expires)
            }
        };
        let header = token.as_deref().map(bearer).transpose()?;
        let mut current = self.lock();
        if header.is_some() {
            current.header = header;
        }
        current.obtained_at = Instant::now();
        current.expires = expires;
        Ok(())
    }
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let header = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut header = header.map_err(|_| {
        Failure::client_side(
            FailureKind::InvalidConfiguration,
            "the bearer token contains characters that are not allowed in an HTTP header",
        )
    })?;
    header.set_sensitive(true);
    Ok(header)
}
