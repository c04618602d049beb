//! Requests and their results, as an observer sees them.

use std::time::Duration;

use http::StatusCode;

/// The callback for requests and their results.
pub(super) type ExchangeObserver = Box<dyn Fn(&Exchange) + Send + Sync>;

/// A request and its result, without headers and bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// `GET`.
    pub method: String,
    /// The complete URL.
    pub url: String,
    /// Status code; 0 without a response.
    pub status: u16,
    /// Time until the response's headers arrived.
    pub elapsed: Duration,
}

/// Returns a status code with its text, `200 OK`; empty for 0, which stands for no response.
pub fn status_text(code: u16) -> String {
    StatusCode::from_u16(code).map_or_else(|_| String::new(), |status| status.to_string())
}
