//! The krew package of `kubectl session`: what a release consists of, and what krew makes of it.
//!
//! [`program`] builds the program, [`archive`] packs it, and [`release`] writes manifest, index and checksums beside it. krew's own rules
//! are checked by krew itself, in tests/krew. [`image`] packs the same program for what runs in a cluster.

pub mod archive;
pub mod image;
pub mod manifest;
pub mod oci;
pub mod platform;
pub mod program;
pub mod release;
