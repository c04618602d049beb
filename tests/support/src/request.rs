//! A request as it arrived.

use serde_json::Value;

/// One request, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path without the query, still percent-encoded.
    pub path: String,
    /// The query as it came, without `?`; may be empty.
    pub raw_query: String,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body, empty for reads.
    pub body: Vec<u8>,
}

impl Recorded {
    /// `GET /path?query`: what assertions compare.
    pub fn line(&self) -> String {
        let mark = if self.raw_query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.raw_query)
    }

    /// `GET /path`, without the query.
    pub fn target(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// A query parameter, decoded; `None` where it is absent.
    pub fn query(&self, key: &str) -> Option<String> {
        let pairs = self
            .raw_query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(name, _)| decode(name) == key)
            .map(|(_, value)| decode(value))
            .next()
    }

    /// A header as text, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON, null where there is none.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&self.body).expect("the body of a request is JSON")
        }
    }

    /// True for requests that would change something on a real server.
    pub fn writes(&self) -> bool {
        let review = self.path.ends_with("reviews");
        self.method != "GET"
            && !review
            && self.query("dryRun").is_none()
            && self.json_or_null().get("dryRun").is_none()
    }

    fn json_or_null(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Percent-decoding, with `+` as a blank.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        rest = match (byte, hex) {
            (b'%', Some(value)) => {
                bytes.push(value);
                &tail[2..]
            }
            (b'+', _) => {
                bytes.push(b' ');
                tail
            }
            _ => {
                bytes.push(byte);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
