//! Text for other programs: one encoder for each format, which refuses what its format cannot carry.
//!
//! ```text
//! shell.rs   words of a command line: hints, ssh's ProxyCommand
//! ssh.rs     a host of ssh, for ssh_config(5) and for ssh's own command line
//! url.rs     addresses of pages and sockets, for browsers and scripts
//! ```
//!
//! JSON, YAML and tables are written by `report`, which is for people and for programs that read objects.

pub mod shell;
pub mod ssh;
pub mod url;
