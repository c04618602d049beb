//! Scripted answers: method and path pattern → answers, one after another.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::answer::Answer;
use crate::request::Recorded;

/// How an answer is made from a request.
pub(crate) type Handler = Arc<dyn Fn(&Recorded) -> Answer + Send + Sync>;

pub(crate) struct Route {
    method: String,
    pattern: String,
    answers: VecDeque<Handler>,
}

/// All routes, asked in the order in which they were made.
#[derive(Default)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    /// Adds an answer; a second one for the same method and pattern is given after the first, the last one for ever.
    pub(crate) fn add(&mut self, method: &str, pattern: &str, handler: Handler) {
        let same = |route: &&mut Route| route.method == method && route.pattern == pattern;
        match self.0.iter_mut().find(same) {
            Some(route) => route.answers.push_back(handler),
            None => self.0.push(Route {
                method: method.into(),
                pattern: pattern.into(),
                answers: [handler].into(),
            }),
        }
    }

    pub(crate) fn answer(&mut self, request: &Recorded) -> Option<Handler> {
        let fits = |route: &&mut Route| {
            route.method == request.method && matches(&route.pattern, &request.path)
        };
        let route = self.0.iter_mut().find(fits)?;
        if route.answers.len() > 1 {
            route.answers.pop_front()
        } else {
            route.answers.front().cloned()
        }
    }
}

/// `*` stands for one part of a path, `**` at the end for any rest.
fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_parts() {
        assert!(matches(
            "/api/v1/namespaces/*/pods",
            "/api/v1/namespaces/a/pods"
        ));
        assert!(!matches(
            "/api/v1/namespaces/*/pods",
            "/api/v1/namespaces/a/pods/x"
        ));
        assert!(matches("/apis/**", "/apis/a/b"));
        assert!(!matches("/a", "/b"));
    }
}
