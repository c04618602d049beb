//! Files of a container as an archive: copied out of a session and back into it.
//!
//! ```text
//! tarball         checks a tar stream and rewrites it in a plain form. Pure
//! archive_file    the archive: gzip, footer, checksum. Pure
//! container_path  the container and the directories to copy
//! transfer        time limit and checksums of a copy
//! ```

pub mod archive_file;
pub mod container_path;
pub mod tarball;
pub mod transfer;
