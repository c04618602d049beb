//! The krew package of `kubectl session`: what a release consists of, and what krew makes of it.
//!
//! [`release`] builds the program, packs it and writes manifest, index and checksums; [`validate`] and [`install`] are krew's rules and
//! mechanics as conventions.md states them, written from there because a real krew cannot be had offline. [`image`] packs the same
//! program for what runs in a cluster.

pub mod archive;
pub mod glob;
pub mod image;
pub mod index;
pub mod install;
pub mod manifest;
pub mod oci;
pub mod platform;
pub mod program;
pub mod release;
pub mod validate;
