//! Checks on the pages of a list, against servers whose lists never end.

use std::collections::HashSet;

use anyhow::Result;

use super::read_limits::{COLLECTION_MEMORY_MAX, EMPTY_PAGES_MAX, collection_exceeded_error};
use session_model::failure::{Failure, FailureKind};
use session_model::objects::ResourceType;

/// The pages read so far of a list.
#[derive(Debug)]
pub(super) struct PageCheck {
    plural: String,
    tokens: HashSet<String>,
    empty: u32,
    memory: u64,
}

impl PageCheck {
    /// Creates the record of a list that has not started.
    pub(super) fn new(t: &ResourceType) -> Self {
        Self {
            plural: t.plural.to_string(),
            tokens: HashSet::new(),
            empty: 0,
            memory: 0,
        }
    }

    /// Records a page: its number of objects, their memory in bytes, and its continue token. Returns true if there is a
    /// next page.
    ///
    /// # Errors
    /// A token that was sent before, or a hundred consecutive empty pages: the list would never end. Objects that take
    /// more memory than a list may.
    pub(super) fn record_page(&mut self, objects: usize, memory: u64, token: &str) -> Result<bool> {
        self.memory = self
            .memory
            .saturating_add(memory)
            .saturating_add(token.len() as u64);
        if self.memory > COLLECTION_MEMORY_MAX {
            return Err(collection_exceeded_error("list", &self.plural));
        }
        if token.is_empty() {
            return Ok(false);
        }
        self.empty = if objects == 0 { self.empty + 1 } else { 0 };
        if self.empty >= EMPTY_PAGES_MAX {
            return Err(self.endless_error(&format!("{EMPTY_PAGES_MAX} pages in a row are empty")));
        }
        if !self.tokens.insert(token.to_owned()) {
            return Err(self.endless_error("a continue token was sent twice"));
        }
        Ok(true)
    }

    fn endless_error(&self, why: &str) -> anyhow::Error {
        let message = format!(
            "cannot list {}: the server's list has no end: {why}",
            self.plural
        );
        Failure::client_side(FailureKind::OtherStatus, message).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::objects::resource::POD;

    #[test]
    fn a_list_that_does_not_end_is_the_servers_fault() {
        let mut paging = PageCheck::new(&POD);
        assert!(paging.record_page(500, 1, "a").unwrap());
        assert!(paging.record_page(500, 1, "b").unwrap());
        assert_eq!(
            paging.record_page(500, 1, "a").unwrap_err().to_string(),
            "cannot list pods: the server's list has no end: a continue token was sent twice"
        );
        let mut paging = PageCheck::new(&POD);
        let taken = (0..).map(|page| paging.record_page(0, 1, &format!("{page}")));
        let failed = taken
            .enumerate()
            .find_map(|(at, taken)| Some((at, taken.err()?)));
        let (pages, error) = failed.unwrap();
        assert_eq!(pages, 99);
        assert_eq!(
            error.to_string(),
            "cannot list pods: the server's list has no end: 100 pages in a row are empty"
        );
    }

    #[test]
    fn a_list_takes_only_so_much_memory() {
        let mut paging = PageCheck::new(&POD);
        assert!(
            paging
                .record_page(500, COLLECTION_MEMORY_MAX - 1, "a")
                .unwrap()
        );
        let error = paging.record_page(500, 1, "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot list pods: the objects take more than 2 GiB of memory"
        );
    }
}
