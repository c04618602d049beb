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
    format_path(path, "/...", |step| match step {
        PathStep::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        PathStep::Index(index) => format!("/{index}"),
    })
}

/// Formats a path as the API server does in messages: `spec.containers[0].name`. A long path is shortened to its end.
pub(super) fn field_path(path: &[PathStep<'_>]) -> String {
    let text = format_path(path, "...", |step| match step {
        PathStep::Key(key) => format!(".{key}"),
        PathStep::Index(index) => format!("[{index}]"),
    });
    text.strip_prefix('.').map(str::to_owned).unwrap_or(text)
}

fn format_path(
    path: &[PathStep<'_>],
    ellipsis: &str,
    format_step: impl Fn(&PathStep<'_>) -> String,
) -> String {
    let (mut steps, mut length) = (Vec::new(), 0);
    for step in path.iter().rev() {
        let step = format_step(step);
        length += step.chars().count();
        if length > POINTER_MAX {
            steps.push(ellipsis.to_owned());
            break;
        }
        steps.push(step);
    }
    steps.reverse();
    steps.concat()
}
