//! The `Authorization` header of requests. A credential plugin runs once for all requests, a token file is read again
//! regularly, and a token that the server rejects is renewed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::HeaderValue;
use jiff::Timestamp;

use super::limits::TOKEN;
use super::plugin::{Credential, Plugin};
use super::surroundings::go_words;
use session_model::failure::{Failure, FailureKind};

/// Interval for reading a token file again; client-go's.
const REREAD: Duration = Duration::from_secs(60);
/// Shortest interval between two runs of a plugin whose tokens the server rejects.
const PATIENCE: Duration = Duration::from_secs(10);

/// The source of a bearer token.
enum Source {
    Fixed,
    File(PathBuf),
    Plugin(Box<Plugin>),
}

/// A bearer token together with its source.
pub(super) struct Credentials {
    source: Source,
    current: Mutex<Current>,
    /// Held while a token is renewed, so that only one request renews it.
    renewing: tokio::sync::Mutex<()>,
}

struct Current {
    header: Option<HeaderValue>,
    taken: Instant,
    expires: Option<Timestamp>,
}

impl Credentials {
    /// Credentials with a fixed token.
    pub(super) fn fixed(token: &str) -> Result<Self> {
        Self::new(Source::Fixed, Some(token), None)
    }

    /// Credentials with the token in a file. A file that is missing now is an error; if it goes missing later, the last
    /// token stays in use.
    pub(super) fn file(path: PathBuf) -> Result<Self> {
        let unreadable = |why: &str| {
            let message = format!(
                "failed to read token file {:?}: {why}",
                path.display().to_string()
            );
            Failure::client_side(FailureKind::Unreachable, message)
        };
        let token = TOKEN
            .read_text(&path)
            .map_err(|error| unreadable(&go_words("open", &path, &error)))?;
        let token = token.trim();
        if token.is_empty() {
            let why = format!(
                "read empty token from file {:?}",
                path.display().to_string()
            );
            return Err(unreadable(&why).into());
        }
        let token = token.to_owned();
        Self::new(Source::File(path), Some(&token), None)
    }

    /// Credentials from a plugin, with the result of its first run.
    pub(super) fn plugin(plugin: Plugin, first: &Credential) -> Result<Self> {
        Self::new(
            Source::Plugin(Box::new(plugin)),
            first.token.as_deref(),
            first.expires,
        )
    }

    fn new(source: Source, token: Option<&str>, expires: Option<Timestamp>) -> Result<Self> {
        let header = token.map(bearer).transpose()?;
        let current = Current {
            header,
            taken: Instant::now(),
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the token if it has expired; returns at once if not.
    pub(super) async fn keep_fresh(&self) -> Result<()> {
        if self.due() {
            let _one = self.renewing.lock().await;
            if self.due() {
                self.renew().await?;
            }
        }
        Ok(())
    }

    fn due(&self) -> bool {
        let current = self.lock();
        match self.source {
            Source::Fixed => false,
            Source::File(_) => current.taken.elapsed() >= REREAD,
            Source::Plugin(_) => current
                .expires
                .is_some_and(|expires| expires <= Timestamp::now()),
        }
    }

    /// Renews a token that the server rejected with 401. Returns true if there is a different one to try.
    pub(super) async fn refused(&self) -> Result<bool> {
        let before = self.header();
        let _one = self.renewing.lock().await;
        let recent = self.lock().taken.elapsed() < PATIENCE;
        if self.header() == before && !recent {
            self.renew().await?;
        }
        Ok(self.header() != before)
    }

    async fn renew(&self) -> Result<()> {
        let (token, expires) = match &self.source {
            Source::Fixed => return Ok(()),
            Source::File(path) => {
                // Blocking is acceptable: the file is small, and in a Pod it is in memory.
                let text = TOKEN.read_text(path).ok();
                let text = text.map(|text| text.trim().to_owned());
                (text.filter(|text| !text.is_empty()), None)
            }
            Source::Plugin(plugin) => {
                let credential = plugin.run().await?;
                (credential.token, credential.expires)
            }
        };
        let header = token.as_deref().map(bearer).transpose()?;
        let mut current = self.lock();
        if header.is_some() {
            current.header = header;
        }
        current.taken = Instant::now();
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
