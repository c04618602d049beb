//! Replacement of placeholders by values, with limits on the size of the result. Every byte is counted before it is copied,
//! because a short manifest can expand to gigabytes.

use anyhow::anyhow;

use super::parameter::shorten_value;
use super::placeholder::{PlaceholderRef, TextSegment, split_placeholders};
use super::problem::{Problem, Problems};
use super::scalar_context::ScalarContext;
use super::values::Values;

/// Maximum size of all texts of a rendering, in bytes. More than the objects of any session need.
pub const RENDERED_BYTES_MAX: usize = 4 << 20;

/// Maximum size of one text, in bytes. The API server stores no larger object.
pub const RENDERED_TEXT_MAX: usize = 1 << 20;

/// The number of bytes that a rendering may still produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderBudget {
    left: usize,
}

impl Default for RenderBudget {
    /// Creates a budget of [`RENDERED_BYTES_MAX`] bytes.
    fn default() -> Self {
        Self {
            left: RENDERED_BYTES_MAX,
        }
    }
}

/// The reason why placeholders of a text cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FillError<'s> {
    /// A placeholder has no value.
    NoValue(&'s PlaceholderRef),
    /// The text is longer than [`RENDERED_TEXT_MAX`].
    TooLong,
    /// The budget is exhausted.
    BudgetExhausted,
}

impl RenderBudget {
    /// Returns the number of bytes produced so far.
    #[cfg(test)]
    pub(super) fn used(self) -> usize {
        RENDERED_BYTES_MAX - self.left
    }

    /// Appends `more` to a text.
    fn push(&mut self, text: &mut String, more: &str) -> Result<(), FillError<'static>> {
        if text.len() + more.len() > RENDERED_TEXT_MAX {
            return Err(FillError::TooLong);
        }
        self.left = self
            .left
            .checked_sub(more.len())
            .ok_or(FillError::BudgetExhausted)?;
        text.push_str(more);
        Ok(())
    }
}

impl Values {
    /// Replaces placeholders in a text outside the manifest, such as the name in spec.primary or the path of a connection method.
    /// With `in_name`, USER_ID is converted to a part of an object name.
    ///
    /// # Errors
    /// A malformed placeholder, a parameter without value, a secret parameter, or a result beyond `budget`.
    pub fn expand_text(
        &self,
        text: &str,
        in_name: bool,
        budget: &mut RenderBudget,
    ) -> anyhow::Result<String> {
        let position = if in_name {
            ScalarContext::Name
        } else {
            ScalarContext::Other
        };
        let (pieces, bad) = split_placeholders(text);
        let mut problems = Problems::default();
        for bad in bad {
            problems.push(Problem::without_location(bad.message).with_hint(bad.hint));
        }
        for piece in &pieces {
            if let TextSegment::Placeholder(var) = piece
                && self.is_secret(&var.name)
            {
                problems.push(Problem::without_location(format!(
                    "secret parameter {} is used in {:?}",
                    var.name,
                    shorten_value(text)
                )));
            }
        }
        if !problems.is_empty() {
            return problems
                .into_result(String::new())
                .map_err(Problems::into_error);
        }
        self.fill_segments(&pieces, position, budget)
            .map_err(|error| match error {
                FillError::NoValue(var) => anyhow!("parameter {} has no value", var.name),
                FillError::TooLong | FillError::BudgetExhausted => anyhow!(
                    "{:?} has more than {RENDERED_TEXT_MAX} bytes after replacing its parameters",
                    shorten_value(text)
                ),
            })
    }

    /// Joins segments, replacing the placeholders by their values at a position.
    pub(super) fn fill_segments<'s>(
        &self,
        pieces: &'s [TextSegment],
        position: ScalarContext,
        budget: &mut RenderBudget,
    ) -> Result<String, FillError<'s>> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                TextSegment::Text(literal) => budget.push(&mut text, literal)?,
                TextSegment::Placeholder(var) => match self.placeholder_value(var, position) {
                    Some(value) => budget.push(&mut text, &value)?,
                    None => return Err(FillError::NoValue(var)),
                },
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::SessionIdentity;
    use super::*;

    fn values(length: usize) -> Values {
        let mut values = Values::new(SessionIdentity {
            session: "alice".parse().unwrap(),
            user: "alice".parse().unwrap(),
            namespace: "labs".parse().unwrap(),
            application: None,
        });
        values.set("V", &"x".repeat(length));
        values
    }

    #[test]
    fn a_text_ends_before_it_is_too_long() {
        let (pieces, _) = split_placeholders(&"${V}".repeat(10_000));
        let values = values(64 << 10);
        let mut budget = RenderBudget::default();
        assert_eq!(
            values.fill_segments(&pieces, ScalarContext::Other, &mut budget),
            Err(FillError::TooLong)
        );
        // None of the other 640 MB was produced.
        assert!(budget.used() <= RENDERED_TEXT_MAX, "{budget:?}");
    }

    #[test]
    fn texts_end_when_the_budget_is_spent() {
        let (pieces, _) = split_placeholders("${V}");
        let values = values(64 << 10);
        let mut budget = RenderBudget::default();
        let made = (0..1000).take_while(|_| {
            values
                .fill_segments(&pieces, ScalarContext::Other, &mut budget)
                .is_ok()
        });
        assert_eq!(made.count(), RENDERED_BYTES_MAX / (64 << 10));
        assert_eq!(budget.used(), RENDERED_BYTES_MAX);
        assert_eq!(
            values.fill_segments(&pieces, ScalarContext::Other, &mut budget),
            Err(FillError::BudgetExhausted)
        );
    }
}
