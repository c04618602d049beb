//! Paths from the root of a document to a node.

/// A step from a node to one of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathStep<'n> {
    Key(&'n str),
    Index(usize),
}

/// Longest pointer in characters. Bounded because keys are untrusted text.
const POINTER_MAX: usize = 200;

/// Formats a path as a JSON pointer (RFC 6901) for messages. A long path is shortened to its end.
pub(super) fn json_pointer(path: &[PathStep<'_>]) -> String {
    let (mut steps, mut length) = (Vec::new(), 0);
    for step in path.iter().rev() {
        let step = match step {
            PathStep::Key(key) => key.replace('~', "~0").replace('/', "~1"),
            PathStep::Index(index) => index.to_string(),
        };
        length += step.chars().count() + 1;
        if length > POINTER_MAX {
            steps.push("...".to_owned());
            break;
        }
        steps.push(step);
    }
    steps.iter().rev().map(|step| format!("/{step}")).collect()
}
