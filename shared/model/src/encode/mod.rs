//! Encoders for text that other programs parse. Each quotes or refuses what its format cannot represent.
//!
//! ```text
//! shell.rs   words of a POSIX shell command line, for hints and ssh's ProxyCommand
//! ssh.rs     settings of one ssh host, for ssh_config(5) and for ssh's command line
//! url.rs     HTTP and WebSocket URLs, for browsers and scripts
//! ```
//!
//! JSON, YAML and tables are written by `report`.

pub mod shell;
pub mod ssh;
pub mod url;
