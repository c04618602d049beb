//! Files of a session's container, copied out to an archive and back in.
//!
//! ```text
//! ContainerExport  container ─► tarball check ─► gzip ─► writer; the caller adds the ArchiveFooter
//! ContainerImport  CheckedArchive ─► plain copy ─► container
//!
//! export, import      need a cluster
//! find_container, source_directories   which container, which directories. Pure
//! transfer            time limit and checksums
//! archive_file        the archive: gzip, footer, checksum. Pure
//! tarball             checks a tar stream and rewrites it in a plain form. Pure
//! ```

pub mod archive_file;
mod export;
mod find_container;
mod import;
pub mod source_directories;
pub mod tarball;
mod transfer;

pub use export::{ContainerExport, ExportError};
pub use find_container::find_container;
pub use import::{ContainerImport, SpaceCheck};
