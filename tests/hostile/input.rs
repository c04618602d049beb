//! Prompts, standard streams, files and signals.
//!
//! ```text
//! input/scene.rs      sessions that every verb has a question about
//! input/questions.rs  what answers a question, and what does not
//! input/reads.rs      places that wait for input, and signals while they do
//! input/files.rs      files that are not what they seem
//! input/streams.rs    standard streams that are closed, full or read by nobody; what `--to` may write
//! ```

mod files;
mod questions;
mod reads;
mod scene;
mod streams;

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    [
        questions::attacks(),
        reads::attacks(),
        files::attacks(),
        streams::attacks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
