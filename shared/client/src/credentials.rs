//! The `Authorization` header, kept by us: a plugin runs once for all requests, a token file is read again, and what the
//! server refuses is renewed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use http::HeaderValue;
use jiff::Timestamp;

use super::limits::TOKEN;
use super::plugin::{Credential, Plugin};
use super::surroundings::go_words;
use session_model::failure::{Failure, Kind};

/// A token file is read again after this time, as in client-go.
const REREAD: Duration = Duration::from_secs(60);
/// A plugin that is refused again and again is not run more often than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the token comes from.
enum Source {
    Fixed,
    File(PathBuf),
    Plugin(Box<Plugin>),
}

/// A bearer token and its source.
pub(super) struct Credentials {
    source: Source,
    current: Mutex<Current>,
    /// Only one request renews at a time.
    renewing: tokio::sync::Mutex<()>,
}

struct Current {
    header: Option<HeaderValue>,
    taken: Instant,
    expires: Option<Timestamp>,
}

impl Credentials {
    /// A token that never changes.
    pub(super) fn fixed(token: &str) -> Result<Self> {
        Self::new(Source::Fixed, Some(token), None)
    }

    /// The content of a file; a file that is missing now is an error, later its last content counts.
    pub(super) fn file(path: PathBuf) -> Result<Self> {
        let unreadable = |why: &str| {
            let message = format!(
                "failed to read token file {:?}: {why}",
                path.display().to_string()
            );
            Failure::local(Kind::Unreachable, message)
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

    /// What a plugin gave when it was run first.
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

    /// The header for the next request.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.lock().header.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews what has run out; at once where nothing has.
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

    /// Renews what the server refused with 401. True if there is something new to try.
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
                // Small, and most often in memory: a Pod's is.
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
        Failure::local(
            Kind::Configuration,
            "the bearer token has characters that no header may have",
        )
    })?;
    header.set_sensitive(true);
    Ok(header)
}
